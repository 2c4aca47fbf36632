/**
 * Subscriptions: one iterator per subscriber, its items sent as frames, bounded in bytes.
 * @see https://atproto.com/specs/event-stream
 */
import { type Subprotocol, XrpcError } from '@avocet/xrpc'
import type { Answer } from './call.ts'
import type { FrameEncoder, SentFrame } from './frames.ts'
import type { Limits } from './limits.ts'
import type { Turns } from './turns.ts'

/** An open WebSocket, as an adapter gives it. */
export interface FrameSocket {
  /** Bytes handed to {@link send} that the network has not taken. */
  readonly bufferedBytes: number
  /** Aborted when the socket is closed, by either side. */
  readonly signal: AbortSignal
  /** Sends one message, binary or text. Aborts {@link signal} when the socket is closing: there is nobody to send to any more. */
  send(frame: SentFrame): void
  /** Resolves when nothing is buffered any more, or the socket is closed. */
  drained(): Promise<void>
  /** Starts the closing handshake; the adapter cuts the socket off when the peer does not answer it. */
  close(code: number, reason: string): void
}

/** What became of a WebSocket request: refused with an HTTP answer, or taken. */
export type Connection =
  | { readonly ok: false; readonly answer: Answer }
  | {
      readonly ok: true
      /** The subprotocol to say in the answer; null for none: the caller offered none that is served. */
      readonly protocol: Subprotocol | null
      /** Serves the socket; resolves when it is closed. Never rejects. */
      readonly run: (socket: FrameSocket) => Promise<void>
    }

/** One open subscription. */
export interface Subscriber {
  readonly id: string
  readonly nsid: string
  readonly address: string | null
  readonly userAgent: string | null
  readonly params: unknown
  readonly connectedAt: Date
  /** Frames and bytes sent so far. */
  readonly frames: number
  readonly bytes: number
  /** Bytes the subscriber has not taken yet. */
  readonly bufferedBytes: number
  /** Ends the subscription. Code 1000 unless told. */
  close(code?: number, reason?: string): void
}

/** Why a stream ended. */
export interface StreamEnd {
  readonly status: number
  readonly error: string | undefined
}

/**
 * Sends a handler's items until either side ends it. Never rejects. Written with callbacks: one that waits in an `await` for
 * the next event would have to race it against the subscriber's leaving, and every race leaves something behind on the
 * promise that lives as long as the socket.
 */
export function pump(
  items: () => AsyncIterable<unknown>,
  socket: FrameSocket,
  limits: Limits,
  encoder: FrameEncoder,
  onSent: (bytes: number) => void,
  onError: ExplainError,
  turns: Turns,
): Promise<StreamEnd> {
  return new Promise((resolve) => {
    let iterator: AsyncIterator<unknown> | undefined
    let ended = false
    const finish = (end: StreamEnd): void => {
      if (ended) return
      ended = true
      socket.signal.removeEventListener('abort', onGone)
      // Not awaited: a generator that is busy ends when it next yields; its own signal is aborted by then.
      iterator?.return?.().then(undefined, onError)
      resolve(end)
    }
    const onGone = (): void => finish({ status: 101, error: undefined })
    const onFailure = (error: unknown): void => {
      if (!ended) finish(fail(error, socket, onError, encoder))
    }
    const onItem = (next: IteratorResult<unknown>): void => {
      if (ended) return
      try {
        if (next.done === true) {
          socket.close(1000, '')
          onGone()
          return
        }
        const frame = encoder.item(next.value)
        socket.send(frame)
        onSent(frame.length)
        if (socket.bufferedBytes > limits.bufferedBytes) drain(socket, limits).then(step, onFailure)
        else turns.run(step)
      } catch (error) {
        onFailure(error)
      }
    }
    const step = (): void => {
      if (!ended) iterator?.next().then(onItem, onFailure)
    }
    socket.signal.addEventListener('abort', onGone, { once: true })
    if (socket.signal.aborted) {
      onGone()
      return
    }
    try {
      iterator = items()[Symbol.asyncIterator]()
      step()
    } catch (error) {
      onFailure(error)
    }
  })
}

async function drain(socket: FrameSocket, limits: Limits): Promise<void> {
  if (limits.drainMs > 0) {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), limits.drainMs)
    })
    const tooLate = await Promise.race([socket.drained(), late])
    clearTimeout(timer)
    if (tooLate !== true) return
  }
  throw new XrpcError(
    400,
    'ConsumerTooSlow',
    `Stream consumer too slow; buffered=${socket.bufferedBytes} max=${limits.bufferedBytes}`,
  )
}

/** Says what a failure is on the wire, or reports it and says nothing. */
export type ExplainError = (error: unknown) => XrpcError | undefined

/** Tells the subscriber why, then closes. */
export function fail(
  error: unknown,
  socket: FrameSocket,
  onError: ExplainError,
  encoder: FrameEncoder,
): StreamEnd {
  const known = error instanceof XrpcError ? error : onError(error)
  const name = known?.error ?? 'InternalServerError'
  socket.send(encoder.error(name, known?.message ?? 'Internal Server Error'))
  socket.close(known !== undefined && known.status < 500 ? 1008 : 1011, name)
  return { status: known?.status ?? 500, error: name }
}
