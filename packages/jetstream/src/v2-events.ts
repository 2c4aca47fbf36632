/**
 * Frames of Jetstream v2 (`network.bsky.jetstream.subscribeEvents`, subprotocol `xrpc.v1.json`): one JSON object a frame.
 * @see https://github.com/bluesky-social/jetstream
 * @see https://github.com/bluesky-social/proposals (0015, JSON event streams)
 */
import type { JsonObject } from '@avocet/data'
import { isDid, type Did } from '@avocet/syntax'
import { invalid, isCount, isObject, parseObject, type Parsed } from './invalid.ts'
import { operationFault, type DeleteOperation, type PutOperation } from './operation.ts'
import { parseMicros } from './times.ts'

/** The method. */
export const SUBSCRIBE_EVENTS = 'network.bsky.jetstream.subscribeEvents'

/** The subprotocol of JSON event streams. */
export const JSON_SUBPROTOCOL = 'xrpc.v1.json'

/** What every event has. */
export interface V2Base {
  /** The event's number, from 1 on: increases on one server, without meaning on another. The only safe cursor. */
  readonly seq: number
  readonly did: Did
  /** RFC 3339 in UTC with six decimals, for people: an operator may have set it. */
  readonly time: string
}

/** One operation of a commit. */
export type V2CommitEvent = V2Base & { readonly kind: 'commit' } & (PutOperation | DeleteOperation)

/** Something of an account's identity may have changed. */
export interface V2IdentityEvent extends V2Base {
  readonly kind: 'identity'
  /** The upstream's `subscribeRepos#identity`, unchanged. */
  readonly identity: JsonObject
}

/** An account's hosting status at its host. */
export interface V2AccountEvent extends V2Base {
  readonly kind: 'account'
  /** The upstream's `subscribeRepos#account`, unchanged. */
  readonly account: JsonObject
}

/** A repo jumped to a new state: what was known of it is void, and its records follow as creates. */
export interface V2SyncEvent extends V2Base {
  readonly kind: 'sync'
  /** The upstream's `subscribeRepos#sync`, unchanged; `blocks` as `{ $bytes }`. */
  readonly sync: JsonObject
}

/** An event of v2. */
export type V2Event = V2CommitEvent | V2IdentityEvent | V2AccountEvent | V2SyncEvent

/** The kinds of event. */
export type V2Kind = V2Event['kind']

/** Every kind of event. */
export const V2_KINDS: readonly V2Kind[] = ['commit', 'identity', 'account', 'sync']

/** A word of the server about the stream: `OutdatedCursor` when events before the first one that follows are gone. */
export interface V2Info {
  readonly kind: 'info'
  readonly name: string
  readonly message?: string
}

/** The server's last word: `ConsumerTooSlow`, `InternalError`. */
export interface V2Error {
  readonly kind: 'error'
  readonly error: string
  readonly message?: string
}

/** What a frame may hold. */
export type V2Frame = V2Event | V2Info | V2Error

/**
 * Reads one frame. Members that are not known are kept, those named `$type` and `kind` beside an event's own aside. Never throws; the
 * length of the text is for the caller to bound.
 */
export function parseV2Frame(text: string): Parsed<V2Frame> {
  const object = parseObject(text)
  if (!object.ok) return object
  const { $type: type, payload, error, message } = object.value
  if (type === 'error') {
    if (typeof error !== 'string' || error === '') return bad(text, 'error')
    const said = typeof message === 'string' ? { message } : {}
    return { ok: true, value: { kind: 'error', error, ...said } }
  }
  if (type !== 'message') return bad(text, '$type')
  if (!isObject(payload)) return bad(text, 'payload')
  return parsePayload(payload, text)
}

function parsePayload({ $type: type, ...payload }: JsonObject, text: string): Parsed<V2Frame> {
  const kind = typeof type === 'string' ? type.slice(type.lastIndexOf('#') + 1) : ''
  if (type !== `${SUBSCRIBE_EVENTS}#${kind}` || !isKnown(kind)) {
    const message = `no event of this kind; $type=${typeof type === 'string' ? type.slice(0, 128) : typeof type}`
    return {
      ok: false,
      error: invalid('unknown-kind', message, text, payload['seq'], payload['did']),
    }
  }
  if (kind === 'info') {
    const { name, message } = payload
    if (typeof name !== 'string') return bad(text, 'name')
    return { ok: true, value: { kind, name, ...(typeof message === 'string' && { message }) } }
  }
  const fault = eventFault(payload, kind)
  if (fault !== null) return bad(text, fault, payload)
  return { ok: true, value: { ...payload, kind } as unknown as V2Event }
}

function isKnown(kind: string): kind is V2Kind | 'info' {
  return kind === 'info' || V2_KINDS.includes(kind as V2Kind)
}

function eventFault(payload: JsonObject, kind: V2Kind): string | null {
  if (!isCount(payload['seq']) || payload['seq'] === 0) return 'seq'
  if (!isDid(payload['did'])) return 'did'
  if (parseMicros(payload['time']) === null) return 'time'
  if (kind === 'commit') return operationFault(payload)
  return isObject(payload[kind]) ? null : kind
}

function bad(text: string, field: string, payload: JsonObject = {}): Parsed<never> {
  const message = `missing or malformed; field=${field}`
  return { ok: false, error: invalid('bad-field', message, text, payload['seq'], payload['did']) }
}

/** Writes the frame of an event, or of an `#info`; members in the order that servers write them, those not known last. */
export function encodeV2Frame(frame: V2Event | V2Info): string {
  const { kind, ...members } = frame
  const $type = `${SUBSCRIBE_EVENTS}#${kind}`
  return JSON.stringify({ $type: 'message', payload: { $type, ...ordered(members) } })
}

function ordered(members: Partial<V2CommitEvent> | Omit<V2Info, 'kind'>): object {
  if ('name' in members) return members
  const { seq, did, time } = members
  return { seq, did, time, ...members }
}

/** Writes the frame that ends a stream. */
export function encodeV2Error(error: string, message?: string): string {
  return JSON.stringify({ $type: 'error', error, message })
}
