/**
 * Event streams as async iterables.
 * @see https://atproto.com/specs/event-stream
 */
import type { DataObject } from '@avocet/data'
import type { InferMessage, InferParams, Subscription } from '@avocet/lexicon'
import { decodeFrame, encodeParams, fullType, type ParamValue } from '@avocet/xrpc'
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
 * @example
 * for await (const { type, body } of subscribe({ service, nsid, params: () => ({ cursor }) })) cursor = body.seq
 */
export function subscribe<S extends Subscription>(
  options: StreamOptions<InferParams<S>> & {
    readonly schema: S
    readonly raw?: false
    /** Check each message; an invalid one throws `invalid-response`. Default false. */
    readonly validate?: boolean
  },
): StreamIterator<StreamMessage<InferMessage<S>>>
export function subscribe(
  options: StreamOptions & { readonly nsid: string; readonly raw?: false },
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
  },
): StreamIterator<any> {
  const { schema } = options
  const nsid = schema?.nsid ?? options.nsid ?? ''
  const decode = options.raw === true ? decodeRaw : decoder(nsid, schema, options.validate === true)
  let atCursor = false
  return follow<unknown>(
    {
      name: `nsid=${nsid}`,
      async connect(base, info) {
        const params = withoutEmpty((await options.params?.(info)) ?? {})
        atCursor = 'cursor' in params
        return { url: streamUrl(base, `xrpc/${nsid}`, encodeParams(schema?.params ?? null, params)) }
      },
      // Without `text` in the target, every frame is bytes.
      decode: (frame, info) => decode(frame as Uint8Array, info.service),
      passing: (error) => passing.has(error.error),
      // At a cursor the same comes again; without one a stream has moved on by then.
      get repeats() {
        return atCursor
      },
    },
    options,
  )
}

// What a connection failed with may pass; these error frames say so themselves.
const passing: ReadonlySet<string> = new Set(['ConsumerTooSlow', 'InternalServerError'])

type Decode = (frame: Uint8Array, service: string) => unknown

// Bytes of `{ op: -1 }`, the only header an error frame has.
const errorHeader = [0xa1, 0x62, 0x6f, 0x70, 0x20]

function decodeRaw(bytes: Uint8Array): Uint8Array | XrpcClientError {
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
  return (bytes, service) => {
    const frame = decodeFrame(bytes, { maxBytes: Number.MAX_SAFE_INTEGER })
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
    const { type, body } = frame.value
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
