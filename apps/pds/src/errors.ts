/**
 * What can go wrong in the domain of this server. Nothing below the methods knows HTTP: `ERROR_TABLE` alone says
 * which status and which XRPC error name a code becomes. The names are those that client libraries key on.
 */
export class PdsError extends Error {
  override readonly name = 'PdsError'
  readonly code: PdsErrorCode
  constructor(code: PdsErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** Codes of `PdsError`. */
export type PdsErrorCode =
  | 'invalid-request'
  | 'auth-missing'
  | 'auth-required'
  | 'auth-factor-required'
  | 'invalid-token'
  | 'expired-token'
  | 'account-deactivated'
  | 'account-takendown'
  | 'account-not-found'
  | 'not-your-repo'
  | 'forbidden'
  | 'handle-taken'
  | 'email-taken'
  | 'invalid-handle'
  | 'handle-not-available'
  | 'unsupported-domain'
  | 'invalid-email'
  | 'invalid-password'
  | 'invalid-invite-code'
  | 'incompatible-did-doc'
  | 'unresolvable-did'
  | 'handle-not-found'
  | 'did-not-found'
  | 'directory-failed'
  | 'repo-not-found'
  | 'repo-deactivated'
  | 'repo-takendown'
  | 'repo-suspended'
  | 'record-not-found'
  | 'record-exists'
  | 'block-not-found'
  | 'invalid-swap'
  | 'invalid-record'
  | 'record-too-large'
  | 'blob-not-found'
  | 'blob-not-found-public'
  | 'blob-too-large'
  | 'mime-mismatch'
  | 'invalid-size'
  | 'duplicate-create'
  | 'upstream-failed'
  | 'upstream-timeout'
  | 'method-not-supported'
  | 'rate-limited'
  | 'email-mismatch'
  | 'head-not-found'
  | 'token-invalid'
  | 'token-expired'
  | 'token-required'
  | 'bad-expiration'
  | 'not-found'
  | 'internal'

/** Status and XRPC error name of every code. */
export const ERROR_TABLE: Readonly<Record<PdsErrorCode, readonly [number, string]>> = {
  'invalid-request': [400, 'InvalidRequest'],
  'auth-missing': [401, 'AuthMissing'],
  'auth-required': [401, 'AuthenticationRequired'],
  'auth-factor-required': [401, 'AuthFactorTokenRequired'],
  'invalid-token': [400, 'InvalidToken'],
  'expired-token': [400, 'ExpiredToken'],
  'account-deactivated': [401, 'AccountDeactivated'],
  'account-takendown': [401, 'AccountTakedown'],
  'account-not-found': [400, 'AccountNotFound'],
  'not-your-repo': [403, 'AccountNotFound'],
  forbidden: [403, 'Forbidden'],
  'handle-taken': [400, 'InvalidRequest'],
  'email-taken': [400, 'InvalidRequest'],
  'invalid-handle': [400, 'InvalidHandle'],
  'handle-not-available': [400, 'HandleNotAvailable'],
  'unsupported-domain': [400, 'UnsupportedDomain'],
  'invalid-email': [400, 'InvalidRequest'],
  'invalid-password': [400, 'InvalidPassword'],
  'invalid-invite-code': [400, 'InvalidInviteCode'],
  'incompatible-did-doc': [400, 'IncompatibleDidDoc'],
  'unresolvable-did': [400, 'UnresolvableDid'],
  'handle-not-found': [400, 'HandleNotFound'],
  'did-not-found': [400, 'DidNotFound'],
  'directory-failed': [502, 'UpstreamFailure'],
  'repo-not-found': [400, 'RepoNotFound'],
  'repo-deactivated': [400, 'RepoDeactivated'],
  'repo-takendown': [400, 'RepoTakendown'],
  'repo-suspended': [400, 'RepoSuspended'],
  'record-not-found': [400, 'RecordNotFound'],
  'record-exists': [400, 'RecordAlreadyExists'],
  'block-not-found': [400, 'InvalidRequest'],
  'invalid-swap': [400, 'InvalidSwap'],
  'invalid-record': [400, 'InvalidRequest'],
  'record-too-large': [413, 'PayloadTooLarge'],
  'blob-not-found': [400, 'BlobNotFound'],
  'blob-not-found-public': [400, 'InvalidRequest'],
  'blob-too-large': [413, 'PayloadTooLarge'],
  'mime-mismatch': [400, 'InvalidMimeType'],
  'invalid-size': [400, 'InvalidSize'],
  'duplicate-create': [400, 'DuplicateCreate'],
  'upstream-failed': [502, 'UpstreamFailure'],
  'upstream-timeout': [504, 'UpstreamTimeout'],
  'method-not-supported': [501, 'MethodNotImplemented'],
  'rate-limited': [429, 'RateLimitExceeded'],
  'email-mismatch': [400, 'InvalidEmail'],
  'head-not-found': [400, 'HeadNotFound'],
  'token-invalid': [400, 'InvalidToken'],
  'token-expired': [400, 'ExpiredToken'],
  'token-required': [400, 'TokenRequired'],
  'bad-expiration': [400, 'BadExpiration'],
  'not-found': [400, 'NotFound'],
  internal: [500, 'InternalServerError'],
}
