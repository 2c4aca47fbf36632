/**
 * Codes of {@link SqliteError}:
 * - `closed`: the database was closed before or during the call.
 * - `async-transaction`: a transaction function returned a promise; it was rolled back.
 * - `no-transaction`: `afterCommit` was called outside a transaction.
 * - `transaction-lost`: SQLite itself rolled the shared transaction back (full disk, I/O error); nothing of it was kept.
 * - `sync-failed`: the disk refused to make a commit durable. The handle refuses all further writes, since what a
 *   failed fsync left behind is unknown: reopen the file.
 * - `newer-schema`: the file was written by a newer version of the program than this one.
 */
export type SqliteErrorCode =
  | 'closed'
  | 'async-transaction'
  | 'no-transaction'
  | 'transaction-lost'
  | 'sync-failed'
  | 'newer-schema'

/** The one error class of this package. Errors of SQLite itself (constraints and so on) pass through unchanged. */
export class SqliteError extends Error {
  override readonly name = 'SqliteError'
  readonly code: SqliteErrorCode

  constructor(code: SqliteErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
