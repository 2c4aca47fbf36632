/** - `invalid-feature`: a piece of text was to be made of what the lexicon does not take. */
export type RichTextErrorCode = 'invalid-feature'

/** The one error of this package. */
export class RichTextError extends Error {
  override readonly name = 'RichTextError'
  readonly code: RichTextErrorCode

  constructor(code: RichTextErrorCode, value: unknown) {
    super(`${code}; value=${JSON.stringify(value)}`)
    this.code = code
  }
}
