// One event of the log, and what streams say of it: made when the first subscriber wants it, once for all of them.

import { CborError, decode } from '@avocet/cbor'
import { DataError, type JsonObject, toJson } from '@avocet/data'
import {
  encodeV1Event,
  encodeV2Frame,
  formatMicros,
  SUBSCRIBE_EVENTS,
  type V1Event,
  type V2CommitEvent,
  type V2Event,
} from '@avocet/jetstream/wire'
import type { Did } from '@avocet/syntax'
import { VALIDITIES, type Provenance, type Validity } from '../database/codes.ts'
import { MAX_ANSWER_ITEMS } from '../queries/record-json.ts'
import type { LogContent, LogEvent } from './log-reader.ts'

/** What events say beyond Jetstream. */
export type Extras = {
  /** What was at the record's place before. */
  readonly prevCid?: string
  readonly prevRecord?: JsonObject
  /** What the record's lexicon says of it; absent of a delete. */
  readonly validity?: Validity
  /** `live`: from a verified commit of a stream. `car`: from a verified export of the whole repo. */
  readonly provenance: Provenance
}

/** An event in the shape of Jetstream v2, with what the index knows beside it. */
export type StreamEvent = V2Event & Extras

/** The same event to say and resay: its records are decoded once. */
export type Message = {
  readonly event: LogEvent
  /** Null: it is void, or this shape has no such event. */
  v1(): string | null
  v2(): string | null
  /** As an object; null when it is void. */
  value(): StreamEvent | null
}

/** @param read reads the records of the event */
export function createMessage(event: LogEvent, read: (event: LogEvent) => LogContent | null): Message {
  let value: StreamEvent | null | undefined
  const get = (): StreamEvent | null => (value === undefined ? (value = toV2(event, read(event))) : value)
  return {
    event,
    v1: () => {
      if (event.kind === 'sync') return null
      const made = event.kind === 'commit' ? get() : null
      if (event.kind === 'commit' && made === null) return null
      const said = toV1(event, made as V2CommitEvent | null)
      return said === null ? null : encodeV1Event(said)
    },
    v2: () => {
      const made = get()
      return made === null ? null : encodeV2Frame(made)
    },
    value: get,
  }
}

/** The payload of a v2 frame by itself, as streams over HTTP give it. */
export function payloadOf(event: StreamEvent): object {
  const { kind, ...members } = event
  return { $type: `${SUBSCRIBE_EVENTS}#${kind}`, ...members }
}

function toV2(event: LogEvent, content: LogContent | null): StreamEvent | null {
  if (content === null) return null
  const { seq, did, us } = event
  const base = { seq, did, time: formatMicros(us) }
  const provenance: Provenance = event.isLive ? 'live' : 'car'
  if (event.kind === 'sync') {
    const sync = { did, rev: event.rev!, seq: event.sourceSeq ?? 0, time: event.time ?? base.time }
    return { kind: 'sync', ...base, sync, provenance }
  }
  if (event.kind === 'identity') return { kind: 'identity', ...base, identity: identityOf(event), provenance }
  if (event.kind === 'account') return { kind: 'account', ...base, account: accountOf(event), provenance }
  const record = jsonOf(content.record)
  const prevRecord = jsonOf(content.previous)
  const { rev, action, collection, rkey, cid, previous, validity } = event
  const change = { rev, operation: action, collection, rkey } as unknown as V2CommitEvent
  return {
    ...base,
    ...change,
    kind: 'commit',
    ...(record === null ? {} : { record }),
    ...(cid === null ? {} : { cid }),
    ...(previous === null ? {} : { prevCid: previous }),
    ...(prevRecord === null ? {} : { prevRecord }),
    ...(validity === null ? {} : { validity: VALIDITIES[validity]! }),
    provenance,
  }
}

/** Jetstream v1 has no record without content. */
function toV1(event: LogEvent, made: V2CommitEvent | null): V1Event | null {
  const base = { did: event.did, time_us: event.us, cursor: event.seq }
  if (event.kind === 'identity') return { ...base, kind: 'identity', identity: identityOf(event) }
  if (event.kind === 'account') return { ...base, kind: 'account', account: accountOf(event) }
  const change = made!
  const { rev, collection, rkey } = change
  if (change.operation === 'delete')
    return { ...base, kind: 'commit', commit: { rev, operation: 'delete', collection, rkey } }
  const { operation, record, cid } = change
  return record === undefined
    ? null
    : { ...base, kind: 'commit', commit: { rev, operation, collection, rkey, record, cid } }
}

/** The upstream's message, with the handle as it was verified. */
function identityOf({ did, detail, sourceSeq, time }: LogEvent): {
  did: Did
  handle: string
  seq?: number
  time?: string
} {
  return { did, handle: detail ?? 'handle.invalid', ...upstream(sourceSeq, time) }
}

function accountOf({ did, detail, sourceSeq, time }: LogEvent): {
  active: boolean
  did: Did
  seq?: number
  status?: string
  time?: string
} {
  const active = detail === 'active'
  return { active, did, ...(active ? {} : { status: detail! }), ...upstream(sourceSeq, time) }
}

function upstream(seq: number | null, time: string | null): { seq?: number; time?: string } {
  return { ...(seq === null ? {} : { seq }), ...(time === null ? {} : { time }) }
}

/** A record's JSON; null where it is not looked at, or is nothing that JSON could say. */
function jsonOf(bytes: Uint8Array | null): JsonObject | null {
  if (bytes === null) return null
  try {
    return toJson(decode(bytes, { budget: { left: MAX_ANSWER_ITEMS } })) as JsonObject
  } catch (error) {
    if (error instanceof CborError || error instanceof DataError) return null
    throw error
  }
}
