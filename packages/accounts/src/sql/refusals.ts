import type { Refusal } from '../change.ts'

/** What a broken constraint means, by the table and the first column of it. */
const BY_COLUMN: ReadonlyMap<string, Refusal> = new Map([
  ['account.did', 'account-exists'],
  ['account.handle', 'handle-taken'],
  ['account.email', 'email-taken'],
  ['refresh_token.id', 'id-taken'],
  ['app_password.did', 'app-password-exists'],
  ['invite_code.code', 'id-taken'],
  ['email_token.did', 'id-taken'],
  ['email_token.token', 'id-taken'],
  ['factor.id', 'id-taken'],
  ['challenge.id', 'id-taken'],
  ['reserved_key.did_key', 'id-taken'],
  ['reserved_key.did', 'key-reserved'],
])

/** The same by the names that Postgres gives them. */
const BY_NAME: ReadonlyMap<string, Refusal> = new Map([
  ['account_pkey', 'account-exists'],
  ['account_handle_key', 'handle-taken'],
  ['account_email_key', 'email-taken'],
  ['refresh_token_pkey', 'id-taken'],
  ['app_password_pkey', 'app-password-exists'],
  ['invite_code_pkey', 'id-taken'],
  ['email_token_pkey', 'id-taken'],
  ['email_token_token_key', 'id-taken'],
  ['factor_pkey', 'id-taken'],
  ['challenge_pkey', 'id-taken'],
  ['reserved_key_pkey', 'id-taken'],
  ['reserved_key_did_key', 'key-reserved'],
])

/** https://www.sqlite.org/rescode.html: SQLITE_CONSTRAINT_FOREIGNKEY. All foreign keys that can break refer to accounts. */
const FOREIGN_KEY = 787

/** What an error of SQLite refuses; null when it is another error. */
export function refusalOfSqlite(error: unknown): Refusal | null {
  const { errcode, message = '' } = error as { errcode?: number; message?: string }
  if (errcode === FOREIGN_KEY) return 'account-not-found'
  const column = /^UNIQUE constraint failed: (\w+\.\w+)/.exec(message)?.[1]
  return BY_COLUMN.get(column ?? '') ?? null
}

/** What an error of Postgres refuses, or that it lost a race; https://www.postgresql.org/docs/current/errcodes-appendix.html */
export function refusalOfPostgres(error: unknown): Refusal | 'stale' | null {
  const { code, constraint = '' } = error as { code?: string; constraint?: string }
  if (code === '23503') return 'account-not-found'
  if (code === '23505') return BY_NAME.get(constraint) ?? null
  // Two transactions that waited for each other, or that could not be put in an order: the other one went through.
  return code === '40P01' || code === '40001' ? 'stale' : null
}
