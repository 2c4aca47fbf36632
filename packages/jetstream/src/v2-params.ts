// What a subscriber says to a server of v2: the URL, and nothing after it.
import { isDid } from '@avocet/syntax'
import { parseCursor, type Cursor } from './cursor.ts'
import { isV2Pattern, MAX_COLLECTIONS, MAX_DIDS, type Filter } from './filter.ts'
import { V2_KINDS, type V2Kind } from './v2-events.ts'

/**
 * Names of errors that servers of v2 give before they upgrade (400; `ServiceUnavailable` is 503), and in the last frame of a stream
 * (`ConsumerTooSlow`, `InternalError`).
 */
export type V2ErrorName =
  | 'InvalidRequest'
  | 'CursorTooOld'
  | 'UnknownZstdDictionary'
  | 'ServiceUnavailable'
  | 'ConsumerTooSlow'
  | 'InternalError'

/** A subscription as its URL asks for it. */
export interface V2Request {
  readonly filter: Filter
  readonly cursor: Cursor
  /** The dictionary to pack frames with; null for frames of text. */
  readonly zstdDictionary: number | null
}

const MAX_U32 = 0xffff_ffff

/** Parameters of v1, and what takes their place. */
const REPLACED = [
  ['wantedDids', 'use dids'],
  ['wantedCollections', 'use collections'],
  ['requireHello', 'there are no messages from the client; use the URL'],
] as const

/** Reads the query of `subscribeEvents`. The failure is the message of a 400 `InvalidRequest`. */
export function parseV2Request(
  query: URLSearchParams,
): { readonly ok: true; readonly value: V2Request } | { readonly ok: false; readonly error: string } {
  const fail = (error: string): { ok: false; error: string } => ({ ok: false, error })
  for (const [name, instead] of REPLACED) {
    if (query.has(name)) return fail(`${name} is a parameter of v1: ${instead}`)
  }
  if (query.get('compress') === 'true') return fail('compress is a parameter of v1: use zstdDictionary')
  const kinds = query.getAll('kinds')
  if (kinds.length > V2_KINDS.length) return fail(`too many kinds: at most ${V2_KINDS.length}`)
  if (!kinds.every((kind) => V2_KINDS.includes(kind as V2Kind)))
    return fail(`invalid kinds: ${V2_KINDS.join(', ')}`)
  const dids = query.getAll('dids')
  if (dids.length > MAX_DIDS) return fail(`too many dids: at most ${MAX_DIDS}`)
  if (!dids.every(isDid)) return fail('invalid dids: not a DID')
  const collections = query.getAll('collections')
  if (collections.length > MAX_COLLECTIONS) return fail(`too many collections: at most ${MAX_COLLECTIONS}`)
  if (!collections.every(isV2Pattern))
    return fail('invalid collections: an NSID, or the beginning of one and .*')
  if (collections.length > 0 && kinds.length > 0 && !kinds.includes('commit'))
    return fail('collections ask for commits, which kinds leave out')
  const cursor = parseCursor(query.get('cursor'))
  if (cursor === null) return fail('invalid cursor: not a whole number from 0 on')
  const size = wholeOf(query.get('maxMessageSizeBytes'))
  if (size === undefined) return fail('invalid maxMessageSizeBytes: not a whole number of 32 bits')
  const zstdDictionary = wholeOf(query.get('zstdDictionary'))
  if (zstdDictionary === undefined) return fail('invalid zstdDictionary: not a whole number of 32 bits')
  const filter: Filter = {
    ...(kinds.length > 0 && { kinds: kinds as V2Kind[] }),
    ...(dids.length > 0 && { dids }),
    ...(collections.length > 0 && { collections }),
    ...(size !== null && size > 0 && { maxMessageSizeBytes: size }),
  }
  return { ok: true, value: { filter, cursor, zstdDictionary } }
}

function wholeOf(text: string | null): number | null | undefined {
  if (text === null) return null
  if (!/^\d{1,10}$/.test(text)) return undefined
  const value = Number(text)
  return value <= MAX_U32 ? value : undefined
}

/** The query of a subscription to v2. */
export function encodeV2Query(request: {
  readonly filter?: Filter
  readonly cursor?: number | null
  readonly zstdDictionary?: number | null
}): URLSearchParams {
  const query = new URLSearchParams()
  const { kinds = [], collections = [], dids = [], maxMessageSizeBytes = 0 } = request.filter ?? {}
  for (const kind of kinds) query.append('kinds', kind)
  for (const pattern of collections) query.append('collections', pattern)
  for (const did of dids) query.append('dids', did)
  if (maxMessageSizeBytes > 0) query.set('maxMessageSizeBytes', String(maxMessageSizeBytes))
  if (typeof request.cursor === 'number') query.set('cursor', String(request.cursor))
  if (typeof request.zstdDictionary === 'number') query.set('zstdDictionary', String(request.zstdDictionary))
  return query
}
