// What a subscriber says to a server of v1: the URL, and `options_update` messages.
import type { JsonObject } from '@avocet/data'
import { isDid, type Did } from '@avocet/syntax'
import { parseJson } from '@avocet/xrpc'
import { parseCursor, type Cursor } from './cursor.ts'
import { isV1Pattern, MAX_COLLECTIONS, MAX_DIDS, type Filter } from './filter.ts'
import { isObject } from './invalid.ts'

/** The filter of v1: servers know no kinds. */
export type V1Filter = Omit<Filter, 'kinds'>

/** A subscription as its URL asks for it. */
export interface V1Request {
  readonly filter: V1Filter
  readonly cursor: Cursor
  /** zstd with the dictionary 1612007021, in binary messages. */
  readonly compress: boolean
  /** Nothing is sent before the first valid `options_update`. */
  readonly requireHello: boolean
}

type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E }

/**
 * Reads the query of `/subscribe`. The failure is the plain text of a 400.
 *
 * @param socketEncoding the header `Socket-Encoding`
 */
export function parseV1Request(
  query: URLSearchParams,
  socketEncoding: string | null = null,
): Result<V1Request, string> {
  const filter = checkFilter(query.getAll('wantedCollections'), query.getAll('wantedDids'))
  if (!filter.ok) return filter
  const cursor = parseCursor(query.get('cursor'))
  if (cursor === null) return { ok: false, error: 'invalid cursor: not a whole number from 0 on' }
  const size = query.get('maxMessageSizeBytes') ?? ''
  // What is no size, or past any, has always been no bound.
  const maxMessageSizeBytes = /^\d{1,15}$/.test(size) ? Number(size) : 0
  return {
    ok: true,
    value: {
      filter: { ...filter.value, ...(maxMessageSizeBytes > 0 && { maxMessageSizeBytes }) },
      cursor,
      compress: query.get('compress') === 'true' || (socketEncoding ?? '').includes('zstd'),
      requireHello: query.get('requireHello') === 'true',
    },
  }
}

/** What a server makes of a text message of a subscriber. */
export type V1Message =
  | { readonly kind: 'ignored' }
  | { readonly kind: 'options'; readonly filter: V1Filter }
  /** The socket is closed with this code and reason (at most 123 bytes). */
  | { readonly kind: 'refused'; readonly code: 1007 | 1008; readonly reason: string }

/** Reads a message of a subscriber. The options replace the whole filter. Never throws. */
export function parseV1Message(text: string): V1Message {
  const json = parseJson(text)
  if (!json.ok || !isObject(json.value)) return { kind: 'refused', code: 1007, reason: 'not a JSON object' }
  if (json.value['type'] !== 'options_update') return { kind: 'ignored' }
  const payload = json.value['payload'] ?? {}
  if (!isObject(payload)) return refused('payload')
  const collections = stringsOf(payload, 'wantedCollections')
  if (collections === null) return refused('wantedCollections')
  const dids = stringsOf(payload, 'wantedDids')
  if (dids === null) return refused('wantedDids')
  const size = payload['maxMessageSizeBytes'] ?? 0
  if (!Number.isSafeInteger(size)) return refused('maxMessageSizeBytes')
  const filter = checkFilter(collections, dids)
  if (!filter.ok) return { kind: 'refused', code: 1008, reason: filter.error.slice(0, 123) }
  const bound = (size as number) > 0 && { maxMessageSizeBytes: size as number }
  return { kind: 'options', filter: { ...filter.value, ...bound } }
}

function refused(field: string): V1Message {
  return { kind: 'refused', code: 1008, reason: `invalid options: ${field}` }
}

function stringsOf(payload: JsonObject, key: string): readonly string[] | null {
  const list = payload[key] ?? []
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) return null
  return list
}

function checkFilter(collections: readonly string[], dids: readonly string[]): Result<V1Filter, string> {
  const patterns = new Set(collections)
  if (patterns.size > MAX_COLLECTIONS)
    return { ok: false, error: `too many wantedCollections: at most ${MAX_COLLECTIONS}` }
  if (![...patterns].every(isV1Pattern))
    return { ok: false, error: 'invalid wantedCollections: an NSID, or a prefix ending in .*' }
  const wanted = new Set(dids)
  if (wanted.size > MAX_DIDS) return { ok: false, error: `too many wantedDids: at most ${MAX_DIDS}` }
  const accounts: Did[] = []
  for (const did of wanted) {
    if (!isDid(did)) return { ok: false, error: 'invalid wantedDids: not a DID' }
    accounts.push(did)
  }
  return {
    ok: true,
    value: {
      ...(patterns.size > 0 && { collections: [...patterns] }),
      ...(accounts.length > 0 && { dids: accounts }),
    },
  }
}

/** The query of a subscription to v1. */
export function encodeV1Query(request: {
  readonly filter?: V1Filter
  readonly cursor?: number | null
  readonly compress?: boolean
  readonly requireHello?: boolean
}): URLSearchParams {
  const query = new URLSearchParams()
  const { collections = [], dids = [], maxMessageSizeBytes = 0 } = request.filter ?? {}
  for (const pattern of collections) query.append('wantedCollections', pattern)
  for (const did of dids) query.append('wantedDids', did)
  if (maxMessageSizeBytes > 0) query.set('maxMessageSizeBytes', String(maxMessageSizeBytes))
  if (typeof request.cursor === 'number') query.set('cursor', String(request.cursor))
  if (request.compress === true) query.set('compress', 'true')
  if (request.requireHello === true) query.set('requireHello', 'true')
  return query
}

/** The message that replaces the filter of a subscription. */
export function encodeV1Options(filter: V1Filter): string {
  const { collections, dids, maxMessageSizeBytes } = filter
  const payload = { wantedCollections: collections, wantedDids: dids, maxMessageSizeBytes }
  return JSON.stringify({ type: 'options_update', payload })
}
