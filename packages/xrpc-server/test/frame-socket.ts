import { TextFrame } from '../src/frames.ts'
import type { FrameSocket } from '../src/subscription.ts'

/** A socket to nobody, which keeps what it is given. */
export type TestSocket = FrameSocket & {
  bufferedBytes: number
  readonly sent: Uint8Array[]
  readonly closed: unknown[]
  leave(): void
  takeAll(): void
}

export function socketOf(): TestSocket {
  const gone = new AbortController()
  let taken = Promise.withResolvers<void>()
  const socket: TestSocket = {
    bufferedBytes: 0,
    signal: gone.signal,
    sent: [],
    closed: [],
    send(frame) {
      socket.sent.push(frame instanceof TextFrame ? frame.bytes : frame)
      socket.bufferedBytes += frame.length
    },
    drained: () => taken.promise,
    close: (code, reason) => void socket.closed.push(code, reason),
    leave: () => gone.abort(),
    takeAll() {
      socket.bufferedBytes = 0
      taken.resolve()
      taken = Promise.withResolvers<void>()
    },
  }
  return socket
}
