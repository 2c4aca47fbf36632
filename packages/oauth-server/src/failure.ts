// https://www.rfc-editor.org/rfc/rfc6749#section-5.2

/** The errors of the endpoints: the words that clients go by. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_client_id'
  | 'invalid_client_metadata'
  | 'invalid_redirect_uri'
  | 'invalid_scope'
  /** Clients end their session on this: never for what may pass. */
  | 'invalid_grant'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'consent_required'
  | 'server_error'
  | 'temporarily_unavailable'

/** Why a request is refused: an answer with these words. */
export interface OAuthFailure {
  readonly code: OAuthErrorCode
  /** For the person who writes the client: which field, what it was, and the rule. May quote what a stranger sent. */
  readonly message: string
  readonly status: number
  /** Seconds. */
  readonly retryAfter?: number
}

/** A refusal as a result. */
export type Refused = { readonly ok: false; readonly error: OAuthFailure }

/** A refusal. @param status 400 by default */
export function refuse(code: OAuthErrorCode, message: string, status = 400): Refused {
  return { ok: false, error: { code, message, status } }
}

/** The server cannot say now: it has to be asked again. Nothing was used up. */
export function unavailable(message: string, retryAfter = 5): Refused {
  return { ok: false, error: { code: 'temporarily_unavailable', message, status: 503, retryAfter } }
}

/** Somebody asks too often. */
export function tooMany(message: string, retryAfter: number): Refused {
  return { ok: false, error: { code: 'temporarily_unavailable', message, status: 429, retryAfter } }
}

/** What a stranger sent, short enough for a message. */
export function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')
  return text.length > 100 ? `${text.slice(0, 100)}...` : text
}
