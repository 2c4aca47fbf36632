/**
 * Frames of JSON event streams: one self-describing object each, as text.
 * @see https://github.com/bluesky-social/proposals/tree/main/0015-json-subscriptions
 */
import { DataError, type DataObject, fromJsonObject } from '@avocet/data'
import { type DecodeFrameOptions, fail, type Frame, type FrameResult, fullType } from './frame.ts'
import { stringifyJson } from './json.ts'

/** The subprotocols of event streams: two CBOR objects a frame, and one JSON object a frame. */
export type Subprotocol = 'xrpc.v0.cbor' | 'xrpc.v1.json'

/** What a stream speaks when neither side says otherwise. */
export const DEFAULT_SUBPROTOCOL: Subprotocol = 'xrpc.v0.cbor'

/** Whether a text names a subprotocol that this package speaks. */
export function isSubprotocol(name: string): name is Subprotocol {
  return name === 'xrpc.v0.cbor' || name === 'xrpc.v1.json'
}

/** Base64 takes a third more than bytes do: as large as a CBOR frame of 5 MiB can get, and some. */
const defaultMaxBytes = 8 * 1024 * 1024

/**
 * Encodes one message as text: `{"$type":"message","payload":{…}}`.
 *
 * @param nsid the subscription's NSID
 * @param type of the message, short (`#commit`) or full; it goes into the payload in full
 * @param body the payload, without `$type`
 * @throws {DataError} as `toJson` of the data package
 */
export function encodeJsonFrame(nsid: string, type: string, body: DataObject): string {
  return stringifyJson({ $type: 'message', payload: { ...body, $type: fullType(nsid, type) } })
}

/** Encodes an error frame as text. The stream is closed after it. */
export function encodeJsonErrorFrame(error: string, message?: string): string {
  return JSON.stringify({ $type: 'error', error, message })
}

/**
 * Reads a frame of text. The `type` of a message is its full name, its `body` is without `$type`. A frame of another kind is an error of its own
 * code, `unknown-op`, since readers are to ignore such frames rather than to drop the stream.
 */
export function decodeJsonFrame(text: string, options: DecodeFrameOptions = {}): FrameResult<Frame> {
  const { maxBytes = defaultMaxBytes, maxItems } = options
  // A character takes a byte at least.
  if (text.length > maxBytes)
    return fail('frame-too-large', `frame too large; length=${text.length} max=${maxBytes}`)
  let frame: DataObject
  try {
    frame = fromJsonObject(JSON.parse(text), maxItems === undefined ? {} : { maxValues: maxItems })
  } catch (error) {
    if (error instanceof SyntaxError) return fail('invalid-json', `frame is not JSON: ${error.message}`)
    if (!(error instanceof DataError)) throw error
    const code = error.code === 'too-large' ? 'too-many-items' : 'invalid-json'
    return fail(code, `${error.message}; path=${error.path || '/'}`)
  }
  const { $type, payload, error, message } = frame
  if ($type === 'message') {
    if (!isObject(payload)) return fail('invalid-body', 'frame payload is not an object')
    const { $type: type, ...body } = payload
    if (typeof type !== 'string') return fail('invalid-header', 'message without type')
    return { ok: true, value: { kind: 'message', type, body } }
  }
  if ($type === 'error') {
    if (typeof error !== 'string') return fail('invalid-body', 'error frame without a name')
    const said = typeof message === 'string' ? message : undefined
    return { ok: true, value: { kind: 'error', error, message: said } }
  }
  if (typeof $type === 'string') return fail('unknown-op', `unknown frame type; type=${$type.slice(0, 64)}`)
  return fail('invalid-header', 'frame without type')
}

// What JSON gives for a map is a plain object; CIDs and bytes are of classes.
function isObject(value: unknown): value is DataObject {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
