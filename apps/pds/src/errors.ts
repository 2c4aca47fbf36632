/**
 * What can go wrong in the domain of this server. Nothing below the methods knows HTTP: `ERROR_TABLE` alone says
 * which status and which XRPC error name a code becomes. The names are those that client libraries key on.
 */
export class PdsError extends Error {
  override readonly name = 'PdsError'
  readonly code: PdsErrorCode
  /** What would be accepted instead, for whoever asked with the credentials of an app: the text of `www-authenticate`. */
  readonly challenge: string | undefined
  constructor(code: PdsErrorCode, message: string, options?: { cause?: unknown; challenge?: string }) {
    super(message, options)
    this.code = code
    this.challenge = options?.challenge
  }
}

/** Codes of `PdsError`. */
export type PdsErrorCode =
  | 'invalid-request'
  | 'auth-missing'
  | 'auth-required'
  | 'invalid-token'
  | 'bad-jwt'
  | 'bad-jwt-type'
  | 'bad-jwt-issuer'
  | 'bad-jwt-audience'
  | 'bad-jwt-method'
  | 'bad-jwt-signature'
  | 'jwt-expired'
  | 'untrusted-issuer'
  | 'expired-token'
  | 'invalid-app-token'
  | 'nonce-required'
  | 'invalid-proof'
  | 'closed-to-apps'
  | 'scope-missing'
  | 'account-gone'
  | 'account-deactivated'
  | 'account-takendown'
  | 'account-not-found'
  | 'not-your-repo'
  | 'handle-taken'
  | 'email-taken'
  | 'invalid-handle'
  | 'handle-not-available'
  | 'unsupported-domain'
  | 'invalid-email'
  | 'invalid-password'
  | 'invalid-invite-code'
  | 'unresolvable-did'
  | 'handle-not-found'
  | 'did-not-found'
  | 'directory-failed'
  | 'repo-not-found'
  | 'repo-deactivated'
  | 'repo-takendown'
  | 'body-too-slow'
  | 'blob-too-large'
  | 'quota-exceeded'
  | 'unknown-feed'
  | 'upstream-failed'
  | 'upstream-timeout'
  | 'email-mismatch'
  | 'token-invalid'
  | 'token-expired'
  | 'token-required'
  | 'factor-required'
  | 'factor-invalid'
  | 'challenge-ended'
  | 'bad-expiration'
  | 'not-found'
  | 'busy'
  | 'too-many-at-once'

/** Status and XRPC error name of every code. Those of `@avocet/repo-server` have a table of their own there. */
export const ERROR_TABLE: Readonly<Record<PdsErrorCode, readonly [number, string]>> = {
  'invalid-request': [400, 'InvalidRequest'],
  'auth-missing': [401, 'AuthMissing'],
  'auth-required': [401, 'AuthenticationRequired'],
  'invalid-token': [400, 'InvalidToken'],
  // Of service tokens.
  'bad-jwt': [401, 'BadJwt'],
  'bad-jwt-type': [401, 'BadJwtType'],
  'bad-jwt-issuer': [401, 'BadJwtIss'],
  'bad-jwt-audience': [401, 'BadJwtAudience'],
  'bad-jwt-method': [401, 'BadJwtLexiconMethod'],
  'bad-jwt-signature': [401, 'BadJwtSignature'],
  'jwt-expired': [401, 'JwtExpired'],
  'untrusted-issuer': [401, 'UntrustedIss'],
  'expired-token': [400, 'ExpiredToken'],
  // Of apps: words of OAuth, and an account's status in those of the protocol. A client that read `invalid_token` of an account that is
  // gone would refresh its token, in vain, again and again.
  'invalid-app-token': [401, 'invalid_token'],
  'nonce-required': [401, 'use_dpop_nonce'],
  'invalid-proof': [401, 'invalid_dpop_proof'],
  'closed-to-apps': [403, 'Forbidden'],
  'scope-missing': [403, 'ScopeMissingError'],
  'account-gone': [403, 'AccountNotFound'],
  'account-deactivated': [401, 'AccountDeactivated'],
  'account-takendown': [401, 'AccountTakedown'],
  'account-not-found': [400, 'AccountNotFound'],
  'not-your-repo': [403, 'AccountNotFound'],
  'handle-taken': [400, 'InvalidRequest'],
  'email-taken': [400, 'InvalidRequest'],
  'invalid-handle': [400, 'InvalidHandle'],
  'handle-not-available': [400, 'HandleNotAvailable'],
  'unsupported-domain': [400, 'UnsupportedDomain'],
  'invalid-email': [400, 'InvalidRequest'],
  'invalid-password': [400, 'InvalidPassword'],
  'invalid-invite-code': [400, 'InvalidInviteCode'],
  'unresolvable-did': [400, 'UnresolvableDid'],
  'handle-not-found': [400, 'HandleNotFound'],
  'did-not-found': [400, 'DidNotFound'],
  'directory-failed': [502, 'UpstreamFailure'],
  'repo-not-found': [400, 'RepoNotFound'],
  'repo-deactivated': [400, 'RepoDeactivated'],
  'repo-takendown': [400, 'RepoTakendown'],
  'body-too-slow': [408, 'RequestTimeout'],
  'blob-too-large': [413, 'PayloadTooLarge'],
  'quota-exceeded': [413, 'QuotaExceeded'],
  'unknown-feed': [400, 'UnknownFeed'],
  'upstream-failed': [502, 'UpstreamFailure'],
  'upstream-timeout': [504, 'UpstreamTimeout'],
  'email-mismatch': [400, 'InvalidEmail'],
  'token-invalid': [400, 'InvalidToken'],
  // Not `ExpiredToken`: clients take that for their session's end, refresh it and send the procedure again.
  'token-expired': [400, 'InvalidToken'],
  'token-required': [400, 'TokenRequired'],
  'factor-required': [401, 'AuthFactorTokenRequired'],
  'factor-invalid': [400, 'InvalidToken'],
  'challenge-ended': [400, 'InvalidToken'],
  'bad-expiration': [400, 'BadExpiration'],
  'not-found': [400, 'NotFound'],
  busy: [503, 'ServiceUnavailable'],
  'too-many-at-once': [429, 'RateLimitExceeded'],
}
