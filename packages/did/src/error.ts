/** Why something could not be resolved or fetched. */
export type DidErrorCode =
  // what is asked for
  | 'invalid-did'
  | 'unsupported-method'
  | 'invalid-handle'
  | 'reserved-handle'
  // what the answer is
  | 'not-found'
  | 'tombstoned'
  | 'invalid-document'
  | 'id-mismatch'
  | 'ambiguous'
  | 'handle-mismatch'
  | 'bad-status'
  // what the guard refuses
  | 'blocked-protocol'
  | 'blocked-address'
  | 'too-many-redirects'
  | 'too-large'
  | 'too-compressed'
  // what may be otherwise the next time
  | 'timeout'
  | 'network'
  | 'dns-failure'
  | 'throttled'
  | 'aborted'

const TRANSIENT: ReadonlySet<DidErrorCode> = new Set([
  'timeout',
  'network',
  'dns-failure',
  'throttled',
  'aborted',
])

/** A failure of this package: the `error` of a {@link DidResult}, and what a guarded fetch rejects with. */
export class DidError extends Error {
  override readonly name = 'DidError'
  readonly code: DidErrorCode
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined

  constructor(code: DidErrorCode, message: string, options: { cause?: unknown; status?: number } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.status = options.status
  }

  /** True where nothing is known about what was asked for: trying again later may succeed. */
  get isTransient(): boolean {
    return TRANSIENT.has(this.code) || (this.status !== undefined && this.status >= 500)
  }
}

/** An expected outcome: a value, or a typed failure. */
export type DidResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: DidError }

/** A failed result. */
export function fail(
  code: DidErrorCode,
  message: string,
  options?: { cause?: unknown; status?: number },
): { readonly ok: false; readonly error: DidError } {
  return { ok: false, error: new DidError(code, message, options) }
}

/** Whatever was thrown on the way to an answer, as a failed result. `signal` tells an abort by its own reason apart. */
export function failWith(
  cause: unknown,
  what: string,
  signal?: AbortSignal,
): { readonly ok: false; readonly error: DidError } {
  if (cause instanceof DidError) return { ok: false, error: cause }
  const name = cause instanceof Error ? cause.name : ''
  if (name === 'TimeoutError') return fail('timeout', `no answer in time; ${what}`, { cause })
  if (name === 'AbortError' || signal?.aborted)
    return fail('aborted', `request was aborted; ${what}`, { cause })
  return fail('network', `request failed; ${what}`, { cause })
}
