// What every RepoStore must do, as plain functions: run them with any test runner.

import { type CID, formatCid } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { applyWrites } from '../apply.ts'
import { RepoError } from '../error.ts'
import {
  alice,
  bob,
  clock,
  commit,
  create,
  equal,
  has,
  prepare,
  recordCid,
  rejects,
  remove,
  sample,
  signer,
  stream,
  type StoreCheck,
} from './support.ts'

/** Every check. Each wants an empty store of its own. */
export const repoStoreChecks: readonly StoreCheck[] = [
  {
    name: 'knows nothing of a repository it does not have',
    async run({ store }) {
      const data = await prepare(store, alice, [create('a')])
      equal(await store.getHead(alice), null, 'head')
      equal((await store.getBlocks(alice, [data.commit])).size, 0, 'blocks')
      equal(await store.listHeads(null, 10), [], 'heads')
    },
  },
  {
    name: 'gives back head and blocks of a commit, per repository',
    async run({ store }) {
      const data = await commit(store, alice, create('a'), create('b'))
      const head = await store.getHead(alice)
      equal(
        head && [head.did, head.rev, formatCid(head.data), formatCid(head.commit), head.status],
        [alice, data.rev, formatCid(data.data), formatCid(data.commit), 'active'],
        'head',
      )
      const found = await store.getBlocks(alice, [...data.newBlocks.keys()])
      for (const [cid, bytes] of data.newBlocks) equal([...(found.get(cid) ?? [])], [...bytes], 'block')
      equal((await store.getBlocks(bob, [data.commit])).size, 0, 'blocks of another repository')
    },
  },
  {
    name: 'deletes the blocks a commit no longer needs',
    async run({ store }) {
      const first = await commit(store, alice, create('a'), create('b'))
      const second = await commit(store, alice, remove('a'))
      equal(
        await has(store, alice, [first.commit, first.data, recordCid(first, 'a')]),
        [false, false, false],
        'old blocks',
      )
      equal(
        await has(store, alice, [second.commit, second.data, recordCid(first, 'b')]),
        [true, true, true],
        'blocks',
      )
    },
  },
  {
    name: 'keeps a record that another path still holds',
    async run({ store }) {
      const first = await commit(store, alice, create('a', 'same'), create('b', 'same'))
      const cid = recordCid(first, 'a')
      await commit(store, alice, remove('a'))
      equal(await has(store, alice, [cid]), [true], 'record after the first delete')
      await commit(store, alice, create('c', 'same'), remove('b'))
      equal(await has(store, alice, [cid]), [true], 'record after a move')
      await commit(store, alice, remove('c'))
      equal(await has(store, alice, [cid]), [false], 'record after the last delete')
    },
  },
  {
    name: 'refuses a commit made on another head',
    async run({ store }) {
      await commit(store, alice, create('a'))
      const one = await prepare(store, alice, [create('b')])
      const two = await prepare(store, alice, [create('c')])
      await store.apply(one)
      await rejects(store.apply(two), 'head-moved')
      equal(await has(store, alice, [two.commit]), [false], 'blocks of the refused commit')
      const firstAgain = await applyWrites({
        did: alice,
        head: null,
        store,
        writes: [],
        signer,
        rev: clock.next(),
      })
      await rejects(store.apply(firstAgain), 'head-moved')
    },
  },
  {
    name: 'runs alongside in the same transaction',
    async run({ store, mark, marks }) {
      const data = await prepare(store, alice, [create('a')])
      await store.apply(data, (tx) => mark(tx, 'one'))
      equal(await marks(), ['one'], 'marks')
      const next = await prepare(store, alice, [create('b')])
      const broken = store.apply(next, (tx) => {
        const fail = (): void => {
          throw new Error('alongside broke')
        }
        const marked = mark(tx, 'never')
        return marked === undefined ? fail() : marked.then(fail)
      })
      await broken.then(
        () => Promise.reject(new Error('a throwing alongside must reject')),
        () => undefined,
      )
      equal(await marks(), ['one'], 'marks after a throw')
      equal((await store.getHead(alice))?.rev, data.rev, 'rev after a throw')
      equal(await has(store, alice, [next.commit, data.commit]), [false, true], 'blocks after a throw')
      await store.apply(next)
    },
  },
  {
    name: 'tells blocks added since a revision',
    async run({ store }) {
      const first = await commit(store, alice, create('a'))
      const second = await commit(store, alice, create('b'))
      const cids = [recordCid(first, 'a'), recordCid(second, 'b'), second.commit]
      const since = await store.getBlocks(alice, cids, first.rev)
      equal(
        cids.map((cid) => since.has(cid)),
        [false, true, true],
        'blocks since the first commit',
      )
    },
  },
  {
    name: 'serialises 32 writers on one repository without losing an update',
    async run({ store }) {
      await commit(store, alice)
      let retries = 0
      const write = async (i: number): Promise<void> => {
        for (;;) {
          const data = await prepare(store, alice, [create(`w${i}`)])
          try {
            return await store.apply(data)
          } catch (error) {
            if (!(error instanceof RepoError) || error.code !== 'head-moved') throw error
            if (++retries > 2000) throw error
          }
        }
      }
      await Promise.all(Array.from({ length: 32 }, (_, i) => write(i)))
      const last = await prepare(
        store,
        alice,
        Array.from({ length: 32 }, (_, i) => remove(`w${i}`)),
      )
      equal(last.ops.length, 32, 'records')
    },
  },
  {
    name: 'takes 32 writers on 32 repositories',
    async run({ store }) {
      const dids = Array.from({ length: 32 }, (_, i): Did => `did:web:w${i}.example.com`)
      await Promise.all(
        dids.map(async (did) => {
          for (let i = 0; i < 5; i++) await commit(store, did, create(`r${i}`))
        }),
      )
      for (const did of dids) {
        equal(
          (
            await prepare(
              store,
              did,
              Array.from({ length: 5 }, (_, i) => remove(`r${i}`)),
            )
          ).ops.length,
          5,
          did,
        )
      }
    },
  },
  {
    name: 'lists heads by DID, page by page',
    async run({ store }) {
      const dids = Array.from({ length: 7 }, (_, i): Did => `did:web:${'gcafebd'[i]!}.example.com`)
      for (const did of dids) await commit(store, did)
      const seen: Did[] = []
      for (let after: Did | null = null; ; after = seen.at(-1)!) {
        const page = await store.listHeads(after, 3)
        seen.push(...page.map((head) => head.did))
        if (page.length < 3) break
      }
      equal(seen, dids.toSorted(), 'dids')
    },
  },
  {
    name: 'refuses commits while inactive, and keeps a tombstone of a deleted repository',
    async run({ store, mark, marks }) {
      const first = await commit(store, alice, create('a'))
      const next = await prepare(store, alice, [create('b')])
      await store.setStatus(alice, 'deactivated', (tx) => mark(tx, 'off'))
      equal((await store.getHead(alice))?.status, 'deactivated', 'status')
      await rejects(store.apply(next), 'inactive-repo')
      await rejects(prepare(store, alice, [create('c')]), 'inactive-repo')
      equal(await has(store, alice, [first.commit]), [true], 'blocks while deactivated')
      await store.setStatus(alice, 'active', (tx) => mark(tx, 'on'))
      await store.apply(next)
      await store.setStatus(alice, 'deleted', (tx) => mark(tx, 'gone'))
      equal(await marks(), ['off', 'on', 'gone'], 'marks')
      equal((await store.getHead(alice))?.status, 'deleted', 'status')
      equal(
        await has(store, alice, [next.commit, next.data]),
        [false, false],
        'blocks of a deleted repository',
      )
      await rejects(store.setStatus(alice, 'active'), 'inactive-repo')
      await rejects(store.setStatus(bob, 'active'), 'repo-not-found')
      await store.remove(alice)
      equal(await store.getHead(alice), null, 'head after remove')
      await commit(store, alice, create('again'))
    },
  },
  {
    name: 'makes and replaces a repository from a stream',
    async run({ store, mark, marks }) {
      const imported = await sample(50)
      await store.replace(imported.head, stream(imported.blocks), (tx) => mark(tx, 'made'))
      equal((await store.getHead(alice))?.rev, imported.head.rev, 'rev')
      const next = await commit(store, alice, remove('imported7'), create('x'))
      const second = await sample(20)
      await store.replace(second.head, stream(second.blocks), (tx) => mark(tx, 'replaced'))
      equal(
        await has(store, alice, [next.commit, next.data, recordCid(next, 'x')]),
        [false, false, false],
        'old blocks',
      )
      equal(await marks(), ['made', 'replaced'], 'marks')
      const cids = second.blocks.map((block) => block.cid)
      equal(new Set(await has(store, alice, cids)).has(false), false, 'blocks missing')
      await commit(store, alice, remove('imported7'))
    },
  },
  {
    name: 'leaves a repository as it was when a replacement breaks off',
    async run({ store, mark, marks }) {
      const before = await commit(store, alice, create('a'))
      const imported = await sample(50)
      const broken = store.replace(imported.head, stream(imported.blocks, 30), (tx) => mark(tx, 'never'))
      await broken.then(
        () => Promise.reject(new Error('a throwing stream must reject')),
        () => undefined,
      )
      equal((await store.getHead(alice))?.rev, before.rev, 'rev')
      equal(await marks(), [], 'marks')
      equal(await has(store, alice, [imported.blocks[0]!.cid, before.commit]), [false, true], 'blocks')
      const racing = store.replace(
        imported.head,
        (async function* () {
          yield* imported.blocks
          await commit(store, alice, create('meanwhile'))
        })(),
      )
      await rejects(racing, 'head-moved')
      await commit(store, alice, create('b'))
    },
  },
  {
    name: 'gives snapshots that stay as they are while commits and replacements go on',
    async run({ store }) {
      const first = await commit(store, alice, create('a'), create('b'))
      const one = (await store.snapshot(alice))!
      equal(one.head.rev, first.rev, 'rev of the snapshot')
      const second = await commit(store, alice, remove('a'), create('c'))
      const two = (await store.snapshot(alice))!
      const imported = await sample(30)
      await store.replace(imported.head, stream(imported.blocks))
      const inSnapshot = async (snapshot: typeof one, cids: CID[]): Promise<boolean> =>
        (await snapshot.getBlocks(alice, cids)).size === cids.length
      equal(
        await inSnapshot(one, [first.commit, first.data, recordCid(first, 'a')]),
        true,
        'blocks of the first',
      )
      await one[Symbol.asyncDispose]()
      await one[Symbol.asyncDispose]()
      equal(
        await inSnapshot(two, [second.commit, second.data, recordCid(second, 'c')]),
        true,
        'blocks of the second',
      )
      await two[Symbol.asyncDispose]()
      equal(
        await has(store, alice, [first.commit, second.commit, second.data]),
        [false, false, false],
        'old blocks',
      )
      const three = (await store.snapshot(alice))!
      const fourth = await commit(store, alice, create('x'))
      await commit(store, alice, remove('x'))
      await commit(store, alice, create('x'))
      await three[Symbol.asyncDispose]()
      equal(
        await has(store, alice, [recordCid(fourth, 'x')]),
        [true],
        'record that came back during a snapshot',
      )
      equal(await store.snapshot(bob), null, 'snapshot of an unknown repository')
    },
  },
]
