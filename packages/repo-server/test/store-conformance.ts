import { createKeypair } from '@avocet/crypto'
import { cidForRaw, formatCid, fromJson, type DataObject, type JsonValue } from '@avocet/data'
import { encode } from '@avocet/cbor'
import {
  applyWrites,
  createMemoryRepoStore,
  exportRepo,
  importRepo,
  prepareWrite,
  toCommitEvent,
  type RepoStore,
  type Write,
} from '@avocet/repo'
import { createTidClock, type Datetime, type Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import {
  createKeyedLock,
  createRepoWriter,
  readImported,
  type CommitChange,
  type Outcome,
  type RecordWrite,
  type RepoPage,
  type RepoServerStore,
  type RepoWriter,
  type RepoWriterParts,
  type StagedRecord,
  type Staging,
} from '../src/index.ts'

const A: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const B: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
const POST = 'app.bsky.feed.post'
const LIKE = 'app.bsky.feed.like'
const key = createKeypair('k256')
const tids = createTidClock()
const now = (): Datetime => new Date().toISOString() as Datetime
const APPLIED: Outcome = { status: 'applied', seqs: [], orphans: [] }

/** CIDs of blobs, in order. */
const BLOBS = ['one', 'two', 'three'].map((text) => formatCid(cidForRaw(encode(text)))).toSorted()
const [ONE, TWO, THREE] = BLOBS as [string, string, string]

const note = (text: string, cids: readonly string[] = [], size = 3): JsonValue => ({
  $type: POST,
  text,
  blobs: cids.map((cid) => ({ $type: 'blob', ref: { $link: cid }, mimeType: 'text/plain', size })),
})

async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

async function* chunks(bytes: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* bytes
}

/** What every store of this package does. @param open makes one that is empty */
export function describeRepoServerStore(
  name: string,
  open: () => Promise<{ store: RepoServerStore; close: () => Promise<void> }>,
): void {
  describe(`repo server store: ${name}`, () => {
    let store: RepoServerStore
    let close: () => Promise<void>
    let writer: RepoWriter
    let discarded: string[]

    const writerOf = (parts: Partial<RepoWriterParts> = {}): RepoWriter =>
      createRepoWriter({
        store,
        signerOf: () => key,
        locks: createKeyedLock(),
        tids,
        discard: async (_, cids) => void discarded.push(...cids),
        ...parts,
      })

    beforeEach(async () => {
      ;({ store, close } = await open())
      discarded = []
      writer = writerOf()
    })
    afterEach(() => close())

    /** The change that some writes make of the newest head. */
    const changeOf = async (did: Did, writes: Write[] = [], more: object = {}): Promise<CommitChange> => {
      const stored = await store.repos.getHead(did)
      const head = stored === null ? null : { did, rev: stored.rev, data: stored.data, commit: stored.commit }
      const rev = tids.nextAfter(head?.rev ?? null)
      const reader = {
        getBlocks: (who: Did, cids: Parameters<typeof store.repos.getBlocks>[1]) =>
          store.repos.getBlocks(who, cids),
      }
      const commit = await applyWrites({ did, head, store: reader, writes, signer: key, rev })
      const events = [{ did, type: '#commit' as const, body: toCommitEvent(commit, now()) }]
      return { type: 'commit', did, commit, records: [], claims: [], events, ...more }
    }
    const make = async (did: Did = A, more: object = {}): Promise<Outcome> =>
      store.apply(await changeOf(did, [], more))
    const upload = (cid: string, did = A, maxBytes = Infinity, at = 1000): Promise<Outcome> =>
      store.apply({
        type: 'upload',
        did,
        blob: { cid, mimeType: 'text/plain', size: 3 },
        now: at,
        maxBytes,
      })
    const write = (rkey: string, cids: readonly string[] = [], text = rkey): RecordWrite => ({
      action: 'put',
      collection: POST,
      rkey,
      record: { record: fromJson(note(text, cids)) as DataObject, status: 'valid', blobs: cids },
    })
    const remove = (rkey: string): RecordWrite => ({ action: 'delete', collection: POST, rkey })
    const codeOf = (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => 'fine',
        (error: { code?: string }) => error.code ?? String(error),
      )
    const events = async (): Promise<number[]> =>
      (await store.log.read(0, { count: 100, bytes: 1e7 })).map(({ seq }) => seq)
    const headOf = async (did = A): Promise<string> => formatCid((await store.repos.getHead(did))!.commit)

    describe('a commit', () => {
      it('is applied with its event, once', async () => {
        const change = await changeOf(A)
        expect(await store.apply(change)).toEqual({ status: 'applied', seqs: [1], orphans: [] })
        expect(await store.apply(change)).toEqual({ status: 'stale' })
        expect([await headOf(), await events()]).toEqual([formatCid(change.commit.commit), [1]])
      })

      it('is stale on another head than it was built on, and changes nothing', async () => {
        await make()
        const [first, second] = [await changeOf(A), await changeOf(A)]
        const records = [{ collection: POST, rkey: 'a', cid: ONE, links: [], blobs: [], replaces: false }]
        expect((await store.apply(first)).status).toBe('applied')
        expect(await store.apply({ ...second, records })).toEqual({ status: 'stale' })
        expect([await headOf(), await events()]).toEqual([formatCid(first.commit.commit), [1, 2]])
        expect(await store.records.get(A, POST, 'a')).toBe(null)
      })

      it.each([
        ['deactivated', 'account-deactivated'],
        ['takendown', 'account-takendown'],
        ['suspended', 'account-takendown'],
      ] as const)('is refused while the repository is %s', async (status, code) => {
        await make()
        const change = await changeOf(A)
        const before = await headOf()
        expect(await store.apply({ type: 'status', did: A, status, events: [] })).toEqual(APPLIED)
        expect(await store.apply(change)).toMatchObject({ status: 'refused', code })
        expect([await headOf(), await events()]).toEqual([before, [1]])
        expect((await store.apply({ ...change, onlyWhile: [status] })).status).toBe('applied')
        expect((await store.repos.getHead(A))!.status).toBe(status)
        await store.apply({ type: 'status', did: A, status: 'active', events: [] })
        expect((await make()).status).toBe('applied')
      })

      it('makes a repository in the status it is given', async () => {
        await make(A, { status: 'deactivated', events: [] })
        expect((await store.repos.getHead(A))!.status).toBe('deactivated')
        expect(await make()).toMatchObject({ status: 'refused', code: 'account-deactivated' })
        expect(await events()).toEqual([])
      })

      it('is refused when a blob it claims is not here, or not as it is described', async () => {
        await make()
        await upload(ONE)
        const claim = { cid: ONE, mimeType: 'text/plain', size: 3 }
        for (const [claimed, code] of [
          [{ ...claim, cid: TWO }, 'blob-not-found'],
          [{ ...claim, mimeType: 'text/html' }, 'mime-mismatch'],
          [{ ...claim, size: 4 }, 'invalid-size'],
        ] as const) {
          const change = await changeOf(A, [], { claims: [claimed] })
          expect(await store.apply(change)).toMatchObject({ status: 'refused', code })
        }
        await store.apply({ type: 'takedown', did: A, subject: { cid: ONE }, ref: 'x' })
        const change = await changeOf(A, [], { claims: [claim] })
        expect(await store.apply(change)).toMatchObject({ status: 'refused', code: 'blob-not-found' })
        expect(await events()).toEqual([1])
      })
    })

    describe('writes', () => {
      it('make rows that are read back', async () => {
        await make()
        const { commit, cids } = await writer.write(A, [write('b'), write('a'), write('c')])
        expect(await store.records.get(A, POST, 'a')).toEqual({
          collection: POST,
          rkey: 'a',
          cid: cids[1],
          rev: commit!.rev,
          takedownRef: null,
        })
        const page = async (options: object): Promise<string[]> =>
          (await store.records.page(A, POST, { limit: 2, ...options })).map(([rkey]) => rkey)
        expect([await page({}), await page({ cursor: 'b' })]).toEqual([['c', 'b'], ['a']])
        expect(await page({ reverse: true, cursor: 'a' })).toEqual(['b', 'c'])
        expect([await store.records.collections(A), await store.records.count(A)]).toEqual([[POST], 3])
        const all = await listed(store.records.all(A, 2))
        expect(all.map((rows) => rows.map(({ rkey }) => rkey))).toEqual([['a', 'b'], ['c']])
        await writer.write(A, [remove('a'), write('b', [], 'new')])
        expect(await store.records.find(A, POST, 'a')).toBe(null)
        expect(await store.records.find(A, POST, 'b')).not.toMatchObject({ cid: cids[0] })
      })

      it('that change nothing make no commit', async () => {
        await make()
        await writer.write(A, [write('a')])
        expect((await writer.write(A, [write('a')])).commit).toBe(null)
        expect(await events()).toEqual([1, 2])
      })

      it('replace what links to the same subject, if asked to', async () => {
        await make()
        const like = (rkey: string): RecordWrite => ({
          action: 'create',
          collection: LIKE,
          rkey,
          dedupe: true,
          record: {
            record: { $type: LIKE, subject: { uri: `at://${B}/${POST}/x`, cid: ONE }, rkey },
            status: 'valid',
            blobs: [],
          },
        })
        await writer.write(A, [like('a')])
        await writer.write(A, [like('b')])
        expect(await store.records.linking(A, LIKE, `at://${B}/${POST}/x`, 10)).toEqual(['b'])
        expect(await store.records.count(A)).toBe(1)
      })

      it.each([199, 200, 450])(
        'replace %i that link to the same subject, as many as a commit takes',
        async (count) => {
          await make()
          const subject = { uri: `at://${B}/${POST}/x`, cid: ONE }
          const rkeys = Array.from({ length: count }, (_, n) => `old${String(n).padStart(4, '0')}`)
          // As an archive brings them in.
          for (let at = 0; at < count; at += 200) {
            const writes = rkeys.slice(at, at + 200).map((rkey) =>
              prepareWrite({
                action: 'create',
                collection: LIKE,
                rkey,
                record: { $type: LIKE, subject, rkey },
              }),
            )
            const records = writes.map(({ path, cid }) => ({
              collection: LIKE,
              rkey: path.split('/')[1]!,
              cid: formatCid(cid!),
              links: [subject.uri],
              blobs: [],
              replaces: false,
            }))
            expect(await store.apply(await changeOf(A, writes, { records }))).toMatchObject({
              status: 'applied',
            })
          }
          const record = { $type: LIKE, subject, rkey: 'new' }
          const checked = { record, status: 'valid', blobs: [] } as const
          const like = {
            action: 'create',
            collection: LIKE,
            rkey: 'znew',
            dedupe: true,
            record: checked,
          } as const
          await writer.write(A, [like])
          const left = [...rkeys.slice(199), 'znew']
          expect((await store.records.linking(A, LIKE, subject.uri, 1000)).toSorted()).toEqual(left)
          expect(await store.records.linking(A, LIKE, subject.uri, 1)).toEqual(left.slice(0, 1))
          expect(await store.records.count(A)).toBe(left.length)
          if (count === 199) return
          // The other writes of the request have their places, too.
          await writer.write(A, [write('a'), { ...like, rkey: 'znewer' }])
          const after = [...left.slice(198), 'znewer']
          expect((await store.records.linking(A, LIKE, subject.uri, 1000)).toSorted()).toEqual(after)
        },
      )

      it('keep a blob that another record refers to, and orphan it with the last', async () => {
        await make()
        await upload(ONE)
        await writer.write(A, [write('a', [ONE]), write('b', [ONE])])
        await writer.write(A, [remove('a')])
        expect([discarded, (await store.blobs.get(A, ONE))?.permanent]).toEqual([[], true])
        await writer.write(A, [write('b', [], 'without'), write('c')])
        expect([discarded, await store.blobs.get(A, ONE)]).toEqual([[ONE], null])
      })

      it('of a repository that is not there, of another head, twice of one record', async () => {
        expect(await codeOf(writer.write(A, [write('a')]))).toBe('repo-not-found')
        await make()
        expect(await codeOf(writer.write(A, [write('a')], ONE))).toBe('invalid-swap')
        expect(await codeOf(writer.write(A, [write('a'), remove('a')]))).toBe('invalid-request')
        expect(await codeOf(writer.write(A, [remove('a')]))).toBe('record-not-found')
        expect(await codeOf(writer.write(A, [write('a', [ONE])]))).toBe('blob-not-found')
        await store.apply({ type: 'status', did: A, status: 'deactivated', events: [] })
        expect(await codeOf(writer.write(A, [write('a')]))).toBe('account-deactivated')
      })
    })

    describe('writers that do not know of each other', () => {
      it('lose nothing', async () => {
        await make()
        const writers = [writerOf(), writerOf(), writerOf()]
        await Promise.all(Array.from({ length: 12 }, (_, i) => writers[i % 3]!.write(A, [write(`r${i}`)])))
        expect([await store.records.count(A), (await events()).length]).toEqual([12, 13])
      })

      it('build at most twenty times', async () => {
        await make()
        let builds = 0
        // Where nobody can wait for a turn.
        const alone = { repos: store.repos, records: store.records, blobs: store.blobs }
        const raced = (wins: number): RepoWriter =>
          writerOf({
            store: {
              ...alone,
              apply: async (change) => {
                if (builds++ < wins) await store.apply(await changeOf(A))
                return store.apply(change)
              },
            },
          })
        expect(await codeOf(raced(19).write(A, [write('a')]))).toBe('fine')
        expect(builds).toBe(20)
        builds = 0
        expect(await codeOf(raced(20).write(A, [write('b')]))).toBe('repo-busy')
        expect([builds, await store.records.get(A, POST, 'b')]).toEqual([20, null])
      })

      it('plan anew when rows are ahead of the snapshot', async () => {
        await make()
        let raced = false
        const records: RepoServerStore['records'] = {
          ...store.records,
          get: async (...path) => {
            // Another process writes the record after this one opened its snapshot.
            if (!raced) {
              raced = true
              await writer.write(A, [write('a', [], 'other')])
            }
            return store.records.get(...path)
          },
        }
        const { cids } = await writerOf({ store: { ...store, records } }).write(A, [write('a', [], 'mine')])
        expect(await store.records.find(A, POST, 'a')).toMatchObject({ cid: cids[0] })
      })
    })

    describe('uploads', () => {
      it('are bounded together, at the byte', async () => {
        expect(await upload(ONE, A, 6)).toEqual(APPLIED)
        expect(await upload(TWO, A, 5)).toMatchObject({ status: 'refused', code: 'quota-exceeded' })
        expect(await upload(TWO, A, 6)).toEqual(APPLIED)
        expect(await upload(TWO, A, 6)).toEqual(APPLIED)
        expect([await store.blobs.bytes(A), await store.blobs.bytes(B)]).toEqual([6, 0])
        expect(await store.blobs.get(A, THREE)).toBe(null)
      })

      it('expire unless a record refers to them', async () => {
        await make()
        await upload(ONE)
        await upload(TWO)
        await upload(THREE, B, Infinity, 2000)
        await writer.write(A, [write('a', [ONE])])
        expect(await store.upkeep.expireUploads(1000)).toEqual([])
        expect(await store.upkeep.expireUploads(2000)).toEqual([{ did: A, cid: TWO }])
        expect(await store.blobs.among(A, BLOBS)).toEqual(new Set([ONE]))
        expect(await store.blobs.among(B, BLOBS)).toEqual(new Set([THREE]))
      })

      it('that are made again outlive the record that is deleted', async () => {
        await make()
        await upload(ONE)
        await writer.write(A, [write('a', [ONE])])
        await upload(ONE)
        await writer.write(A, [remove('a')])
        expect([discarded, (await store.blobs.get(A, ONE))?.permanent]).toEqual([[], false])
      })

      it('are listed once records refer to them', async () => {
        await make()
        for (const cid of BLOBS) await upload(cid)
        const first = await writer.write(A, [write('a', [ONE, TWO])])
        await writer.write(A, [write('b', [TWO, THREE])])
        const since = first.commit!.rev
        expect(await store.blobs.page(A, { after: '', limit: 2 })).toEqual([ONE, TWO])
        expect(await store.blobs.page(A, { after: TWO, limit: 2 })).toEqual([THREE])
        expect(await store.blobs.page(A, { since, after: '', limit: 9 })).toEqual([TWO, THREE])
        expect(await store.blobs.counts(A)).toEqual({ expected: 3, imported: 3 })
        await store.apply({ type: 'takedown', did: A, subject: { cid: TWO }, ref: 'x' })
        expect(await store.blobs.page(A, { after: '', limit: 9 })).toEqual([ONE, THREE])
      })
    })

    it('a reference that a record keeps is as old as it was', async () => {
      await make()
      await upload(ONE)
      const first = await writer.write(A, [write('a', [ONE])])
      const since = first.commit!.rev
      await writer.write(A, [write('a', [ONE], 'new')])
      expect(await store.blobs.page(A, { since, after: '', limit: 9 })).toEqual([])
      await writer.write(A, [write('b', [ONE])])
      expect(await store.blobs.page(A, { since, after: '', limit: 9 })).toEqual([ONE])
    })

    it('a takedown hides a record from pages, and is taken back', async () => {
      await make()
      await writer.write(A, [write('a')])
      const takedown = (rkey: string, ref: string | null): Promise<Outcome> =>
        store.apply({ type: 'takedown', did: A, subject: { collection: POST, rkey }, ref })
      expect(await takedown('b', 'x')).toMatchObject({ status: 'refused', code: 'record-not-found' })
      expect(await takedown('a', 'x')).toEqual(APPLIED)
      expect(await store.records.page(A, POST, { limit: 9 })).toEqual([])
      expect(await store.records.find(A, POST, 'a')).toMatchObject({ takedownRef: 'x' })
      await takedown('a', null)
      expect(await store.records.page(A, POST, { limit: 9 })).toHaveLength(1)
    })

    it('lists active repositories by collection', async () => {
      for (const did of [B, A]) {
        await make(did)
        await writer.write(did, [write('a')])
      }
      const listedOf = (collection: string, after = ''): unknown =>
        store.records.reposWith(collection, { after, limit: 9, most: 9 })
      expect(await listedOf(POST)).toEqual({ dids: [A, B], next: null })
      expect(await listedOf(POST, A)).toEqual({ dids: [B], next: null })
      expect(await listedOf(LIKE)).toEqual({ dids: [], next: null })
      await store.apply({ type: 'status', did: A, status: 'takendown', events: [] })
      expect(await listedOf(POST)).toEqual({ dids: [B], next: null })
      expect((await store.repos.listHeads(null, 9)).map(({ did, status }) => [did, status])).toEqual([
        [A, 'takendown'],
        [B, 'active'],
      ])
    })

    it('looks at so many repositories for a page of a collection, and goes on from there', async () => {
      const dids = Array.from('abcdefg', (letter): Did => `did:plc:${letter.repeat(24)}`)
      for (const did of dids) {
        await make(did)
        await writer.write(did, [write('a')])
      }
      const like = { record: { $type: LIKE, subject: {} }, status: 'valid', blobs: [] } as const
      const rare = [dids[1]!, dids[4]!, dids[6]!]
      for (const did of [...rare, dids[2]!]) {
        await writer.write(did, [{ action: 'create', collection: LIKE, rkey: 'a', record: like }])
      }
      // Looked at, too, but not listed.
      await store.apply({ type: 'status', did: dids[2]!, status: 'deactivated', events: [] })
      const pages = async (limit: number, most: number): Promise<unknown[]> => {
        const seen: unknown[] = []
        for (let after: string | null = ''; after !== null;) {
          const page: RepoPage = await store.records.reposWith(LIKE, { after, limit, most })
          seen.push([page.dids, page.next])
          after = page.next
        }
        return seen
      }
      const [first, second, third] = rare as [Did, Did, Did]
      expect(await pages(9, 8)).toEqual([[rare, null]])
      expect(await pages(9, 7)).toEqual([
        [rare, dids[6]],
        [[], null],
      ])
      expect(await pages(9, 6)).toEqual([
        [[first, second], dids[5]],
        [[third], null],
      ])
      expect(await pages(9, 2)).toEqual([
        [[first], dids[1]],
        [[], dids[3]],
        [[second], dids[5]],
        [[third], null],
      ])
      expect(await pages(1, 5)).toEqual([
        [[first], first],
        [[second], second],
        [[third], third],
        [[], null],
      ])
      expect(await pages(2, 4)).toEqual([
        [[first], dids[3]],
        [[second, third], third],
        [[], null],
      ])
    })

    it('tells of every event once it is there, in order, until nobody listens', async () => {
      const told: [number, string][] = []
      const unlisten = store.onEvent(({ seq, type }) => told.push([seq, type]))
      await make()
      await writer.write(A, [write('a')])
      const event = { did: A, type: '#identity' as const, body: { did: A } }
      await store.apply({ type: 'announcement', did: A, events: [event, event] })
      await store.apply(await changeOf(A, [], { claims: [{ cid: ONE, mimeType: 'a/b', size: 1 }] }))
      unlisten()
      await store.apply({ type: 'announcement', did: A, events: [event] })
      expect(told).toEqual([
        [1, '#commit'],
        [2, '#commit'],
        [3, '#identity'],
        [4, '#identity'],
      ])
    })

    it('a status of a repository that is not there is only announced', async () => {
      const event = { did: A, type: '#account' as const, body: { did: A, active: false } }
      const change = { type: 'status', did: A, status: 'deactivated', events: [event] } as const
      expect(await store.apply(change)).toEqual({ status: 'applied', seqs: [1], orphans: [] })
      expect(await store.apply({ type: 'announcement', did: A, events: [event, event] })).toEqual({
        status: 'applied',
        seqs: [2, 3],
        orphans: [],
      })
      expect(await events()).toEqual([1, 2, 3])
    })

    it('a removal takes everything of one repository, and nothing of another', async () => {
      for (const did of [A, B]) {
        await make(did)
        await upload(ONE, did)
        await writer.write(did, [write('a', [ONE])])
      }
      const body = { did: A, active: false, status: 'deleted' }
      const gone = await store.apply({
        type: 'removal',
        did: A,
        events: [{ did: A, type: '#account', body }],
      })
      expect(gone).toEqual({ status: 'applied', seqs: [5], orphans: [] })
      expect([await store.repos.getHead(A), await store.records.count(A)]).toEqual([null, 0])
      expect(await store.upkeep.departed()).toEqual([A])
      expect(await store.upkeep.forgetBlobs(A)).toBe(false)
      await store.upkeep.sweep()
      expect([await store.upkeep.departed(), await store.blobs.get(A, ONE)]).toEqual([[], null])
      expect(await events()).toEqual([3, 4, 5])
      expect([await store.records.count(B), (await store.blobs.get(B, ONE))?.permanent]).toEqual([1, true])
      expect((await make()).status).toBe('applied')
      // Who removed the same blobs, and was slower, takes nothing of the account that came back.
      await upload(ONE, A)
      expect(await store.upkeep.forgetBlobs(A)).toBe(false)
      expect(await store.blobs.get(A, ONE)).toMatchObject({ cid: ONE })
    })

    describe('staged content', () => {
      /** An archive of a repository elsewhere. */
      const archive = async (): Promise<Uint8Array[]> => {
        const there = createMemoryRepoStore()
        const writes = [write('kept'), write('new', [ONE])].map(({ rkey, ...item }) =>
          prepareWrite({
            action: 'create',
            collection: POST,
            rkey,
            record: 'record' in item ? item.record.record : {},
          }),
        )
        const rev = tids.next()
        await there.apply(await applyWrites({ did: A, head: null, store: there, writes, signer: key, rev }))
        return listed(exportRepo(there, A))
      }
      /** Brings the archive in; adopts what `replacement` says besides. */
      const bring = async (staging: Staging, car: Uint8Array[], more: object = {}): Promise<Outcome> => {
        let outcome: Outcome | null = null
        const replace: RepoStore['replace'] = async (head, blocks) => {
          outcome = await staging.adopt({ head, blocks, status: 'active', events: [], ...more })
        }
        let rev = ''
        await importRepo({
          did: A,
          store: { ...store.repos, replace } as unknown as RepoStore,
          source: chunks(car),
          signer: key,
          unsafeSkipSignature: true,
          rev: (archived: string) => (rev = tids.nextAfter(archived)),
          onRecords: (batch: Parameters<typeof readImported>[0][]) =>
            staging.add(
              rev,
              batch.map((entry) => readImported(entry) as StagedRecord),
            ),
        } as never)
        return outcome!
      }

      it('takes the place of what was there, takedowns stay', async () => {
        const car = await archive()
        await make()
        await upload(TWO)
        await writer.write(A, [write('old', [TWO]), write('kept', [], 'before')])
        await store.apply({
          type: 'takedown',
          did: A,
          subject: { collection: POST, rkey: 'kept' },
          ref: 'x',
        })
        const event = { did: A, type: '#sync' as const, body: { did: A } }
        const outcome = await bring(await store.stage(A), car, { events: [event] })
        expect(outcome).toEqual({ status: 'applied', seqs: [3], orphans: [] })
        await store.upkeep.sweep()
        const all = (await listed(store.records.all(A, 9))).flat()
        expect(all.map(({ rkey, takedownRef }) => [rkey, takedownRef])).toEqual([
          ['kept', 'x'],
          ['new', null],
        ])
        expect(await store.blobs.missing(A, '', 9)).toEqual([
          { cid: ONE, recordUri: `at://${A}/${POST}/new` },
        ])
        expect((await store.blobs.get(A, TWO))?.permanent).toBe(false)
        await upload(ONE)
        expect((await store.blobs.get(A, ONE))?.permanent).toBe(true)
        expect((await writer.write(A, [remove('new')])).commit).not.toBe(null)
      })

      it('what it replaces goes by itself', async () => {
        const car = await archive()
        await make()
        await upload(TWO)
        await writer.write(A, [write('old', [TWO])])
        expect((await store.blobs.get(A, TWO))!.permanent).toBe(true)
        expect(await bring(await store.stage(A), car)).toEqual(APPLIED)
        const isKept = async (): Promise<boolean> => (await store.blobs.get(A, TWO))!.permanent
        await expect.poll(isKept, { timeout: 5000 }).toBe(false)
      })

      it('is refused in another status, and announced in none but active', async () => {
        const car = await archive()
        await make()
        const before = await headOf()
        const onlyWhile = ['deactivated']
        const staging = await store.stage(A)
        expect(await bring(staging, car, { onlyWhile })).toMatchObject({
          status: 'refused',
          code: 'invalid-request',
        })
        await staging.discard()
        expect([await headOf(), await store.records.count(A)]).toEqual([before, 0])
        await store.apply({ type: 'status', did: A, status: 'deactivated', events: [] })
        const event = { did: A, type: '#sync' as const, body: { did: A } }
        const seen = await events()
        expect(await bring(await store.stage(A), car, { onlyWhile, events: [event] })).toEqual(APPLIED)
        expect([await store.records.count(A), (await store.repos.getHead(A))!.status]).toEqual([
          2,
          'deactivated',
        ])
        expect(await events()).toEqual(seen)
      })

      it('makes a repository where there was none, in the status it is given', async () => {
        const car = await archive()
        const onlyWhile = ['deactivated']
        expect(await bring(await store.stage(A), car, { onlyWhile, status: 'deactivated' })).toEqual(APPLIED)
        expect((await store.repos.getHead(A))!.status).toBe('deactivated')
      })

      it('is out of sight until then, and gone when it is given up', async () => {
        await make()
        const staging = await store.stage(A)
        const record = { collection: POST, rkey: 'a', cid: TWO, links: [], blobs: [ONE] }
        await staging.add(tids.next(), [record])
        expect([await store.records.count(A), await store.blobs.counts(A)]).toEqual([
          0,
          { expected: 0, imported: 0 },
        ])
        await staging.discard()
        await staging.discard()
        await store.upkeep.discardStaged()
        await store.upkeep.sweep()
        await upload(ONE)
        expect((await store.blobs.get(A, ONE))?.permanent).toBe(false)
      })
    })
  })
}
