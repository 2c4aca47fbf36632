/** Why something did not work. */
export type OAuthClientErrorCode =
  // what was asked for
  /** Neither a handle, nor a DID, nor an https URL; or a redirect or a scope that the client does not have. */
  | 'invalid-input'
  /** The account could not be resolved; `cause` says why. */
  | 'identity'
  // what a server said
  /** A document breaks a rule; the message names it. */
  | 'invalid-metadata'
  /** A document, or the way back, is of another issuer than it should be; or the account is not kept by that issuer. */
  | 'wrong-issuer'
  /** Another account than the one that was asked for signed in. */
  | 'wrong-account'
  /** The server refused; `oauthError` is its word. */
  | 'refused'
  /** The person, or the server, did not agree; `oauthError` is the word that came back. */
  | 'denied'
  /** An answer is not what the specification says. */
  | 'invalid-answer'
  | 'too-large'
  | 'redirected'
  // what may be otherwise the next time
  | 'timeout'
  | 'network'
  | 'aborted'
  // what is kept
  /** Nobody here asked for this way back, or it came twice, or too late. */
  | 'unknown-state'
  | 'unknown-session'
  /** The session is over; `ending` says how. */
  | 'session-ended'
  /** The store failed; `cause` says how. */
  | 'store'
  /** A URL that the credentials of the session must not go to. */
  | 'foreign-url'

/** How a session came to its end. */
export type SessionEnding =
  /** `signOut` was called. */
  | 'signed-out'
  /** The server takes its refresh token no more: revoked, expired or used by somebody else. */
  | 'refused'
  /** It had no refresh token, and its access token is over. */
  | 'expired'
  /** It is not in the store any more. */
  | 'removed'
  /** The same account signed in anew. */
  | 'replaced'
  /** The account lives at a PDS of another authorization server now: it has to sign in there. */
  | 'moved'

/** What more is known of a failure. */
export interface OAuthClientErrorData {
  readonly cause?: unknown
  readonly status?: number | undefined
  readonly oauthError?: string | undefined
  readonly ending?: SessionEnding | undefined
  readonly appState?: string | null
}

/** A failure of this package. */
export class OAuthClientError extends Error {
  override readonly name = 'OAuthClientError'
  readonly code: OAuthClientErrorCode
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined
  /** The server's word, like `access_denied` or `invalid_grant`. */
  readonly oauthError: string | undefined
  readonly ending: SessionEnding | undefined
  /** Of the way back that failed: what `authorize` was given. */
  readonly appState: string | null

  constructor(code: OAuthClientErrorCode, message: string, data: OAuthClientErrorData = {}) {
    super(message, data)
    this.code = code
    this.status = data.status
    this.oauthError = data.oauthError
    this.ending = data.ending
    this.appState = data.appState ?? null
  }

  /** True where the same may work later. */
  get isTransient(): boolean {
    if (this.code === 'identity')
      return (this.cause as { isTransient?: boolean } | null)?.isTransient === true
    const { status = 0 } = this
    return /^(?:timeout|network|aborted|store)$/.test(this.code) || status === 429 || status >= 500
  }
}

/** An expected outcome: a value, or a typed failure. */
export type OAuthResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: OAuthClientError }

/** Runs something that throws this package's errors. What else it throws is a fault of the program, and goes on. */
export async function settle<T>(run: () => Promise<T>): Promise<OAuthResult<T>> {
  try {
    return { ok: true, value: await run() }
  } catch (error) {
    if (error instanceof OAuthClientError) return { ok: false, error }
    throw error
  }
}

/** The value of a result. @throws {OAuthClientError} its error */
export function valueOf<T>(result: OAuthResult<T>): T {
  if (result.ok) return result.value
  throw result.error
}
