/** Why bytes are not a CAR that can be trusted, or blocks cannot be written as one. */
export type CarErrorCode =
  | 'unexpected-end'
  | 'invalid-varint'
  | 'invalid-header'
  | 'unsupported-version'
  | 'invalid-cid'
  | 'hash-mismatch'
  | 'header-too-large'
  | 'block-too-large'
  | 'too-many-blocks'
  | 'too-large'
  | 'already-read'

/** Thrown by every reader of this package. */
export class CarError extends Error {
  override readonly name = 'CarError'
  readonly code: CarErrorCode
  /** Byte offset in the CAR where the fault starts. */
  readonly offset: number

  constructor(code: CarErrorCode, detail: string, offset: number, options?: ErrorOptions) {
    super(`${detail}; code=${code} offset=${offset}`, options)
    this.code = code
    this.offset = offset
  }
}
