/**
 * Codes of {@link IndexerError}:
 * - `bad-config`: a flag or an environment variable does not make sense.
 * - `port-in-use`: something else listens there.
 * - `cannot-listen`: the address cannot be used for another reason.
 * - `data-folder`: the data folder or the database in it cannot be used.
 * - `disk-failed`: the disk of the data folder is full, or refuses to be written, while it runs.
 * - `unreachable`: no indexer answers where a command asks.
 * - `nothing-wanted`: neither flags nor what was chosen before say what to index.
 * - `admin`: a running indexer could not be asked, or refused.
 * - `capture`: a capture or the DID documents of a replay cannot be read.
 */
export type IndexerErrorCode =
  | 'bad-config'
  | 'port-in-use'
  | 'cannot-listen'
  | 'data-folder'
  | 'disk-failed'
  | 'unreachable'
  | 'nothing-wanted'
  | 'admin'
  | 'capture'

/** What stops the indexer, mostly from starting; the message is written for the person who started it. */
export class IndexerError extends Error {
  override readonly name = 'IndexerError'
  readonly code: IndexerErrorCode

  constructor(code: IndexerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
