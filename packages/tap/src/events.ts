/**
 * Events of Tap: one JSON object a message of `/channel`, or a webhook's body.
 * @see https://github.com/bluesky-social/indigo/tree/main/cmd/tap
 */
import type { JsonObject } from '@avocet/data'
import {
  isCidString,
  isDid,
  isNsid,
  isRecordKey,
  type CidString,
  type Did,
  type Nsid,
  type RecordKey,
} from '@avocet/syntax'
import { parseJson } from '@avocet/xrpc'
import { isCount, isObject } from './json.ts'

/** What every event of a record has. */
export interface TapRecordBase {
  /** The event's number: what is acked. A server that begins anew gives it to another event. */
  readonly id: number
  readonly type: 'record'
  /** Whether it happened just now; false for what was read from a repo. */
  readonly live: boolean
  readonly did: Did
  /** Revision of the commit, a TID. */
  readonly rev: string
  readonly collection: Nsid
  readonly rkey: RecordKey
}

/** A record that is there. */
export interface TapPutEvent extends TapRecordBase {
  readonly action: 'create' | 'update'
  readonly cid?: CidString
  /** The record as JSON (`{ $link }`, `{ $bytes }`); absent when the server could not decode it. */
  readonly record?: JsonObject
}

/** A record that is gone. An account that is deleted has none of these, but an identity event. */
export interface TapDeleteEvent extends TapRecordBase {
  readonly action: 'delete'
}

/** Hosting statuses that other clients take. */
export const TAP_STATUSES = ['active', 'takendown', 'suspended', 'deactivated', 'deleted'] as const

/** A hosting status; an odd one is handed on as it is. */
export type TapStatus = (typeof TAP_STATUSES)[number] | (string & {})

/** What is known of an account now. */
export interface TapIdentityEvent {
  readonly id: number
  readonly type: 'identity'
  readonly did: Did
  /** `handle.invalid` when it does not lead back to the account; may be empty. */
  readonly handle: string
  readonly isActive: boolean
  readonly status: TapStatus
}

/** An event of Tap. */
export type TapEvent = TapPutEvent | TapDeleteEvent | TapIdentityEvent

/** A message that is no event. */
export interface InvalidTapEvent {
  readonly reason: 'not-json' | 'too-deep' | 'bad-number' | 'too-large' | 'unknown-type' | 'bad-field'
  /** What is wrong, in words. */
  readonly message: string
  /** The message, cut after 4096 characters. */
  readonly text: string
  /** Its number, where that could be read: with it the event can be acked all the same. */
  readonly id: number | null
  /** Its account, where that could be read. */
  readonly did: Did | null
}

/** What became of a message. */
export type Parsed<T, E = InvalidTapEvent> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E }

const SHOWN = 4096

/** Makes an {@link InvalidTapEvent}. */
export function invalid(
  reason: InvalidTapEvent['reason'],
  message: string,
  text: string,
  event: JsonObject = {},
): { readonly ok: false; readonly error: InvalidTapEvent } {
  const { id, record, identity } = event
  const did = isObject(record) ? record['did'] : isObject(identity) ? identity['did'] : null
  const whose = isDid(did) ? did : null
  return {
    ok: false,
    error: { reason, message, text: text.slice(0, SHOWN), id: isCount(id) ? id : null, did: whose },
  }
}

/**
 * Reads one message. Members of `record` and `identity` that are not known are kept. Never throws; the length of the text is for the
 * caller to bound.
 */
export function parseTapEvent(text: string): Parsed<TapEvent> {
  const json = parseJson(text)
  if (!json.ok) return invalid(json.error, `no JSON that is taken: ${json.error}`, text)
  const event = json.value
  if (!isObject(event)) return invalid('bad-field', 'not an object', text)
  const { id, type } = event
  if (type !== 'record' && type !== 'identity') {
    const shown = typeof type === 'string' ? type.slice(0, 64) : typeof type
    return invalid('unknown-type', `no event of this type; type=${shown}`, text, event)
  }
  const inner = event[type]
  if (!isCount(id)) return invalid('bad-field', 'missing or malformed; field=id', text, event)
  if (!isObject(inner)) return invalid('bad-field', `missing or malformed; field=${type}`, text, event)
  const fault = type === 'record' ? recordFault(inner) : identityFault(inner)
  if (fault !== null) return invalid('bad-field', `missing or malformed; field=${type}.${fault}`, text, event)
  return {
    ok: true,
    value: (type === 'record' ? recordOf(id, inner) : identityOf(id, inner)) as unknown as TapEvent,
  }
}

function recordFault(inner: JsonObject): string | null {
  const { live, did, rev, collection, rkey, action, cid, record } = inner
  if (!isDid(did)) return 'did'
  if (typeof rev !== 'string') return 'rev'
  if (!isNsid(collection)) return 'collection'
  if (!isRecordKey(rkey)) return 'rkey'
  if (typeof live !== 'boolean') return 'live'
  if (action === 'delete') return null
  if (action !== 'create' && action !== 'update') return 'action'
  if (cid !== undefined && !isCidString(cid)) return 'cid'
  return record === undefined || record === null || isObject(record) ? null : 'record'
}

function recordOf(id: number, inner: JsonObject): JsonObject {
  const { record, ...members } = inner
  return { ...members, ...(isObject(record) && { record }), id, type: 'record' }
}

function identityFault({ did, handle, is_active: active, status }: JsonObject): string | null {
  if (!isDid(did)) return 'did'
  if (typeof handle !== 'string') return 'handle'
  if (typeof active !== 'boolean') return 'is_active'
  return typeof status === 'string' ? null : 'status'
}

function identityOf(id: number, { is_active: isActive, ...members }: JsonObject): JsonObject {
  return { ...members, id, type: 'identity', isActive: isActive! }
}

/** Writes one message. Clients refuse a handle that is none, and statuses outside {@link TAP_STATUSES}: see {@link tapStatusOf}. */
export function encodeTapEvent(event: TapEvent): string {
  if (event.type === 'record') {
    const { id, type, ...record } = event
    return JSON.stringify({ id, type, record })
  }
  const { id, type, isActive, ...members } = event
  const { did, handle, status, ...rest } = members
  return JSON.stringify({ id, type, identity: { did, handle, is_active: isActive, status, ...rest } })
}

/** The status to write for an account: one that clients do not know is `deactivated`. */
export function tapStatusOf(status: string): (typeof TAP_STATUSES)[number] {
  return TAP_STATUSES.find((known) => known === status) ?? 'deactivated'
}

/** Writes the ack of an event. */
export function encodeAck(id: number): string {
  return JSON.stringify({ type: 'ack', id })
}

/** The number that a client's message acks; null for any other message. Never throws. */
export function parseAck(text: string): number | null {
  const json = parseJson(text, 8)
  if (!json.ok || !isObject(json.value) || json.value['type'] !== 'ack') return null
  return isCount(json.value['id']) ? json.value['id'] : null
}
