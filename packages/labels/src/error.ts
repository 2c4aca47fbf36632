/**
 * - `invalid-label`: a label to sign has a field that is not of its format.
 * - `invalid-options`: an option is out of its bounds.
 * - `clock-behind`: a statement would have to be later than the year 9999.
 * - `store-corrupt`: the table of labels and its counter disagree.
 * - `future-cursor`: a labeler does not know the cursor yet: it numbers anew, and one starts over at 0.
 * - `key-unavailable`: the key of a source could not be looked up, several times.
 * - `cursor-failed`: the cursor could not be loaded or saved.
 * - `connection`: the stream ended in a way that another attempt would not change; `cause` says how.
 */
export type LabelsErrorCode =
  | 'invalid-label'
  | 'invalid-options'
  | 'clock-behind'
  | 'store-corrupt'
  | 'future-cursor'
  | 'key-unavailable'
  | 'cursor-failed'
  | 'connection'

/** What `@avocet/labels` throws. What is wrong with a stranger's label is a value instead. */
export class LabelsError extends Error {
  override readonly name = 'LabelsError'
  readonly code: LabelsErrorCode

  constructor(code: LabelsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
