/**
 * Event streams as async iterables.
 * @see https://atproto.com/specs/event-stream
 */
import type { DataObject } from '@avocet/data'
import type { InferMessage, InferParams, Subscription } from '@avocet/lexicon'
import { decodeFrame, encodeParams, fullType, type ParamValue } from '@avocet/xrpc'
import { Connection } from './connection.ts'
import { issuesError, XrpcClientError } from './error.ts'
import { sleep } from './request.ts'
import type { StreamIterator, StreamMessage, StreamOptions } from './stream-types.ts'

/**
 * Subscribes to a stream and stays subscribed: reconnects with backoff, at the cursor that `params` gives. It connects
 * again only when the reader has taken every message that arrived, so a reader that records its cursor as it goes
 * misses nothing and gets nothing twice. Starts with the first `next`.
 *
 * The iteration throws an `XrpcClientError` for an error frame (`stream`, with the error's name; but `ConsumerTooSlow`
 * and `InternalServerError` reconnect), for a malformed frame (`invalid-frame`), and for a refusal that another attempt
 * would not change (`response`).
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
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal])
  const { schema } = options
  const nsid = schema?.nsid ?? options.nsid ?? ''
  const decode = options.raw === true ? decodeRaw : decoder(nsid, schema, options.validate === true)
  const messages = run(options, nsid, schema, decode, signal)
  const iterator: StreamIterator<unknown> = {
    next: () => messages.next(),
    async return() {
      // A pending `next` would hold `return` back for as long as no message comes.
      stop.abort()
      return await messages.return(undefined)
    },
    [Symbol.asyncIterator]: () => iterator,
    async [Symbol.asyncDispose]() {
      await iterator.return()
    },
  }
  return iterator
}

// What a connection failed with may pass; these error frames say so themselves.
const passing: ReadonlySet<string> = new Set(['ConsumerTooSlow', 'InternalServerError'])

type Decode = (frame: Uint8Array, service: string) => unknown

async function* run(
  options: StreamOptions<any>,
  nsid: string,
  schema: Subscription | undefined,
  decode: Decode,
  signal: AbortSignal,
): AsyncGenerator<unknown, undefined> {
  const services = [options.service].flat().map((service) => new URL(service))
  if (services.length === 0) throw new TypeError('no service to subscribe to')
  const minMs = options.backoff?.minMs ?? 500
  const maxMs = options.backoff?.maxMs ?? 30_000
  let at = 0
  let attempt = 1
  let refusals = 0
  while (!signal.aborted) {
    const base = services[at]!
    const info = { service: base.href.replace(/^(.*[^/])?\/*$/s, '$1'), attempt }
    // oxlint-disable-next-line no-await-in-loop -- one connection after the other
    const params = withoutEmpty((await options.params?.(info)) ?? {})
    const url = streamUrl(base, nsid, encodeParams(schema?.params ?? null, params))
    const connection = new Connection(url, info, options, signal)
    let received = false
    let passed = ''
    try {
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- in order
        const frame = await connection.next()
        if (frame === undefined) break
        received = true
        const message = decode(frame, info.service)
        if (message instanceof XrpcClientError) {
          if (!passing.has(message.error)) throw message
          passed = message.error
          break
        }
        if (message !== undefined) yield message
        if (signal.aborted) return
      }
    } finally {
      connection.close()
    }
    if (signal.aborted) return
    const { end } = connection
    const lasting = end.refusal !== undefined && isLasting(end.refusal.status)
    refusals = lasting ? refusals + 1 : 0
    if (connection.failure !== undefined) throw connection.failure
    if (end.refusal !== undefined && lasting && refusals >= services.length)
      throw connection.refusalError(nsid)
    if (options.reconnect === false) {
      if (end.code === 1000 || end.code === 1001) return
      if (end.refusal !== undefined) throw connection.refusalError(nsid)
      throw new XrpcClientError(
        'network',
        `stream ended; nsid=${nsid} code=${end.code} reason=${end.reason}`,
        {
          cause: end.cause,
        },
      )
    }
    attempt = received ? 1 : attempt + 1
    if (!received) at = (at + 1) % services.length
    const backoff = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 20)) * (0.5 + Math.random() / 2)
    const delayMs = Math.max(Math.min(connection.retryAfterMs, maxMs), backoff)
    const reason = passed === '' ? end.reason : passed
    options.onDisconnect?.({ ...info, code: end.code, reason, status: end.refusal?.status, delayMs })
    // oxlint-disable-next-line no-await-in-loop
    if (!(await sleep(delayMs, signal))) return
  }
}

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

function streamUrl(base: URL, nsid: string, query: URLSearchParams): string {
  const url = new URL(base)
  if (url.protocol === 'https:') url.protocol = 'wss:'
  else if (url.protocol === 'http:') url.protocol = 'ws:'
  url.pathname = `${url.pathname.replace(/^(.*[^/])?\/*$/s, '$1')}/xrpc/${nsid}`
  url.search = query.toString()
  url.hash = ''
  return url.href
}

function isLasting(status: number): boolean {
  return status === 501 || (status >= 300 && status < 500 && ![408, 425, 429].includes(status))
}

function withoutEmpty(params: Readonly<Record<string, ParamValue>>): Record<string, ParamValue> {
  return Object.fromEntries(
    Object.entries(params).filter(([, value]) => value !== null && value !== undefined),
  )
}
