/** Events for the tests, and arbitrary ones. */
import * as fc from 'fast-check'
import type { V1Event, V2Event } from '../src/wire.ts'
import { encodeV1Event, encodeV2Frame, formatMicros } from '../src/wire.ts'
import type { Logged } from './servers.ts'

/** 2026-07-04, in unix microseconds. */
export const NOON = 1_783_166_400_000_000

/** An account by its number. */
export const didOf = (n: number): `did:plc:${string}` =>
  `did:plc:${n.toString().padStart(24, '0').replaceAll('0', 'a').replaceAll('1', 'b').replaceAll('8', 'c').replaceAll('9', 'd')}`

const ALPHABET = '234567abcdefghijklmnopqrstuvwxyz'
const CID = 'bafyreiguce4jh7kcbmof3pmcvasifqtw24b6isakj5ve5ga2b4z4alpc4i'

/** A TID by its number. */
export function tidOf(n: number): string {
  let text = ''
  for (let rest = n, i = 0; i < 10; i += 1, rest = Math.floor(rest / 32)) text = ALPHABET[rest % 32]! + text
  return `3mp${text}`
}

/** Event `n` of a log: a create, at second `n`. */
export function v1Event(n: number, collection = 'app.bsky.feed.post', did = didOf(n % 5)): V1Event {
  const record = { $type: collection, text: `event ${n}` }
  return {
    did,
    time_us: NOON + n * 1_000_000,
    kind: 'commit',
    commit: {
      rev: tidOf(n),
      operation: 'create',
      collection: collection as 'a.b.c',
      rkey: tidOf(n),
      record,
      cid: CID,
    },
  }
}

/** Event `n` as a log has it; `shiftUs` is what another server's clock says. */
export function v1Logged(event: V1Event, shiftUs = 0): Logged {
  const shifted = { ...event, time_us: event.time_us + shiftUs }
  return {
    at: shifted.time_us,
    kind: event.kind,
    did: event.did,
    ...(event.kind === 'commit' && { collection: event.commit.collection }),
    text: encodeV1Event(shifted),
  }
}

/** Event `n` of a v2 log, of which the first has `firstSeq`. */
export function v2Logged(n: number, firstSeq = 1): Logged {
  const { did, commit, time_us: us } = v1Event(n) as Extract<V1Event, { kind: 'commit' }>
  const seq = firstSeq + n
  const event: V2Event = { kind: 'commit', seq, did, time: formatMicros(us), ...commit }
  return { at: seq, kind: 'commit', did, collection: commit.collection, text: encodeV2Frame(event) }
}

const json: fc.Arbitrary<any> = fc
  .jsonValue({ maxDepth: 3 })
  // JSON has one zero.
  .map((value) => JSON.parse(JSON.stringify(value)))
const record = fc.dictionary(fc.string(), json, { maxKeys: 4, noNullPrototype: true })
const extra = fc.dictionary(fc.stringMatching(/^x[a-z]{1,8}$/), json, { maxKeys: 2, noNullPrototype: true })
const nsid = fc.stringMatching(
  /^[a-z]{1,8}\.[a-z]{1,8}\.[a-zA-Z]{1,12}$/,
) as fc.Arbitrary<`${string}.${string}.${string}`>
const did = fc.nat(99).map(didOf)
const tid = fc.nat().map(tidOf)
const count = fc.maxSafeNat()
const base = { rev: tid, collection: nsid, rkey: tid }
const operation = fc.oneof(
  fc.record({ ...base, operation: fc.constantFrom('create', 'update'), record, cid: fc.constant(CID) }),
  fc.record({ ...base, operation: fc.constant('delete') }),
)
const optional = { requiredKeys: ['did'] } as { requiredKeys: any }

/** Any event of v1, members that are not known included. */
export const anyV1: fc.Arbitrary<V1Event> = fc
  .tuple(did, count, extra, extra)
  .chain(([account, time_us, outer, inner]) => {
    const head = { ...outer, did: account, time_us }
    const said = { ...inner, did: account }
    return fc.oneof(
      operation.map((commit) => ({ ...head, kind: 'commit', commit: { ...inner, ...commit } })),
      fc
        .record({ did: fc.constant(account), seq: count, time: fc.string(), handle: fc.string() }, optional)
        .map((identity) => ({ ...head, kind: 'identity', identity: { ...said, ...identity } })),
      fc
        .record({ did: fc.constant(account), seq: count, time: fc.string(), status: fc.string() }, optional)
        .map((account_) => ({ ...head, kind: 'account', account: { ...said, active: false, ...account_ } })),
    ) as fc.Arbitrary<V1Event>
  })

/** Any event of v2, members that are not known included. */
export const anyV2: fc.Arbitrary<V2Event> = fc
  .tuple(
    did,
    fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    extra,
    record,
    fc.integer({ min: 0, max: 4e15 }),
  )
  .chain(([account, seq, outer, upstream, us]) => {
    const head = { ...outer, seq, did: account, time: formatMicros(us) }
    return fc.oneof(
      operation.map((op) => ({ ...head, kind: 'commit', ...op })),
      fc.constant({ ...head, kind: 'identity', identity: upstream }),
      fc.constant({ ...head, kind: 'account', account: upstream }),
      fc.constant({ ...head, kind: 'sync', sync: upstream }),
    ) as fc.Arbitrary<V2Event>
  })
