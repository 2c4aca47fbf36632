import { parseErrorBody, parseRetryAfter } from '@avocet/xrpc'
import { openSocket } from '#platform'
import { XrpcClientError } from './error.ts'
import type { Socket, SocketEnd } from './platform.ts'
import type { ConnectInfo, FollowOptions } from './stream-types.ts'

const defaultMaxFrameBytes = 5 * 1024 * 1024
const defaultMaxBufferedBytes = 16 * 1024 * 1024
// A frame of no bytes still costs its place in the queue.
const frameOverhead = 64

/** Where a connection goes, and what is agreed on. */
export interface Target {
  /** `ws` or `wss`, with path and query. */
  readonly url: string
  /** Subprotocols to offer; a service that picks none of them is left. */
  readonly protocols?: readonly string[]
  /** Whether frames may be text; default false. */
  readonly text?: boolean
}

/** What a stream may do with the connection under it. */
export interface Link {
  /** Sends a text frame. False when the connection is not open: nothing was sent. */
  send(text: string): boolean
  /** Ends the connection: when what arrived has been read, the next is made at once. */
  restart(): void
}

/** One connection: frames queue up, bounded in bytes, until the reader takes them. */
export class Connection implements Link {
  /** Whether the next is to be made without a wait, or to the next service. */
  sequel: 'usual' | 'at-once' | 'elsewhere' = 'usual'
  /** How it ended, once it has. */
  end: SocketEnd = { code: 1006, reason: '' }
  /** What the iteration is to throw. */
  failure: XrpcClientError | undefined
  readonly #options: FollowOptions
  readonly #signal: AbortSignal
  readonly #maxBuffered: number
  #queue: (Uint8Array | string)[] = []
  #taken = 0
  #bytes = 0
  #paused = false
  #ended = false
  #socket: Socket | undefined
  #wake: (() => void) | undefined
  #liveness: ReturnType<typeof setInterval> | undefined
  #idle: ReturnType<typeof setTimeout> | undefined
  #heard = true

  constructor(
    target: Target,
    info: ConnectInfo,
    options: FollowOptions,
    signal: AbortSignal,
    opened: (link: Link) => void = () => {},
  ) {
    this.#options = options
    this.#signal = signal
    this.#maxBuffered = options.maxBufferedBytes ?? defaultMaxBufferedBytes
    signal.addEventListener('abort', this.#onAbort, { once: true })
    const bounds = {
      maxFrameBytes: options.maxFrameBytes ?? defaultMaxFrameBytes,
      connectMs: options.connectMs ?? 15_000,
      headers: new Headers(options.headers),
      ...(target.protocols !== undefined && { protocols: target.protocols }),
      ...(target.text !== undefined && { text: target.text }),
    }
    const events = {
      opened: () => {
        this.#watch()
        this.#expect()
        opened(this)
        options.onConnect?.(info)
      },
      message: (data: Uint8Array | string) => this.#arrive(data),
      pong: () => {
        this.#heard = true
      },
      closed: (end: SocketEnd) => this.#finish(end),
    }
    openSocket(target.url, events, bounds).then(
      (socket) => {
        this.#socket = socket
        if (this.#ended) socket.close()
      },
      (cause: unknown) => this.#finish({ code: 1006, reason: 'cannot connect', cause }),
    )
  }

  /** The next frame; undefined when there will be none. */
  async next(): Promise<Uint8Array | string | undefined> {
    while (this.#taken === this.#queue.length) {
      if (this.#ended || this.#signal.aborted) return undefined
      // Woken once for each change.
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
      this.#expect()
      this.#socket?.resume()
    }
    return frame
  }

  send(text: string): boolean {
    return !this.#ended && this.#socket?.send(text) === true
  }

  restart(): void {
    if (this.#ended) return
    this.sequel = 'at-once'
    this.#finish({ code: 1000, reason: 'connects anew' })
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
  refusalError(name: string): XrpcClientError {
    const { status = 0, body = '', headers = new Headers() } = this.end.refusal ?? {}
    let json: unknown
    try {
      json = JSON.parse(body)
    } catch {
      json = undefined
    }
    const { error, message: said } = parseErrorBody(status, json)
    // Servers that speak no XRPC give their reason as plain text.
    const message = (json === undefined && body.slice(0, 300).trim()) || said
    return new XrpcClientError('response', `${message}; ${name}`, { status, error, headers })
  }

  readonly #onAbort = (): void => {
    this.close()
  }

  #arrive(data: Uint8Array | string): void {
    if (this.#ended) return
    this.#heard = true
    this.#queue.push(data)
    this.#bytes += data.length + frameOverhead
    this.#expect()
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
      clearTimeout(this.#idle)
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

  #expect(): void {
    clearTimeout(this.#idle)
    const { idleMs = 0 } = this.#options
    if (idleMs <= 0 || this.#ended || this.#paused) return
    this.#idle = setTimeout(() => {
      this.sequel = 'elsewhere'
      this.#finish({ code: 1006, reason: 'no messages' })
    }, idleMs)
  }

  #finish(end: SocketEnd): void {
    if (this.#ended) return
    this.#ended = true
    this.end = end
    clearInterval(this.#liveness)
    clearTimeout(this.#idle)
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
