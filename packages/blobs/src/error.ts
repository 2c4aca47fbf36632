/**
 * What keeps a store from doing its work.
 *
 * - `too-large`: more bytes than the caller allows, or than the store can keep in one blob
 * - `busy`: the uploads under way fill the room there is for them
 * - `not-found`: the bucket does not exist
 * - `denied`: the service refuses the keys, or what they may do
 * - `unavailable`: the service did not answer, or not with success, however often it was asked
 * - `timeout`: the service did not take the whole blob in time
 * - `damaged`: what was read is not what was stored
 * - `invalid-option`: an option that cannot be used
 */
export type BlobErrorCode =
  | 'too-large'
  | 'busy'
  | 'not-found'
  | 'denied'
  | 'unavailable'
  | 'timeout'
  | 'damaged'
  | 'invalid-option'

/** What the stores of `@avocet/blobs` throw. Errors of the disk come as they are, with the system's code. */
export class BlobError extends Error {
  override readonly name = 'BlobError'
  readonly code: BlobErrorCode

  constructor(code: BlobErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
