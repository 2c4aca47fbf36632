import type { Call } from '../call.ts'
import { callOf } from '../fetch.ts'
import { TextFrame, type SentFrame } from '../frames.ts'
import type { FrameSocket } from '../subscription.ts'

/** What is used of a WebSocket of the web platform, as Deno and Workers have it. */
export interface PlatformSocket {
  readonly readyState: number
  /** Bytes that wait to be sent; absent where the platform does not tell. */
  readonly bufferedAmount?: number
  send(data: string | Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'close' | 'error', listener: () => void): void
}

const OPEN = 1
/** How often a platform without an event for it is asked whether all was sent, in milliseconds. */
const POLL_MS = 50
/** For the closing handshake, in milliseconds; then the socket counts as closed. */
const CLOSE_MS = 2000

/** A WebSocket of the platform for the router. What a subscriber says is not listened to. */
export class WebFrameSocket implements FrameSocket {
  readonly #abort = new AbortController()
  readonly #socket: PlatformSocket
  #closing = false

  constructor(socket: PlatformSocket) {
    this.#socket = socket
    const gone = (): void => this.#abort.abort(new Error('the socket is closed'))
    socket.addEventListener('close', gone)
    // A broken socket also closes, though not on every platform.
    socket.addEventListener('error', gone)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount ?? 0
  }

  send(frame: SentFrame): void {
    if (this.#closing || this.signal.aborted) return
    try {
      if (this.#socket.readyState !== OPEN) throw new Error('the socket is closing')
      this.#socket.send(frame instanceof TextFrame ? frame.text : (frame as Uint8Array<ArrayBuffer>))
    } catch (error) {
      // The peer is leaving: what is sent now goes nowhere, and nothing else would stop the sender.
      this.#abort.abort(error)
    }
  }

  async drained(): Promise<void> {
    while (this.bufferedBytes > 0 && !this.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }

  close(code: number, reason: string): void {
    if (this.#closing) return
    this.#closing = true
    try {
      this.#socket.close(code, reason.slice(0, 120))
    } catch {
      // It was closed before.
    }
    setTimeout(() => this.#abort.abort(new Error('the socket was not closed in time')), CLOSE_MS)
  }
}

/** Whether a request asks for a WebSocket. */
export function wantsSocket(request: Request): boolean {
  return request.headers.get('upgrade')?.toLowerCase() === 'websocket'
}

/** The call of a request that becomes a socket: a copy, since platforms close the request itself with the answer, its headers and signal too. */
export function socketCall(request: Request, address: string | null): Call {
  return callOf(new Request(request.url, { headers: [...request.headers] }), address)
}
