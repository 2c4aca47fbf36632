// What came over the wire and is no event: told with its reason, never thrown.
import type { JsonObject, JsonValue } from '@avocet/data'
import { isDid, type Did } from '@avocet/syntax'
import { parseJson } from '@avocet/xrpc'

/**
 * - `not-json`, `too-deep` (over 256 levels), `bad-number` (past the range of a double): the text is not taken.
 * - `too-large`: over `maxMessageBytes`, as it came or unpacked.
 * - `not-zstd`: a binary message that does not unpack, or where none was agreed on.
 * - `unknown-kind`: an event of a kind that the wire does not have.
 * - `bad-field`: a field is missing, or not what it has to be; `message` names it.
 */
export type InvalidReason =
  | 'not-json'
  | 'too-deep'
  | 'bad-number'
  | 'too-large'
  | 'not-zstd'
  | 'unknown-kind'
  | 'bad-field'

/** A message that is no event. */
export interface InvalidEvent {
  readonly kind: 'invalid'
  readonly reason: InvalidReason
  /** What is wrong, in words. */
  readonly message: string
  /** The message, cut after 4096 characters; empty where it could not be unpacked. */
  readonly text: string
  /** Its `time_us` (v1) or `seq` (v2), where that could be read: reading goes on after it. */
  readonly cursor: number | null
  /** Its account, where that could be read. */
  readonly did: Did | null
}

/** What became of a message. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: InvalidEvent }

const SHOWN = 4096

/** Makes an {@link InvalidEvent}. */
export function invalid(
  reason: InvalidReason,
  message: string,
  text: string,
  cursor: unknown = null,
  did: unknown = null,
): InvalidEvent {
  return {
    kind: 'invalid',
    reason,
    message,
    text: text.slice(0, SHOWN),
    cursor: isCount(cursor) ? cursor : null,
    did: isDid(did) ? did : null,
  }
}

/** The object in a text. */
export function parseObject(text: string): Parsed<JsonObject> {
  const json = parseJson(text)
  if (!json.ok) return { ok: false, error: invalid(json.error, `no JSON that is taken: ${json.error}`, text) }
  if (!isObject(json.value)) return { ok: false, error: invalid('bad-field', 'not an object', text) }
  return { ok: true, value: json.value }
}

/** Whether a value is a JSON object. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether a value is a whole number from 0 on that a double holds. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Whether a member is absent, or a string. */
export function isOptionalString(value: JsonValue | undefined): boolean {
  return value === undefined || typeof value === 'string'
}
