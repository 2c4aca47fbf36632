import { XrpcClientError } from '@avocet/xrpc-client/stream'

/**
 * - `invalid-options`: options that no server would take; nothing was sent.
 * - `refused`: the server answered with an error: `status`.
 * - `invalid-answer`: an answer that is not what the call gives.
 * - `too-large`: an answer, or a message, past its bound.
 * - `network`: no answer, or none in time.
 */
export type TapErrorCode = 'invalid-options' | 'refused' | 'invalid-answer' | 'too-large' | 'network'

/** What this package throws. What a server sends as an event never throws. */
export class TapError extends Error {
  override readonly name = 'TapError'
  readonly code: TapErrorCode
  /** HTTP status of a refusal; 0 for none. */
  readonly status: number

  constructor(
    code: TapErrorCode,
    message: string,
    data: { readonly status?: number; readonly cause?: unknown } = {},
  ) {
    super(message, data.cause === undefined ? undefined : { cause: data.cause })
    this.code = code
    this.status = data.status ?? 0
  }
}

/** This package's error for what a connection failed with; anything else as it is. */
export function toTapError(cause: unknown): unknown {
  if (!(cause instanceof XrpcClientError)) return cause
  const { status, message } = cause
  const code = cause.code === 'response' ? 'refused' : cause.code === 'too-large' ? 'too-large' : 'network'
  return new TapError(code, message, { status, cause })
}
