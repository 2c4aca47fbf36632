// What must be accepted: the edges of what is legal, on the wire and in the repo.

import { encode } from '@avocet/cbor'
import type { DataObject } from '@avocet/data'
import { keyLayer } from '@avocet/mst'
import { tidFromMicros, tidToMicros } from '@avocet/syntax'
import { encodeFrame } from '@avocet/xrpc'
import { block, blockMap, forge, treeWith } from '../forge.ts'
import type { Case } from '../script.ts'
import { blocksOf, carOf, create, post, remove } from '../world.ts'
import { settled } from './accounts.ts'

/** Keys whose place in the tree is high: each layer takes four times as many tries. */
function highKeys(layer: number, count: number): string[] {
  const keys: string[] = []
  for (let i = 0; keys.length < count; i++) {
    const key = `high${i}`
    if (keyLayer(`app.bsky.feed.post/${key}`) >= layer) keys.push(key)
  }
  return keys
}

/** The edges of what is legal. */
export const EDGE_CASES: readonly Case[] = [
  {
    name: 'deep-tree',
    group: 'valid',
    about: 'Keys of high layers: a tree with long chains of nodes that hold only a subtree.',
    async build(script, world) {
      const account = await settled(script, world)
      const [one, two] = highKeys(6, 2)
      script.accept('#commit', world.event(await world.commit(account, [create(one!)])))
      script.accept('#commit', world.event(await world.commit(account, [create(two!), create('g')])))
      script.accept('#commit', world.event(await world.commit(account, [remove(one!)])))
    },
  },
  {
    name: 'two-hundred-operations',
    group: 'valid',
    about: 'As many operations as a commit may have.',
    async build(script, world) {
      const account = world.createAccount()
      const keys = Array.from({ length: 200 }, (_, i) => `n${String(i).padStart(3, '0')}`)
      const creates = keys.map((key) => create(key))
      script.accept('#commit', world.event(await world.commit(account, creates)))
      const removes = keys.map((key) => remove(key))
      script.accept('#commit', world.event(await world.commit(account, removes)))
    },
  },
  {
    name: 'megabyte-record',
    group: 'valid',
    about: 'A record of exactly 1 000 000 bytes.',
    async build(script, world) {
      const account = await settled(script, world)
      const overhead = encode(post('', 900_000)).length - 900_000
      const record = post('x', 1_000_000 - overhead)
      script.accept('#commit', world.event(await world.commit(account, [create('big', record)])))
    },
  },
  {
    name: 'huge-repo',
    group: 'valid',
    about: 'Commits to a repo of 20 000 records.',
    async build(script, world) {
      const account = world.createAccount()
      await world.fill(
        account,
        Array.from({ length: 20_000 }, (_, i) => [`app.bsky.feed.post/r${i}`, { n: i }] as const),
      )
      script.accept('#commit', world.event(await world.commit(account, [create('new')])))
      script.accept('#commit', world.event(await world.commit(account, [remove('r777'), remove('r12000')])))
    },
  },
  {
    name: 'record-keys',
    group: 'valid',
    about: 'Record keys of every kind that is legal.',
    async build(script, world) {
      const account = world.createAccount()
      const keys = ['self', '3jzfcijpj2z2a', 'example.com', '~1.2-3_', 'a:b', ':', '_', 'x'.repeat(512)]
      const writes = keys.map((key) => create(key))
      script.accept('#commit', world.event(await world.commit(account, writes)))
    },
  },
  {
    name: 'unknown-fields',
    group: 'valid',
    about: 'Fields nobody knows yet, in the envelope, in an operation, and in the signed commit.',
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await world.commit(account, [create('g')])
      const body = await forge(world, account, commit, { commit: { future: 'field' } })
      const ops = (body['ops'] as DataObject[]).map((op) => ({ ...op, future: { deep: [1, null] } }))
      script.accept('#commit', { ...body, ops, future: true, another: block({ a: 1 }).cid })
    },
  },
  {
    name: 'unknown-frames',
    group: 'valid',
    about: 'Message types and operations nobody knows yet are passed over.',
    async build(script, world) {
      const account = await settled(script, world)
      script.reject('frame-unknown-type', '#future', { did: account.did, time: world.time() })
      const op = encode({ op: 7, t: '#commit' })
      const frame = new Uint8Array([...op, ...encode({ any: 'thing' })])
      script.raw(frame, { outcome: 'reject', reason: 'frame-unknown-type' })
      script.accept('#commit', world.event(await world.commit(account, [create('g')])))
    },
  },
  {
    name: 'info-frame',
    group: 'valid',
    about: 'An #info message in the middle.',
    async build(script, world) {
      const account = await settled(script, world)
      script.raw(encodeFrame('#info', { name: 'OutdatedCursor', message: 'events are missing' }), {
        outcome: 'accept',
      })
      script.accept('#commit', world.event(await world.commit(account, [create('g')])))
    },
  },
  {
    name: 'unknown-account-status',
    group: 'valid',
    about: 'An account status nobody knows yet.',
    async build(script, world) {
      const account = await settled(script, world)
      const { did } = account
      script.accept('#account', { did, active: false, status: 'hibernating', time: world.time() })
      script.accept('#account', { did, active: true, status: 'thawed', time: world.time() })
    },
  },
  {
    name: 'seq-gaps',
    group: 'valid',
    about: 'Numbers are skipped.',
    async build(script, world) {
      const account = await settled(script, world)
      for (const seq of [1000, 1001, 5_000_000_000]) {
        const commit = await world.commit(account, [create(`s${seq}`)])
        script.accept('#commit', { ...world.event(commit), seq })
      }
    },
  },
  {
    name: 'seq-reset',
    group: 'valid',
    about: 'A restored server numbers anew, below what it had sent.',
    async build(script, world) {
      const account = world.createAccount()
      for (const seq of [9000, 9001, 500, 501]) {
        const commit = await world.commit(account, [create(`s${seq}`)])
        script.accept('#commit', { ...world.event(commit), seq })
      }
    },
  },
  {
    name: 'duplicated-frame',
    group: 'valid',
    about: 'A frame comes twice: it counts once, and the stream goes on.',
    async build(script, world) {
      const account = await settled(script, world)
      script.repeat('duplicate')
      script.accept('#commit', world.event(await world.commit(account, [create('g')])))
      script.repeat('duplicate')
      script.accept('#commit', world.event(await world.commit(account, [create('h')])))
    },
  },
  {
    name: 'clock-ahead',
    group: 'valid',
    about: 'A rev four minutes ahead of the clock.',
    async build(script, world) {
      const account = await settled(script, world)
      const rev = tidFromMicros(tidToMicros(world.nextRev(account.head!.rev)) + 4 * 60_000_000, 5)
      script.accept('#commit', world.event(await world.commit(account, [create('g')], { rev })))
    },
  },
  {
    name: 'blocks-in-any-order',
    group: 'valid',
    about: 'The commit block is not first in the CAR, and a second root follows the commit.',
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await world.commit(account, [create('g'), remove('b')])
      const blocks = [...blocksOf(commit)].toReversed()
      script.accept('#commit', { ...world.event(commit), blocks: carOf(commit.commit, blocks) })
    },
  },
  {
    name: 'more-blocks-than-needed',
    group: 'valid',
    about: 'The CAR holds the whole tree, and a block that belongs to nothing.',
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await world.commit(account, [create('g')])
      const add = [...treeWith(account).blocks, ...blockMap(block({ stray: true }))]
      script.accept('#commit', await forge(world, account, commit, { add }))
    },
  },
  {
    name: 'commit-with-prev',
    group: 'valid',
    about: 'The signed commit links the one before it, as older servers do.',
    async build(script, world) {
      const account = await settled(script, world)
      const before = account.head!.commit
      const commit = await world.commit(account, [create('g')])
      script.accept('#commit', await forge(world, account, commit, { commit: { prev: before } }))
    },
  },
]
