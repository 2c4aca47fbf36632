/**
 * Codes of {@link OAuthServerError}:
 * - `bad-option`: a setting that the server cannot work with
 * - `busy`: another request was quicker as often as a change was built
 */
export type OAuthServerErrorCode = 'bad-option' | 'busy'

/** The one error class of this package: for those who set a server up. What strangers send is answered, never thrown. */
export class OAuthServerError extends Error {
  override readonly name = 'OAuthServerError'
  readonly code: OAuthServerErrorCode

  constructor(code: OAuthServerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
