import { parseErrorBody, parseRetryAfter } from '@avocet/xrpc'
import { openSocket } from '#platform'
import { XrpcClientError } from './error.ts'
import type { Socket, SocketEnd } from './platform.ts'
import type { ConnectInfo, StreamOptions } from './stream-types.ts'

const defaultMaxFrameBytes = 5 * 1024 * 1024
const defaultMaxBufferedBytes = 16 * 1024 * 1024
// A frame of no bytes still costs its place in the queue.
const frameOverhead = 64

/** One connection: frames queue up, bounded in bytes, until the reader takes them. */
export class Connection {
  /** How it ended, once it has. */
  end: SocketEnd = { code: 1006, reason: '' }
  /** What the iteration is to throw. */
  failure: XrpcClientError | undefined
  readonly #options: StreamOptions<any>
  readonly #signal: AbortSignal
  readonly #maxBuffered: number
  #queue: Uint8Array[] = []
  #taken = 0
  #bytes = 0
  #paused = false
  #ended = false
  #socket: Socket | undefined
  #wake: (() => void) | undefined
  #liveness: ReturnType<typeof setInterval> | undefined
  #heard = true

  constructor(url: string, info: ConnectInfo, options: StreamOptions<any>, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
    this.#maxBuffered = options.maxBufferedBytes ?? defaultMaxBufferedBytes
    signal.addEventListener('abort', this.#onAbort, { once: true })
    const bounds = {
      maxFrameBytes: options.maxFrameBytes ?? defaultMaxFrameBytes,
      connectMs: options.connectMs ?? 15_000,
      headers: new Headers(options.headers),
    }
    const events = {
      opened: () => {
        this.#watch()
        options.onConnect?.(info)
      },
      message: (bytes: Uint8Array) => this.#arrive(bytes),
      pong: () => {
        this.#heard = true
      },
      closed: (end: SocketEnd) => this.#finish(end),
    }
    openSocket(url, events, bounds).then(
      (socket) => {
        this.#socket = socket
        if (this.#ended) socket.close()
      },
      (cause: unknown) => this.#finish({ code: 1006, reason: 'cannot connect', cause }),
    )
  }

  /** The next frame; undefined when there will be none. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#taken === this.#queue.length) {
      if (this.#ended || this.#signal.aborted) return undefined
      // oxlint-disable-next-line no-await-in-loop -- woken once for each change
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const frame = this.#queue[this.#taken]!
    this.#taken += 1
    this.#bytes -= frame.length + frameOverhead
    // Taking from the front of an array moves the rest: the front is cut off in pieces instead.
    if (this.#taken === this.#queue.length || this.#taken === 4096) {
      this.#queue = this.#queue.slice(this.#taken)
      this.#taken = 0
    }
    if (this.#paused && this.#bytes <= this.#maxBuffered / 2) {
      this.#paused = false
      this.#heard = true
      this.#socket?.resume()
    }
    return frame
  }

  /** Ends the connection, and forgets what is queued. */
  close(): void {
    this.#queue = []
    this.#taken = 0
    this.#finish({ code: 1000, reason: 'closed by the reader' })
  }

  /** Milliseconds that the service asked to stay away. */
  get retryAfterMs(): number {
    return parseRetryAfter(this.end.refusal?.headers.get('retry-after') ?? null, Date.now()) ?? 0
  }

  /** The error of a refused upgrade. */
  refusalError(nsid: string): XrpcClientError {
    const { status = 0, body = '', headers = new Headers() } = this.end.refusal ?? {}
    let json: unknown
    try {
      json = JSON.parse(body)
    } catch {
      json = undefined
    }
    const { error, message } = parseErrorBody(status, json)
    return new XrpcClientError('response', `${message}; nsid=${nsid}`, { status, error, headers })
  }

  readonly #onAbort = (): void => {
    this.close()
  }

  #arrive(bytes: Uint8Array): void {
    if (this.#ended) return
    this.#heard = true
    this.#queue.push(bytes)
    this.#bytes += bytes.length + frameOverhead
    if (this.#bytes > this.#maxBuffered && !this.#paused) this.#overflow()
    this.#notify()
  }

  #overflow(): void {
    if (this.#options.overflow === 'error') {
      const message = `the reader is too slow; buffered=${this.#bytes} max=${this.#maxBuffered}`
      this.failure = new XrpcClientError('overflow', message)
      this.#queue = []
      this.#taken = 0
      this.#finish({ code: 1008, reason: 'overflow' })
    } else if (this.#socket?.pause() === true) {
      this.#paused = true
    } else {
      // What is queued is still read; the stream goes on from the cursor after it.
      this.#finish({ code: 1000, reason: 'the reader has to catch up' })
    }
  }

  // Half the time without a sound asks for a sign of life; the other half waits for it.
  #watch(): void {
    const canPing = this.#socket?.ping() ?? true
    const livenessMs = this.#options.livenessMs ?? (canPing ? 60_000 : 0)
    if (livenessMs <= 0 || this.#ended) return
    this.#liveness = setInterval(() => {
      if (this.#paused) return
      if (!this.#heard) {
        this.#finish({ code: 1006, reason: 'no sign of life' })
        return
      }
      this.#heard = false
      this.#socket?.ping()
    }, livenessMs / 2)
  }

  #finish(end: SocketEnd): void {
    if (this.#ended) return
    this.#ended = true
    this.end = end
    clearInterval(this.#liveness)
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#socket?.close()
    this.#notify()
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
