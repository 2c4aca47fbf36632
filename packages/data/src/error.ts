/** The codes of a {@link DataError}: what part of the data model was broken. */
export type DataErrorCode =
  /** Not a CIDv1 with sha-256 and codec dag-cbor or raw. */
  | 'invalid-cid'
  /** A `$link` object that is not exactly `{ $link: <cid> }`. */
  | 'invalid-link'
  /** A `$bytes` object that is not exactly `{ $bytes: <base64> }`. */
  | 'invalid-bytes'
  /** A `$type` that is not a non-empty string. */
  | 'invalid-type'
  /** A `$type: 'blob'` object of another shape than a blob ref's. */
  | 'invalid-blob'
  /** A float, an unsafe integer, NaN or an infinity. */
  | 'invalid-number'
  /** A string with a lone surrogate: it has no UTF-8 form. */
  | 'invalid-string'
  /** Something the data model has no place for: undefined, a function, a class instance. */
  | 'invalid-value'
  /** Nested deeper than the bound. */
  | 'too-deep'
  /** More values than the bound. */
  | 'too-large'

/** The one error this package throws: a value broke the data model, or a bound. */
export class DataError extends Error {
  override readonly name = 'DataError'
  /** What was broken. */
  readonly code: DataErrorCode
  /** Where in the value, as a JSON pointer (`/embed/images/0`); empty for the value itself. */
  readonly path: string

  constructor(code: DataErrorCode, message: string, options: { path?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.path = options.path ?? ''
  }
}
