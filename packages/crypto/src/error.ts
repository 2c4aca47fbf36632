/** The codes of a {@link CryptoError}, and of the failures of the parsers. */
export type CryptoErrorCode =
  /** Not a did:key of a K-256 or P-256 key. */
  | 'invalid-did-key'
  /** Not a multibase text of a K-256 or P-256 key. */
  | 'invalid-multikey'
  /** Bytes that are not a point of the curve, or are the point at infinity. */
  | 'invalid-public-key'
  /** Not 32 bytes, zero, or not below the order of the curve. */
  | 'invalid-private-key'
  /** A curve, or a kind of verification method, that the protocol does not have. */
  | 'unsupported-type'

/** Why a text or some bytes are not a key. */
export type KeyFailure = { readonly code: CryptoErrorCode; readonly message: string }

/** The one error this package throws: a caller broke the contract (a private key that is none). */
export class CryptoError extends Error {
  override readonly name = 'CryptoError'
  readonly code: CryptoErrorCode

  constructor(code: CryptoErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
