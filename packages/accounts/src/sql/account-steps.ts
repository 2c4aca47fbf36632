import type { AccountFields, AccountRowChange } from '../change.ts'
import { statement, type SqlValue } from './statement.ts'
import { locking, need, type Step, type StepsBy } from './step.ts'

const COLUMNS: Readonly<Record<keyof AccountFields, string>> = {
  handle: 'handle',
  email: 'email',
  emailConfirmedAt: 'email_confirmed_at',
  emailAuthFactor: 'email_auth_factor',
  passwordHash: 'password_hash',
  signingKey: 'signing_key',
  deactivatedAt: 'deactivated_at',
  deleteAfter: 'delete_after',
  deleteWarnedAt: 'delete_warned_at',
  takedownRef: 'takedown_ref',
  invitesDisabled: 'invites_disabled',
  inviteNote: 'invite_note',
  preferences: 'preferences',
}

const INSERT = statement(
  `INSERT INTO account (did, handle, email, password_hash, signing_key, created_at, deactivated_at)
   SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS (SELECT 1 FROM account WHERE did = $1) RETURNING did`,
)
const REMOVE = statement('DELETE FROM account WHERE did = $1 RETURNING did')

/** Holds an account, so that what is counted for it stays so. */
const LOCK = locking('SELECT did FROM account WHERE did = $1')

/** Finds an account and holds it. */
export const lockAccount = (did: string): Step => need('account-not-found', LOCK, did)

/** Steps of a change of the account itself. */
export const ACCOUNT_STEPS: StepsBy<AccountRowChange> = {
  createAccount: ({ account }) => {
    const { did, handle, email, passwordHash = '', signingKey, createdAt, deactivatedAt = null } = account
    const names = [handle?.toLowerCase() ?? null, email?.toLowerCase() ?? null] as const
    const values = [...names, passwordHash, signingKey, createdAt, deactivatedAt] as const
    // An account that is there already has its names too: which of the constraints broke first would be left to chance.
    return [need('account-exists', INSERT, did, ...values)]
  },
  updateAccount: (given) => [lockAccount(given.did), ...update(given)],
  removeAccount: ({ did }) => [need('account-not-found', REMOVE, did)],
}

function update({ did, set, expect = {} }: AccountRowChange & { type: 'updateAccount' }): Step[] {
  const values: SqlValue[] = [did]
  const place = (value: SqlValue): string => `$${values.push(value)}`
  const sets = fields(set).map(([column, value]) => `${column} = ${place(value)}`)
  const same = fields(expect).map(([column, value]) => `${column} IS NOT DISTINCT FROM ${place(value)}`)
  if (sets.length === 0 && same.length === 0) return []
  const where = ['did = $1', ...same].join(' AND ')
  const text =
    sets.length === 0
      ? `SELECT did FROM account WHERE ${where}`
      : `UPDATE account SET ${sets.join(', ')} WHERE ${where} RETURNING did`
  return [need('stale', statement(text), ...values)]
}

/** Columns and values, in one order however the fields were given, so that there are few different texts. */
function fields(given: Partial<AccountFields>): [column: string, value: SqlValue][] {
  const found: [string, SqlValue][] = []
  for (const [field, column] of Object.entries(COLUMNS)) {
    const value = given[field as keyof AccountFields]
    if (value === undefined) continue
    const isName = field === 'handle' || field === 'email'
    found.push([column, isName && typeof value === 'string' ? value.toLowerCase() : value])
  }
  return found
}
