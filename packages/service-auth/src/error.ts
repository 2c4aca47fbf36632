/** Why a service token is refused. */
export type ServiceAuthErrorCode =
  | 'malformed'
  | 'unsupported-algorithm'
  | 'wrong-type'
  | 'invalid-issuer'
  | 'wrong-audience'
  | 'wrong-method'
  | 'expired'
  | 'not-yet-valid'
  | 'lifetime-too-long'
  | 'missing-nonce'
  | 'key-not-found'
  | 'key-unavailable'
  | 'bad-signature'
  | 'replayed'

/** One text per code: an answer to a stranger tells nothing but the code. */
const MESSAGES: Readonly<Record<ServiceAuthErrorCode, string>> = {
  malformed: 'service token is malformed',
  'unsupported-algorithm': 'algorithm of the service token is not supported',
  'wrong-type': 'token is not a service token',
  'invalid-issuer': 'issuer of the service token is not a DID',
  'wrong-audience': 'service token is meant for another service',
  'wrong-method': 'service token is not meant for this method',
  expired: 'service token is expired',
  'not-yet-valid': 'service token is not valid yet',
  'lifetime-too-long': 'service token is valid for too long',
  'missing-nonce': 'service token has no jti',
  'key-not-found': 'issuer has no signing key',
  'key-unavailable': 'signing key of the issuer could not be resolved',
  'bad-signature': 'signature of the service token does not match',
  replayed: 'service token was used before',
}

/** A refused token. `cause` (of `key-unavailable`) is for logs, not for the caller of the service. */
export class ServiceAuthError extends Error {
  override readonly name = 'ServiceAuthError'
  readonly code: ServiceAuthErrorCode

  constructor(code: ServiceAuthErrorCode, options?: { cause: unknown }) {
    super(MESSAGES[code], options)
    this.code = code
  }
}

/** An expected outcome: a value, or a typed failure. */
export type ServiceAuthResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ServiceAuthError }

/** A failed result. */
export function fail(
  code: ServiceAuthErrorCode,
  options?: { cause: unknown },
): { readonly ok: false; readonly error: ServiceAuthError } {
  return { ok: false, error: new ServiceAuthError(code, options) }
}
