// Step 1: frames and envelopes that are not what the protocol says.

import { encode } from '@avocet/cbor'
import type { CID, DataObject } from '@avocet/data'
import type { CommitData } from '@avocet/repo'
import type { FailureReason } from '../../reasons.ts'
import { block, forge } from '../forge.ts'
import type { Case } from '../script.ts'
import { type Account, create, frameOf, post, remove, update, type World } from '../world.ts'
import { attempt, goesOn, settled } from './accounts.ts'

/** One commit whose envelope is changed in one way. */
function envelopeCase(
  name: string,
  reason: FailureReason,
  about: string,
  change: (body: DataObject, world: World, account: Account) => DataObject,
): Case {
  return {
    name,
    group: 'envelope',
    about,
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await attempt(world, account, create('g'), update('a', post('new')), remove('b'))
      script.reject(reason, '#commit', change(world.event(commit), world, account))
      await goesOn(script, world, account)
    },
  }
}

/** The operations with one of them (0 create, 1 update, 2 delete) changed. */
function withOp(body: DataObject, index: number, change: Record<string, unknown>): DataObject {
  const ops = (body['ops'] as DataObject[]).map((op, i) => {
    if (i !== index) return op
    const next: Record<string, unknown> = { ...op, ...change }
    for (const [name, value] of Object.entries(next)) if (value === undefined) delete next[name]
    return next as DataObject
  })
  return { ...body, ops }
}

/** A frame that no event makes. */
function frameCase(
  name: string,
  reason: FailureReason,
  about: string,
  make: (frame: Uint8Array) => Uint8Array,
): Case {
  return {
    name,
    group: 'envelope',
    about,
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await attempt(world, account, create('g'))
      const frame = make(frameOf('#commit', world.event(commit), 50))
      script.raw(frame, { outcome: 'reject', reason })
      await goesOn(script, world, account)
    },
  }
}

const large = async (world: World, account: Account): Promise<CommitData> =>
  attempt(world, account, create('g'))

/** Frames and envelopes that are not what the protocol says. */
export const ENVELOPE_CASES: readonly Case[] = [
  frameCase('frame-empty', 'frame-malformed', 'A message without a byte.', () => new Uint8Array(0)),
  frameCase('frame-truncated', 'frame-malformed', 'A frame cut off in the middle.', (frame) =>
    frame.slice(0, frame.length >> 1),
  ),
  frameCase('frame-trailing-bytes', 'frame-malformed', 'Bytes after the body.', (frame) =>
    Uint8Array.from([...frame, 0xf6]),
  ),
  frameCase('frame-not-cbor', 'frame-malformed', 'JSON instead of CBOR.', () =>
    new TextEncoder().encode('{"op":1,"t":"#commit"}'),
  ),
  frameCase('frame-without-header', 'frame-malformed', 'The body alone.', (frame) =>
    frame.slice(encode({ op: 1, t: '#commit' }).length),
  ),
  {
    name: 'frame-too-big',
    group: 'envelope',
    about: 'A frame above 5 MB.',
    async build(script, world) {
      const account = await settled(script, world)
      const body = world.event(await large(world, account))
      const padding = new Uint8Array(5_000_000)
      script.raw(frameOf('#commit', { ...body, padding }, 50), {
        outcome: 'reject',
        reason: 'frame-too-big',
      })
      await goesOn(script, world, account)
    },
  },
  envelopeCase('did-invalid', 'did-invalid', '`repo` is not a DID.', (body) => ({
    ...body,
    repo: 'did:plc',
  })),
  envelopeCase('rev-of-12-characters', 'rev-invalid', 'A rev that is not a TID.', (body) => ({
    ...body,
    rev: (body['rev'] as string).slice(0, 12),
  })),
  envelopeCase('since-invalid', 'since-invalid', 'A `since` that is not a TID.', (body) => ({
    ...body,
    since: 'yesterday',
  })),
  envelopeCase('time-invalid', 'time-invalid', 'A `time` that is not a datetime.', (body) => ({
    ...body,
    time: 'noon',
  })),
  envelopeCase('commit-not-a-link', 'envelope-malformed', '`commit` as text.', (body) => ({
    ...body,
    commit: (body['commit'] as CID).toString(),
  })),
  envelopeCase('ops-not-a-list', 'envelope-malformed', '`ops` as an object.', (body) => ({
    ...body,
    ops: {},
  })),
  envelopeCase('too-big-flag', 'too-big-flag', '`tooBig` is set: the commit carries no content.', (body) => ({
    ...body,
    tooBig: true,
    ops: [],
  })),
  envelopeCase('op-unknown-action', 'op-malformed', 'An operation that does not exist.', (body) =>
    withOp(body, 0, { action: 'upsert' }),
  ),
  envelopeCase('op-create-without-cid', 'op-malformed', 'A create without a CID.', (body) =>
    withOp(body, 0, { cid: null }),
  ),
  envelopeCase('op-create-with-prev', 'op-malformed', 'A create with `prev`.', (body) =>
    withOp(body, 0, { prev: block({ any: 1 }).cid }),
  ),
  envelopeCase('op-delete-with-cid', 'op-malformed', 'A delete with a CID.', (body) =>
    withOp(body, 2, { cid: block({ any: 1 }).cid }),
  ),
  {
    name: 'too-many-operations',
    group: 'envelope',
    about: '201 operations in one commit.',
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await attempt(world, account, create('g'))
      const [op] = world.event(commit).ops
      const ops = Array.from({ length: 201 }, (_, i) => ({ ...op, path: `app.bsky.feed.post/n${i}` }))
      script.reject('too-many-ops', '#commit', { ...world.event(commit), ops })
      await goesOn(script, world, account)
    },
  },
  {
    name: 'blocks-too-big',
    group: 'envelope',
    about: 'A CAR above 2 000 000 bytes, otherwise right.',
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await attempt(world, account, create('g'))
      const filler = [1, 2, 3].map((n) => block({ n, bytes: new Uint8Array(700_000) }))
      const add = filler.map(({ cid, bytes }) => [cid, bytes] as const)
      script.reject('blocks-too-big', '#commit', await forge(world, account, commit, { add }))
      await goesOn(script, world, account)
    },
  },
]
