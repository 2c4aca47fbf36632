/**
 * Codes of {@link PostgresError}:
 * - `no-transaction`: `afterCommit` was called on a transaction that is over.
 * - `newer-schema`: the database was written by a newer version of the program than this one.
 */
export type PostgresErrorCode = 'no-transaction' | 'newer-schema'

/** The one error class of this package. Errors of Postgres itself (`pg`'s DatabaseError) pass through unchanged. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError'
  readonly code: PostgresErrorCode

  constructor(code: PostgresErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
