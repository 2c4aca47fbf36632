/** What streams of every kind have in common: one connection after the other, until the reader has enough. */
import { Connection, type Link, type Target } from './connection.ts'
import { XrpcClientError } from './error.ts'
import { sleep } from './request.ts'
import { serviceUrl } from './service-url.ts'
import type { ConnectInfo, FollowOptions, StreamIterator } from './stream-types.ts'

const maxCorrections = 3

/** What is particular to one kind of stream. */
export interface Wire<T> {
  /** Names the stream in messages of errors: `nsid=com.example.stream`. */
  readonly name: string
  /**
   * Asked before each connection, when all earlier messages have been taken by the reader.
   *
   * @param base one of the services
   */
  connect(base: URL, info: ConnectInfo): Target | Promise<Target>
  /** The connection is open. */
  opened?(link: Link, info: ConnectInfo): void
  /**
   * What a frame means: something to yield, `undefined` for nothing, or an error that ends the connection.
   *
   * @throws what is to end the iteration
   */
  decode(frame: Uint8Array | string, info: ConnectInfo): T | XrpcClientError | undefined
  /** Whether another connection may mend an error that `decode` gave; else it is thrown. */
  passing(error: XrpcClientError): boolean
  /**
   * Whether a frame past `maxFrameBytes` would come again, as it does at a cursor: then `too-large` is thrown once each service
   * sent one and nothing else. Asked after each connection. Default false: tried again and again.
   */
  readonly repeats?: boolean
  /** Told of a refused upgrade: true to try again at once with another target, at most three times in a row. */
  refused?(error: XrpcClientError, info: ConnectInfo): boolean
}

/**
 * Connects and stays connected: with backoff and jitter, from one service to the next. It connects again only when the
 * reader has taken every message that arrived. Starts with the first `next`, ends its connection when the iteration ends.
 *
 * The iteration throws an `XrpcClientError`: `response` when every service refused in a way that another attempt would
 * not change, `too-large`, `overflow`, and what the wire says.
 */
export function follow<T>(wire: Wire<T>, options: FollowOptions): StreamIterator<T> {
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal])
  const messages = run(wire, options, signal)
  const iterator: StreamIterator<T> = {
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

async function* run<T>(
  wire: Wire<T>,
  options: FollowOptions,
  signal: AbortSignal,
): AsyncGenerator<T, undefined> {
  const services = [options.service].flat().map((service) => serviceUrl(service, /^(http|ws)s?:/))
  if (services.length === 0) throw new TypeError('no service to subscribe to')
  const minMs = options.backoff?.minMs ?? 500
  const maxMs = options.backoff?.maxMs ?? 30_000
  let at = 0
  let attempt = 1
  // Services in a row that another attempt would not change.
  let refusals = 0
  let corrections = 0
  while (!signal.aborted) {
    const base = services[at]!
    const info = { service: base.href.replace(/^(.*[^/])?\/*$/s, '$1'), attempt }
    const target = await wire.connect(base, info)
    if (signal.aborted) return
    const connection = new Connection(target, info, options, signal, (link) => wire.opened?.(link, info))
    let received = false
    let yielded = false
    let passed = ''
    try {
      for (;;) {
        const frame = await connection.next()
        if (frame === undefined) break
        const message = wire.decode(frame, info)
        if (message instanceof XrpcClientError) {
          if (!wire.passing(message)) throw message
          passed = message.error
          break
        }
        received = true
        if (message !== undefined) {
          yielded = true
          yield message
        }
        if (signal.aborted) return
      }
    } finally {
      connection.close()
    }
    if (signal.aborted) return
    const { end } = connection
    if (connection.failure !== undefined) throw connection.failure
    if (end.refusal !== undefined && corrections < maxCorrections) {
      corrections += 1
      if (wire.refused?.(connection.refusalError(wire.name), info) === true) continue
    }
    corrections = 0
    const tooLarge = wire.repeats === true && end.code === 1009 && end.refusal === undefined && !yielded
    const lasting = tooLarge || (end.refusal !== undefined && isLasting(end.refusal.status))
    refusals = lasting ? refusals + 1 : 0
    if (lasting && refusals >= services.length) {
      if (!tooLarge) throw connection.refusalError(wire.name)
      throw new XrpcClientError('too-large', `${end.reason}; ${wire.name}`, { cause: end.cause })
    }
    if (options.reconnect === false) {
      if (end.code === 1000 || end.code === 1001) return
      if (end.refusal !== undefined) throw connection.refusalError(wire.name)
      const message = `stream ended; ${wire.name} code=${end.code} reason=${end.reason}`
      throw new XrpcClientError('network', message, { cause: end.cause })
    }
    attempt = received ? 1 : attempt + 1
    if (connection.sequel === 'at-once') continue
    if (!received || connection.sequel === 'elsewhere') at = (at + 1) % services.length
    const backoff = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 20)) * (0.5 + Math.random() / 2)
    const delayMs = Math.max(Math.min(connection.retryAfterMs, maxMs), backoff)
    const reason = passed === '' ? end.reason : passed
    options.onDisconnect?.({ ...info, code: end.code, reason, status: end.refusal?.status, delayMs })
    if (!(await sleep(delayMs, signal))) return
  }
}

function isLasting(status: number): boolean {
  return status === 501 || (status >= 300 && status < 500 && ![408, 425, 429].includes(status))
}

/** The URL of a stream: path and query added to a service's, `http` turned into `ws`. */
export function streamUrl(base: URL, path: string, query: URLSearchParams): string {
  const url = new URL(base)
  if (url.protocol === 'https:') url.protocol = 'wss:'
  else if (url.protocol === 'http:') url.protocol = 'ws:'
  url.pathname = `${url.pathname.replace(/^(.*[^/])?\/*$/s, '$1')}/${path}`
  url.search = query.toString()
  url.hash = ''
  return url.href
}
