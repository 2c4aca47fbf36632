/**
 * Event streams as async iterables.
 * @see https://atproto.com/specs/event-stream
 */
import type { DataObject } from '@avocet/data'
import type { InferMessage, InferParams, Subscription } from '@avocet/lexicon'
import {
  decodeFrame,
  decodeJsonFrame,
  DEFAULT_SUBPROTOCOL,
  encodeParams,
  fullType,
  isSubprotocol,
  type ParamValue,
  shortType,
  type Subprotocol,
} from '@avocet/xrpc'
import { issuesError, XrpcClientError } from './error.ts'
import { follow, streamUrl } from './follow.ts'
import type { StreamIterator, StreamMessage, StreamOptions } from './stream-types.ts'

/**
 * Subscribes to a stream and stays subscribed: reconnects with backoff, at the cursor that `params` gives. It connects
 * again only when the reader has taken every message that arrived, so a reader that records its cursor as it goes
 * misses nothing and gets nothing twice. Starts with the first `next`.
 *
 * The iteration throws an `XrpcClientError` for an error frame (`stream`, with the error's name; but `ConsumerTooSlow`
 * and `InternalServerError` reconnect), for a malformed frame (`invalid-frame`), for a frame past `maxFrameBytes` that is
 * the first after the `cursor` in `params` at each service (`too-large`: it would come again), and for a refusal that
 * another attempt would not change (`response`).
 *
 * Frames are what the lexicon declares (`subprotocol`), CBOR where it declares nothing, or what `encoding` asks for. A service that does not agree to
 * that is left, and one that agrees and then sends something else ends the iteration (`invalid-frame`).
 *
 * @throws {TypeError} for a lexicon that declares a subprotocol which is not known here
 * @example
 * for await (const { type, body } of subscribe({ service, nsid, params: () => ({ cursor }) })) cursor = body.seq
 */
export function subscribe<S extends Subscription>(
  options: StreamOptions<InferParams<S>> & {
    readonly schema: S
    readonly raw?: false
    /** Ask for frames of this kind: JSON is `xrpc.v1.json`. Default: what the lexicon declares, else CBOR. */
    readonly encoding?: 'cbor' | 'json'
    /** Check each message; an invalid one throws `invalid-response`. Default false. */
    readonly validate?: boolean
  },
): StreamIterator<StreamMessage<InferMessage<S>>>
export function subscribe(
  options: StreamOptions & {
    readonly nsid: string
    readonly raw?: false
    /** Ask for frames of this kind: JSON is `xrpc.v1.json`. Default: what the lexicon declares, else CBOR. */
    readonly encoding?: 'cbor' | 'json'
  },
): StreamIterator<StreamMessage>
export function subscribe(
  options: StreamOptions & {
    readonly nsid: string
    /** Yield frames as they came, undecoded; error frames are thrown here too. */
    readonly raw: true
  },
): StreamIterator<Uint8Array>
export function subscribe(
  options: StreamOptions<any> & {
    readonly nsid?: string
    readonly schema?: Subscription
    readonly raw?: boolean
    readonly validate?: boolean
    readonly encoding?: 'cbor' | 'json'
  },
): StreamIterator<any> {
  const { schema } = options
  const nsid = schema?.nsid ?? options.nsid ?? ''
  const { spoken, offered } = subprotocolOf(schema, options.encoding)
  const isText = spoken === 'xrpc.v1.json'
  if (isText && options.raw === true) throw new TypeError(`raw frames are CBOR; nsid=${nsid}`)
  const decode = options.raw === true ? decodeRaw : decoder(nsid, schema, options.validate === true)
  let atCursor = false
  return follow<unknown>(
    {
      name: `nsid=${nsid}`,
      async connect(base, info) {
        const params = withoutEmpty((await options.params?.(info)) ?? {})
        atCursor = 'cursor' in params
        const url = streamUrl(base, `xrpc/${nsid}`, encodeParams(schema?.params ?? null, params))
        return isText || offered !== null
          ? { url, text: isText, ...(offered === null ? {} : { protocols: [offered] }) }
          : { url }
      },
      decode: (frame, info) => {
        // Without `text` in the target, every frame is bytes.
        if (isText === (typeof frame === 'string')) return decode(frame, info.service)
        throw new XrpcClientError('invalid-frame', `bytes where JSON was agreed on; nsid=${nsid}`)
      },
      passing: (error) => passing.has(error.error),
      // At a cursor the same comes again; without one a stream has moved on by then.
      get repeats() {
        return atCursor
      },
    },
    // Base64 takes a third more than bytes do.
    isText ? { maxFrameBytes: 8 * 1024 * 1024, ...options } : options,
  )
}

/** What is spoken, and what is offered for that: nothing where it is spoken anyway, as old services know no offers. */
function subprotocolOf(
  schema: Subscription | undefined,
  encoding: 'cbor' | 'json' | undefined,
): { readonly spoken: Subprotocol; readonly offered: Subprotocol | null } {
  const declared = schema?.subprotocol ?? DEFAULT_SUBPROTOCOL
  const asked = encoding === undefined ? declared : encoding === 'json' ? 'xrpc.v1.json' : DEFAULT_SUBPROTOCOL
  if (!isSubprotocol(asked)) throw new TypeError(`subprotocol is not known; subprotocol=${asked}`)
  return { spoken: asked, offered: asked === declared && asked === DEFAULT_SUBPROTOCOL ? null : asked }
}

// What a connection failed with may pass; these error frames say so themselves.
const passing: ReadonlySet<string> = new Set(['ConsumerTooSlow', 'InternalServerError'])

type Decode = (frame: Uint8Array | string, service: string) => unknown

// Bytes of `{ op: -1 }`, the only header an error frame has.
const errorHeader = [0xa1, 0x62, 0x6f, 0x70, 0x20]

function decodeRaw(given: Uint8Array | string): Uint8Array | XrpcClientError {
  const bytes = given as Uint8Array
  if (!errorHeader.every((byte, i) => bytes[i] === byte)) return bytes
  const frame = decodeFrame(bytes)
  return frame.ok && frame.value.kind === 'error'
    ? streamError(frame.value.error, frame.value.message)
    : bytes
}

function streamError(error: string, message: string | undefined): XrpcClientError {
  return new XrpcClientError('stream', `${error}: ${message ?? 'the service ended the stream'}`, { error })
}

function decoder(nsid: string, schema: Subscription | undefined, validate: boolean): Decode {
  // How much may come is bounded where it comes from.
  const bounds = { maxBytes: Number.MAX_SAFE_INTEGER }
  return (given, service) => {
    const frame = typeof given === 'string' ? decodeJsonFrame(given, bounds) : decodeFrame(given, bounds)
    if (!frame.ok) {
      // Readers are to pass over operations they do not know; everything else malformed ends the stream.
      if (frame.error.code === 'unknown-op') return undefined
      throw new XrpcClientError('invalid-frame', `malformed frame: ${frame.error.message}; nsid=${nsid}`, {
        error: frame.error.code,
      })
    }
    if (frame.value.kind === 'error') {
      return streamError(frame.value.error, frame.value.message)
    }
    const { body } = frame.value
    const type = shortType(nsid, frame.value.type)
    if (schema === undefined) return { type, body, service } satisfies StreamMessage
    const typed: DataObject = { $type: fullType(nsid, type), ...body }
    if (validate && schema.message !== null) {
      const checked = schema.message.validate(typed)
      if (!checked.ok) throw issuesError('invalid-response', nsid, `message ${type}`, checked.issues)
    }
    return { type, body: typed, service } satisfies StreamMessage
  }
}

function withoutEmpty(params: Readonly<Record<string, ParamValue>>): Record<string, ParamValue> {
  return Object.fromEntries(
    Object.entries(params).filter(([, value]) => value !== null && value !== undefined),
  )
}
