/** Why an operation, a log or a request to a directory failed. */
export type PlcErrorCode =
  | 'invalid-operation'
  | 'operation-too-large'
  | 'unsupported-key'
  | 'invalid-signature'
  | 'misordered'
  | 'late-recovery'
  | 'genesis-mismatch'
  | 'tombstoned'
  | 'cid-mismatch'
  | 'nullification-mismatch'
  | 'time-order'
  | 'empty-log'
  | 'not-found'
  | 'rejected'
  | 'rate-limited'
  | 'network'
  | 'timeout'
  | 'aborted'
  | 'too-large'
  | 'invalid-response'

/** A failure of this package: returned in a {@link PlcResult}, thrown only where a contract is broken. */
export class PlcError extends Error {
  override readonly name = 'PlcError'
  readonly code: PlcErrorCode
  /** HTTP status of the directory's answer, where there was one. */
  readonly status: number | undefined

  constructor(code: PlcErrorCode, message: string, options: { cause?: unknown; status?: number } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.status = options.status
  }
}

/** An expected outcome: a value, or a typed failure. */
export type PlcResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: PlcError }

/** A failed result. */
export function fail(
  code: PlcErrorCode,
  message: string,
  options?: { cause?: unknown; status?: number },
): { readonly ok: false; readonly error: PlcError } {
  return { ok: false, error: new PlcError(code, message, options) }
}
