// A subscriber's WebSocket: frames made once for all go to it as they are, and it is let go when it does not take them.

import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'

/** One socket. */
export type StreamSocket = {
  /** Bytes that wait to be sent. */
  readonly buffered: number
  /** A frame with its head, from `textFrame` or `binaryFrame`. */
  write(frame: Uint8Array): void
  /** Calls `onReady` once when less than `bytes` wait. */
  whenBelow(bytes: number, onReady: () => void): void
  ping(): void
  /** Bytes that have left since the last time this was asked. */
  taken(): number
  close(code: number, reason: string): void
  cut(): void
}

/** For the closing handshake; then the socket is cut off. */
const CLOSE_MS = 2000

/** @param stream what is below the socket */
export function createStreamSocket(ws: WebSocket, stream: Duplex): StreamSocket {
  let corked = false
  let closing = false
  let written = 0
  let told = 0
  let heard = true
  let leftAtPing = 0
  // A broken socket also closes; there is nobody else to tell.
  ws.on('error', () => {})
  stream.on('data', () => (heard = true))
  const left = (): number => written - stream.writableLength

  return {
    get buffered() {
      return stream.writableLength
    },
    write(frame) {
      if (closing || stream.destroyed || stream.writableEnded) return
      if (!corked) {
        // Writes of one turn leave in one system call.
        corked = true
        stream.cork()
        process.nextTick(() => {
          corked = false
          stream.uncork()
        })
      }
      written += frame.length
      stream.write(frame)
    },
    whenBelow(bytes, onReady) {
      const check = (): void => {
        if (stream.writableLength >= bytes && !stream.destroyed) return
        stream.off('drain', check)
        onReady()
      }
      stream.on('drain', check)
    },
    ping() {
      // Nothing came since the last one, and nothing left: nobody is there.
      if (!heard && left() <= leftAtPing) {
        ws.terminate()
        return
      }
      heard = false
      leftAtPing = left()
      ws.ping()
    },
    taken() {
      const now = left()
      const since = now - told
      told = now
      return since
    },
    close(code, reason) {
      if (closing) return
      closing = true
      ws.close(code, reason)
      const timer = setTimeout(() => ws.terminate(), CLOSE_MS)
      ws.once('close', () => clearTimeout(timer))
    },
    cut: () => ws.terminate(),
  }
}

/** A text in its frame. https://www.rfc-editor.org/rfc/rfc6455#section-5.2: FIN, not masked. */
export function textFrame(text: string): { readonly bytes: Uint8Array; readonly size: number } {
  const size = Buffer.byteLength(text)
  const head = headOf(0x81, size)
  const bytes = Buffer.allocUnsafe(head.length + size)
  bytes.set(head)
  bytes.write(text, head.length, 'utf8')
  return { bytes, size }
}

/** Bytes in their frame. */
export function binaryFrame(payload: Uint8Array): Uint8Array {
  return Buffer.concat([headOf(0x82, payload.length), payload])
}

function headOf(first: number, length: number): Uint8Array {
  if (length < 126) return Uint8Array.of(first, length)
  if (length < 65_536) return Uint8Array.of(first, 126, length >> 8, length & 0xff)
  const head = new Uint8Array(10)
  head.set([first, 127])
  new DataView(head.buffer).setBigUint64(2, BigInt(length))
  return head
}
