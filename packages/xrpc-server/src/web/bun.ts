/** Requests and subscriptions on Bun. */
import { responseOf } from '../fetch.ts'
import { TextFrame, type SentFrame } from '../frames.ts'
import type { FrameSocket } from '../subscription.ts'
import type { Router } from '../types.ts'
import { socketCall, wantsSocket } from './socket.ts'

/** What is used of Bun's server. */
export interface BunServer {
  requestIP(request: Request): { readonly address: string } | null
  upgrade(
    request: Request,
    options: { readonly data: unknown; readonly headers?: Readonly<Record<string, string>> },
  ): boolean
}

/** What is used of its sockets. */
export interface BunSocket {
  readonly data: unknown
  readonly readyState: number
  send(data: string | Uint8Array): number
  getBufferedAmount(): number
  close(code?: number, reason?: string): void
  terminate(): void
}

/** What `Bun.serve` takes. */
export interface BunHandler {
  readonly fetch: (request: Request, server: BunServer) => Promise<Response | undefined>
  readonly websocket: {
    /** Subscribers have nothing to say: what they send is dropped, and bounded. */
    readonly maxPayloadLength: number
    readonly open: (socket: BunSocket) => void
    readonly message: () => void
    readonly drain: (socket: BunSocket) => void
    readonly close: (socket: BunSocket) => void
  }
}

const CLOSE_MS = 2000

/**
 * A router as `fetch` and `websocket` of `Bun.serve`. Who calls is who connects: behind a proxy of your own, call `router.fetch` with the address
 * that it tells. Bun pings subscribers by itself.
 *
 * @example
 * Bun.serve({ port: 8000, ...bunHandler(router) })
 */
export function bunHandler(router: Pick<Router, 'fetch' | 'connect'>): BunHandler {
  return {
    async fetch(request, server) {
      const address = server.requestIP(request)?.address ?? null
      if (!wantsSocket(request)) return await router.fetch(request, { address })
      const connection = await router.connect(socketCall(request, address))
      if (!connection.ok) return responseOf(connection.answer, false)
      const { protocol } = connection
      const data = new BunFrameSocket(connection.run)
      const upgraded = server.upgrade(request, {
        data,
        ...(protocol === null ? {} : { headers: { 'sec-websocket-protocol': protocol } }),
      })
      return upgraded ? undefined : new Response('not a WebSocket request', { status: 400 })
    },
    websocket: {
      maxPayloadLength: 64 * 1024,
      open: (socket) => (socket.data as BunFrameSocket).opened(socket),
      message: () => {},
      drain: (socket) => (socket.data as BunFrameSocket).drain(),
      close: (socket) => (socket.data as BunFrameSocket).closed(),
    },
  }
}

class BunFrameSocket implements FrameSocket {
  readonly #abort = new AbortController()
  readonly #run: (socket: FrameSocket) => Promise<void>
  #socket: BunSocket | undefined
  #waiting: (() => void)[] = []
  #closing = false

  constructor(run: (socket: FrameSocket) => Promise<void>) {
    this.#run = run
  }

  opened(socket: BunSocket): void {
    this.#socket = socket
    void this.#run(this)
  }

  closed(): void {
    this.#abort.abort(new Error('the socket is closed'))
    this.drain()
  }

  drain(): void {
    if (this.bufferedBytes > 0 && !this.signal.aborted) return
    for (const done of this.#waiting.splice(0)) done()
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get bufferedBytes(): number {
    return this.#socket?.getBufferedAmount() ?? 0
  }

  send(frame: SentFrame): void {
    if (this.#closing || this.signal.aborted) return
    const sent = this.#socket?.send(frame instanceof TextFrame ? frame.text : frame)
    // 0: dropped, since the socket is closing or full past what Bun keeps; -1: it waits, which `bufferedBytes` counts.
    if (sent === 0) this.#abort.abort(new Error('the socket is closing'))
  }

  async drained(): Promise<void> {
    if (this.bufferedBytes === 0 || this.signal.aborted) return
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  close(code: number, reason: string): void {
    if (this.#closing) return
    this.#closing = true
    this.#socket?.close(code, reason.slice(0, 120))
    const timer = setTimeout(() => this.#socket?.terminate(), CLOSE_MS)
    this.signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  }
}
