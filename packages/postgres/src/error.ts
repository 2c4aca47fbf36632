import { DatabaseError } from 'pg'

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

/**
 * Whether an error is the server's word that it did nothing of a statement (outside of a transaction), so that it may be sent again. Of
 * a connection that was lost nobody knows.
 */
export function wasRolledBack(error: unknown): boolean {
  // 08: the connection; 57P: the server ends it. https://www.postgresql.org/docs/current/errcodes-appendix.html
  return error instanceof DatabaseError && error.code !== undefined && !/^(08|57P)/.test(error.code)
}
