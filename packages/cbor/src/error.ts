/** Why bytes are not acceptable DAG-CBOR, or a value cannot be encoded. */
export type CborErrorCode =
  | 'unexpected-end'
  | 'trailing-bytes'
  | 'not-minimal'
  | 'indefinite-length'
  | 'integer-out-of-range'
  | 'float'
  | 'unsupported-simple'
  | 'unsupported-tag'
  | 'invalid-cid'
  | 'invalid-utf8'
  | 'key-not-string'
  | 'key-order'
  | 'duplicate-key'
  | 'too-deep'
  | 'too-many-items'
  | 'unsupported-type'

/** Thrown by `decode`, `decodeFirst` and `encode`. */
export class CborError extends Error {
  override readonly name = 'CborError'
  readonly code: CborErrorCode
  /** Byte offset in the input (decoding), or -1 (encoding). */
  readonly offset: number
  /** Encoding: where in the value, as a JSON pointer (`/embed/images/0`); empty for the value itself, and for `too-deep`. */
  readonly path: string = ''

  constructor(code: CborErrorCode, detail: string, offset = -1, options?: ErrorOptions) {
    super(`${detail}; code=${code}${offset < 0 ? '' : ` offset=${offset}`}`, options)
    this.code = code
    this.offset = offset
  }
}
