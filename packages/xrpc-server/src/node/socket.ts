import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { TextFrame, type SentFrame } from '../frames.ts'
import type { FrameSocket } from '../subscription.ts'

/** For the closing handshake, in milliseconds; then the socket is cut off. */
export const closeMs = 2000

// A frame's WebSocket form, made once for however many sockets it goes to.
const framed = new WeakMap<SentFrame, Uint8Array>()

/**
 * A `ws` socket for the router. Frames are written to the stream below it, already framed: servers do not mask, so the
 * same bytes go to every subscriber. Writes of one turn of the event loop leave in one system call.
 */
export class NodeFrameSocket implements FrameSocket {
  readonly #abort = new AbortController()
  readonly #ws: WebSocket
  readonly #stream: Duplex
  #corked = false
  #closing = false
  #sentBytes = 0
  // Since the last ping: whether anything came, and how much had left by then.
  #heard = true
  #takenBytes = 0

  constructor(ws: WebSocket, stream: Duplex) {
    this.#ws = ws
    this.#stream = stream
    ws.once('close', () => this.#abort.abort(new Error('the socket is closed')))
    // A broken socket also closes; there is nobody else to tell.
    ws.on('error', () => {})
    stream.on('data', () => (this.#heard = true))
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get bufferedBytes(): number {
    return this.#stream.writableLength
  }

  send(frame: SentFrame): void {
    if (this.#closing || this.signal.aborted) return
    if (this.#ws.readyState !== this.#ws.OPEN || this.#stream.destroyed || this.#stream.writableEnded) {
      // The peer is leaving. What is written now goes nowhere and fills no buffer, so nothing else would stop the sender.
      this.#abort.abort(new Error('the socket is closing'))
      return
    }
    if (!this.#corked) {
      this.#corked = true
      this.#stream.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#stream.uncork()
      })
    }
    const bytes = frameOf(frame)
    this.#sentBytes += bytes.length
    this.#stream.write(bytes)
  }

  /** Asks for a sign of life. Cuts the socket off when nothing came since the last time, and none of the frames left. */
  ping(): void {
    const taken = this.#sentBytes - this.#stream.writableLength
    if (!this.#heard && taken <= this.#takenBytes) {
      this.#ws.terminate()
      return
    }
    this.#heard = false
    this.#takenBytes = taken
    this.#ws.ping()
  }

  async drained(): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#stream.off('drain', check)
        this.#stream.off('close', done)
        resolve()
      }
      const check = (): void => {
        if (this.#stream.writableLength === 0) done()
      }
      this.#stream.on('drain', check)
      this.#stream.on('close', done)
      if (this.#stream.destroyed || this.#stream.writableLength === 0) done()
    })
  }

  close(code: number, reason: string): void {
    if (this.#closing) return
    this.#closing = true
    this.#ws.close(code, reason.slice(0, 120))
    const timer = setTimeout(() => this.#ws.terminate(), closeMs)
    this.#ws.once('close', () => clearTimeout(timer))
  }
}

/** https://www.rfc-editor.org/rfc/rfc6455#section-5.2: FIN, binary or text, not masked. */
function frameOf(frame: SentFrame): Uint8Array {
  let bytes = framed.get(frame)
  if (bytes !== undefined) return bytes
  const isText = frame instanceof TextFrame
  const payload = isText ? frame.bytes : frame
  const { length } = payload
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10
  bytes = new Uint8Array(head + length)
  bytes[0] = isText ? 0x81 : 0x82
  if (head === 2) {
    bytes[1] = length
  } else if (head === 4) {
    bytes[1] = 126
    bytes[2] = length >> 8
    bytes[3] = length & 0xff
  } else {
    bytes[1] = 127
    new DataView(bytes.buffer).setBigUint64(2, BigInt(length))
  }
  bytes.set(payload, head)
  framed.set(frame, bytes)
  return bytes
}
