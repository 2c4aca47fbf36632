/**
 * Events of Jetstream v1 (`/subscribe`): one JSON object a message.
 * @see https://github.com/bluesky-social/jetstream-legacy
 */
import type { JsonObject } from '@avocet/data'
import { isDid, type Did } from '@avocet/syntax'
import { invalid, isCount, isObject, isOptionalString, parseObject, type Parsed } from './invalid.ts'
import { operationFault, type DeleteOperation, type PutOperation } from './operation.ts'

/** What every event has. */
export interface V1Base {
  readonly did: Did
  /** When this server saw it, unix microseconds: unique and increasing on one server, without meaning on another. */
  readonly time_us: number
  /** The event's number on a server that speaks v2 too. */
  readonly cursor?: number
}

/** One operation of a commit. A commit of several comes as several events of one `rev`. */
export interface V1CommitEvent extends V1Base {
  readonly kind: 'commit'
  readonly commit: PutOperation | DeleteOperation
}

/** Something of an account's identity may have changed: resolve it anew. */
export interface V1IdentityEvent extends V1Base {
  readonly kind: 'identity'
  /** The upstream's message. `seq` and `time` are the relay's. The public servers send no `handle`. */
  readonly identity: {
    readonly did: Did
    readonly handle?: string
    readonly seq?: number
    readonly time?: string
  }
}

/** An account's hosting status at its host. */
export interface V1AccountEvent extends V1Base {
  readonly kind: 'account'
  /** The upstream's message. */
  readonly account: {
    readonly active: boolean
    readonly did: Did
    readonly seq?: number
    readonly status?: string
    readonly time?: string
  }
}

/** An event of v1. */
export type V1Event = V1CommitEvent | V1IdentityEvent | V1AccountEvent

/**
 * Reads one message. Members that are not known are kept, on every level. Never throws; the length of the text is for the caller to
 * bound.
 */
export function parseV1Event(text: string): Parsed<V1Event> {
  const object = parseObject(text)
  if (!object.ok) return object
  const { value } = object
  const { did, time_us: time, kind } = value
  if (kind !== 'commit' && kind !== 'identity' && kind !== 'account') {
    const shown = typeof kind === 'string' ? kind.slice(0, 64) : typeof kind
    return {
      ok: false,
      error: invalid('unknown-kind', `no event of this kind; kind=${shown}`, text, time, did),
    }
  }
  const fault = baseFault(value) ?? innerFault(value, kind)
  if (fault !== null) {
    const message = `missing or malformed; field=${fault} kind=${kind}`
    return { ok: false, error: invalid('bad-field', message, text, time, did) }
  }
  return { ok: true, value: value as unknown as V1Event }
}

function baseFault(event: JsonObject): string | null {
  if (!isDid(event['did'])) return 'did'
  if (!isCount(event['time_us'])) return 'time_us'
  return event['cursor'] === undefined || isCount(event['cursor']) ? null : 'cursor'
}

function innerFault(event: JsonObject, kind: V1Event['kind']): string | null {
  const inner = event[kind]
  if (!isObject(inner)) return kind
  if (kind === 'commit') {
    const fault = operationFault(inner)
    return fault === null ? null : `commit.${fault}`
  }
  if (inner['did'] !== event['did']) return `${kind}.did`
  if (inner['seq'] !== undefined && !isCount(inner['seq'])) return `${kind}.seq`
  if (!isOptionalString(inner['time'])) return `${kind}.time`
  if (kind === 'identity') return isOptionalString(inner['handle']) ? null : 'identity.handle'
  if (typeof inner['active'] !== 'boolean') return 'account.active'
  return isOptionalString(inner['status']) ? null : 'account.status'
}

const INNER_ORDER = {
  commit: ['rev', 'operation', 'collection', 'rkey', 'record', 'cid'],
  identity: ['did', 'handle', 'seq', 'time'],
  account: ['active', 'did', 'seq', 'status', 'time'],
} as const

/** Writes one message, members in the order that servers write them; members that are not known last. */
export function encodeV1Event(event: V1Event): string {
  const members = ordered(event, ['did', 'time_us', 'kind', event.kind])
  members[event.kind] = ordered(innerOf(event), INNER_ORDER[event.kind])
  return JSON.stringify(members)
}

function innerOf(event: V1Event): object {
  if (event.kind === 'commit') return event.commit
  return event.kind === 'identity' ? event.identity : event.account
}

function ordered(members: object, first: readonly string[]): Record<string, unknown> {
  const given = members as Readonly<Record<string, unknown>>
  const head = Object.fromEntries(
    first.filter((key) => Object.hasOwn(given, key)).map((key) => [key, given[key]]),
  )
  return { ...head, ...given }
}
