/**
 * Frames of event streams: a DAG-CBOR header and a DAG-CBOR payload, one after the other.
 * @see https://atproto.com/specs/event-stream#framing
 */
import { CborError, decode, decodeFirst, encode } from '@avocet/cbor'
import { type DataObject, type DataValue, isCid } from '@avocet/data'

/** A frame that could not be read. */
export interface FrameError {
  readonly code:
    | 'invalid-cbor'
    | 'invalid-json'
    | 'invalid-header'
    | 'invalid-body'
    | 'unknown-op'
    | 'frame-too-large'
    | 'too-many-items'
  readonly message: string
}

/** The header of a frame and where its payload begins. */
export type FrameHeader =
  | { readonly kind: 'message'; readonly type: string; readonly body: Uint8Array }
  | { readonly kind: 'error'; readonly body: Uint8Array }

/** A frame read whole. */
export type Frame =
  | { readonly kind: 'message'; readonly type: string; readonly body: DataObject }
  | { readonly kind: 'error'; readonly error: string; readonly message: string | undefined }

/** Bounds of {@link decodeFrame}. */
export interface DecodeFrameOptions {
  /** Largest frame, in bytes, checked before any decoding. Default 5 MiB, what relays allow. */
  readonly maxBytes?: number
  /** Most values in the header and in the payload, at any depth: what a frame may expand to in memory. Default: no bound. */
  readonly maxItems?: number
}

/** A frame, or why there is none. */
export type FrameResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: FrameError }

const defaultMaxBytes = 5 * 1024 * 1024

/**
 * Encodes one message. Encode a message that goes to many subscribers once and send the same bytes to all.
 *
 * @param type the short name with its `#`, such as `#commit`
 * @param body the payload, without `$type`: the header says it
 * @throws {CborError} as `encode` of the cbor package
 */
export function encodeFrame(type: `#${string}`, body: DataObject): Uint8Array {
  return concat(encode({ op: 1, t: type }), encode(body))
}

/** Encodes an error frame. The stream is closed after it. */
export function encodeErrorFrame(error: string, message?: string): Uint8Array {
  return concat(encode({ op: -1 }), encode(message === undefined ? { error } : { error, message }))
}

/**
 * Splits a frame without decoding its payload: enough to tell its type, drop it, or hand it on. `body` is a view.
 * An unknown `op` is an error of its own code, since readers are to ignore such frames rather than to drop the stream.
 */
export function decodeFrameHeader(
  frame: Uint8Array,
  options: DecodeFrameOptions = {},
): FrameResult<FrameHeader> {
  const maxBytes = options.maxBytes ?? defaultMaxBytes
  if (frame.length > maxBytes) {
    return fail('frame-too-large', `frame too large; bytes=${frame.length} max=${maxBytes}`)
  }
  try {
    const { value: header, rest } = decodeFirst(frame, bounds(options))
    if (!isObject(header)) return fail('invalid-header', 'frame header is not an object')
    const { op, t } = header
    if (op === 1) {
      if (typeof t !== 'string') return fail('invalid-header', 'frame header without type')
      return { ok: true, value: { kind: 'message', type: t, body: rest } }
    }
    if (op === -1) return { ok: true, value: { kind: 'error', body: rest } }
    if (typeof op === 'number') return fail('unknown-op', `unknown frame op; op=${op}`)
    return fail('invalid-header', 'frame header without op')
  } catch (error) {
    return failCbor(error)
  }
}

/** Reads a frame. Byte strings of the payload may be views of `frame`. */
export function decodeFrame(frame: Uint8Array, options: DecodeFrameOptions = {}): FrameResult<Frame> {
  const header = decodeFrameHeader(frame, options)
  if (!header.ok) return header
  let body: DataValue
  try {
    body = decode(header.value.body, bounds(options))
  } catch (error) {
    return failCbor(error)
  }
  if (!isObject(body)) return fail('invalid-body', 'frame payload is not an object')
  if (header.value.kind === 'message') {
    return { ok: true, value: { kind: 'message', type: header.value.type, body } }
  }
  const { error, message } = body
  if (typeof error !== 'string') return fail('invalid-body', 'error frame without a name')
  return {
    ok: true,
    value: { kind: 'error', error, message: typeof message === 'string' ? message : undefined },
  }
}

/**
 * The short name of a message for the frame header: `#commit` for `#commit` and, in the lexicon that defines it,
 * for `com.example.subscribe#commit`. A type of another document keeps its full name.
 *
 * @param nsid the subscription's NSID
 */
export function shortType(nsid: string, type: string): string {
  return type.startsWith(nsid) && type.charCodeAt(nsid.length) === 0x23 ? type.slice(nsid.length) : type
}

/** The full `$type` of a message whose frame header says `type`. */
export function fullType(nsid: string, type: string): string {
  return type.startsWith('#') ? nsid + type : type
}

function isObject(value: DataValue): value is DataObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !isCid(value)
  )
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}

/** A failed result. */
export function fail(code: FrameError['code'], message: string): { ok: false; error: FrameError } {
  return { ok: false, error: { code, message } }
}

function failCbor(error: unknown): { ok: false; error: FrameError } {
  if (!(error instanceof CborError)) throw error
  return fail(error.code === 'too-many-items' ? 'too-many-items' : 'invalid-cbor', error.message)
}

function bounds({ maxItems }: DecodeFrameOptions): { maxItems: number } | undefined {
  return maxItems === undefined ? undefined : { maxItems }
}
