import { XrpcClientError } from '@avocet/xrpc-client/stream'

/**
 * - `invalid-options`: options that no server would take; nothing was sent.
 * - `cursor-too-old`: every service says that the events after the cursor are gone (v2).
 * - `refused`: every service refused the connection in a way that another attempt would not change: `status`, `error`.
 * - `stream-ended`: a server ended the stream with an error that another attempt would not mend: `error`.
 * - `too-large`: every service sent a message larger than the connection takes.
 * - `overflow`: the reader was too slow for what may wait (`overflow: 'error'`).
 * - `network`: the connection ended, and `reconnect` is off.
 * - `store-failed`: the cursor could not be loaded or saved; `cause` says why.
 */
export type JetstreamErrorCode =
  | 'invalid-options'
  | 'cursor-too-old'
  | 'refused'
  | 'stream-ended'
  | 'too-large'
  | 'overflow'
  | 'network'
  | 'store-failed'

/** What the iteration of a subscription throws. What a server sends as an event never throws. */
export class JetstreamError extends Error {
  override readonly name = 'JetstreamError'
  readonly code: JetstreamErrorCode
  /** HTTP status of a refusal; 0 for none. */
  readonly status: number
  /** The error's name as the server gave it, `CursorTooOld`; empty for none. */
  readonly error: string

  constructor(
    code: JetstreamErrorCode,
    message: string,
    data: { readonly status?: number; readonly error?: string; readonly cause?: unknown } = {},
  ) {
    super(message, data.cause === undefined ? undefined : { cause: data.cause })
    this.code = code
    this.status = data.status ?? 0
    this.error = data.error ?? ''
  }
}

const CODES: Partial<Record<XrpcClientError['code'], JetstreamErrorCode>> = {
  response: 'refused',
  stream: 'stream-ended',
  'too-large': 'too-large',
  overflow: 'overflow',
  network: 'network',
}

/** This package's error for what a connection failed with; anything else as it is. */
export function toJetstreamError(cause: unknown): unknown {
  if (!(cause instanceof XrpcClientError)) return cause
  const { status, error, message } = cause
  const code = error === 'CursorTooOld' ? 'cursor-too-old' : (CODES[cause.code] ?? 'network')
  return new JetstreamError(code, message, { status, error, cause })
}
