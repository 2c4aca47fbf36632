/**
 * - `state-failed`: the state store could not save; the consumer stopped, nothing was acknowledged that is not stored.
 * - `source-failed`: a source ended with an error that it does not recover from.
 * - `invalid-option`: an option is out of its bounds.
 * - `capture-malformed`: a capture file is cut off or its lengths are impossible.
 * - `worker-failed`: a verification worker died.
 */
export type FirehoseErrorCode =
  | 'state-failed'
  | 'source-failed'
  | 'invalid-option'
  | 'capture-malformed'
  | 'worker-failed'

/** What `@avocet/firehose` throws when it cannot go on. What a stranger sent never throws. */
export class FirehoseError extends Error {
  override readonly name = 'FirehoseError'
  readonly code: FirehoseErrorCode

  constructor(code: FirehoseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/**
 * - `repo-not-found`, `repo-takendown`, `repo-suspended`, `repo-deactivated`: terminal; not tried again until an event says
 *   that the account is back.
 * - `rev-regression`: the copy offered is older than what is stored.
 * - `invalid-repo`: the copy offered does not verify.
 * - `fetch-failed`: no copy could be had.
 * - `host-busy`: the host was not asked, since it wants a pause or has its share of requests: try after `retryAfterMs`.
 */
export type ResyncErrorCode =
  | 'repo-not-found'
  | 'repo-takendown'
  | 'repo-suspended'
  | 'repo-deactivated'
  | 'rev-regression'
  | 'invalid-repo'
  | 'fetch-failed'
  | 'host-busy'

/** Thrown by a `Resync`; any other error counts as `fetch-failed`. */
export class ResyncError extends Error {
  override readonly name = 'ResyncError'
  readonly code: ResyncErrorCode
  /** Not before this many ms (a host's Retry-After); null: as the backoff says. */
  readonly retryAfterMs: number | null
  /** Which host is busy; null: who knows. */
  readonly host: string | null

  constructor(
    code: ResyncErrorCode,
    message: string,
    options?: ErrorOptions & { readonly retryAfterMs?: number; readonly host?: string },
  ) {
    super(message, options)
    this.code = code
    this.retryAfterMs = options?.retryAfterMs ?? null
    this.host = options?.host ?? null
  }
}

const TERMINAL: ReadonlySet<ResyncErrorCode> = new Set([
  'repo-not-found',
  'repo-takendown',
  'repo-suspended',
  'repo-deactivated',
])

/** Whether there is no sense in trying again by itself. */
export function isTerminal(code: ResyncErrorCode): boolean {
  return TERMINAL.has(code)
}
