import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Call } from '../call.ts'
import { streamOf } from '../stream.ts'
import { hostOfTarget } from './target.ts'

/**
 * A node:http request as a Call. The Request, its headers and its signal are made when first asked for: most methods
 * never do, and making them costs more than the rest of a small query.
 */
export class NodeCall implements Call {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly address: string | null
  readonly #message: IncomingMessage
  readonly #response: ServerResponse | null
  readonly #readHost: (message: IncomingMessage) => string | undefined
  #request: Request | undefined
  #abort: AbortController | undefined
  #taken = false

  /**
   * @param target path and query, as in the request line
   * @param response null for a request that asks for a WebSocket
   * @param readHost tells the host that was asked for, which becomes that of the Request's URL
   */
  constructor(
    message: IncomingMessage,
    response: ServerResponse | null,
    target: string,
    address: string | null,
    readHost: (message: IncomingMessage) => string | undefined = ({ url, headers }) =>
      hostOfTarget(url, headers.host),
  ) {
    const queryAt = target.indexOf('?')
    this.method = message.method ?? 'GET'
    this.path = queryAt === -1 ? target : target.slice(0, queryAt)
    this.query = queryAt === -1 ? '' : target.slice(queryAt + 1)
    this.address = address
    this.#message = message
    this.#response = response
    this.#readHost = readHost
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController()
      this.#abort = abort
      const gone = (): void => {
        if (this.#response?.writableFinished !== true) abort.abort(new Error('the caller went away'))
      }
      if (this.#message.socket.destroyed) gone()
      else (this.#response ?? this.#message.socket).once('close', gone)
    }
    return this.#abort.signal
  }

  get request(): Request {
    if (this.#request === undefined) {
      const headers = new Headers()
      const raw = this.#message.rawHeaders
      for (let i = 0; i + 1 < raw.length; i += 2) {
        try {
          headers.append(raw[i]!, raw[i + 1]!)
        } catch {
          // Node takes some header values that Fetch refuses; such a header is of no use to a handler.
        }
      }
      const url = `http://${usableHost(this.#readHost(this.#message))}${this.path}${this.query === '' ? '' : `?${this.query}`}`
      const body = this.#hasBody() && this.method !== 'GET' && this.method !== 'HEAD' && !this.#taken
      const init: RequestInit & { duplex?: 'half' } = { method: this.method, headers, signal: this.signal }
      if (body) {
        // Not by `Readable.toWeb`: it throws outside of any promise when its reader leaves while a piece is on the way, and
        // destroys the message, and with it the connection that the answer needs.
        init.body = streamOf(readChunks(this.#message))
        init.duplex = 'half'
      }
      this.#request = new Request(url, init)
    }
    return this.#request
  }

  header(name: string): string | null {
    // Node makes its table of headers when it is first asked for; one that is not there does not need the table.
    if (!hasHeader(this.#message.rawHeaders, name)) return null
    const value = this.#message.headers[name]
    return value === undefined ? null : typeof value === 'string' ? value : value.join(', ')
  }

  body(): AsyncIterable<Uint8Array> | null {
    if (!this.#hasBody()) return null
    // The Request, once made, holds the body.
    if (this.#request?.body) return this.#request.body
    this.#taken = true
    return readChunks(this.#message)
  }

  arrived(): Uint8Array | null {
    const message = this.#message
    // Node tells that a message is complete a turn after it handed over the last of its bytes.
    const all = message.complete || String(message.readableLength) === message.headers['content-length']
    return all && this.#request === undefined ? (message.read() as Uint8Array | null) : null
  }

  #hasBody(): boolean {
    const { headers } = this.#message
    if (headers['transfer-encoding'] !== undefined) return true
    const length = headers['content-length']
    return length !== undefined && length !== '0'
  }
}

// Stopping early must not destroy the message, as its own iterator would: the answer still has to go out.
async function* readChunks(message: IncomingMessage): AsyncGenerator<Uint8Array> {
  for await (const chunk of message.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array
}

function hasHeader(raw: readonly string[], name: string): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const given = raw[i]!
    if (given.length === name.length && (given === name || given.toLowerCase() === name)) return true
  }
  return false
}

// The Host header may be anything at all; what cannot be a URL must not make the Request fail.
function usableHost(host = 'localhost'): string {
  return /^[\w.:[\]-]{1,255}$/.test(host) && URL.canParse(`http://${host}/`) ? host : 'localhost'
}
