/** What can be wrong with a lexicon, a catalog or a resolution. */
export type LexiconErrorCode =
  | 'invalid-lexicon'
  | 'duplicate-lexicon'
  | 'dangling-ref'
  | 'invalid-ref'
  | 'endless-loop'
  | 'unknown-definition'
  | 'wrong-definition'

/** A broken contract of this package: a catalog of documents that do not fit together, or a name that is not there. */
export class LexiconError extends Error {
  override readonly name = 'LexiconError'
  readonly code: LexiconErrorCode
  /** The definition it is about, as `nsid#name`, where there is one. */
  readonly ref: string | undefined

  constructor(code: LexiconErrorCode, message: string, ref?: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.ref = ref
  }
}
