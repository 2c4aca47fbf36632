import type { AccountChange, Refusal } from '../change.ts'
import { ACCOUNT_CHANGES } from './change-accounts.ts'
import { CODE_CHANGES, INVITE_CHANGES, RESERVATION_CHANGES } from './change-codes.ts'
import { FACTOR_CHANGES } from './change-factors.ts'
import { APP_PASSWORD_CHANGES, SESSION_CHANGES } from './change-sessions.ts'
import type { ChangesBy, Tables } from './tables.ts'

const CHANGES: ChangesBy<AccountChange> = {
  ...ACCOUNT_CHANGES,
  ...SESSION_CHANGES,
  ...APP_PASSWORD_CHANGES,
  ...INVITE_CHANGES,
  ...CODE_CHANGES,
  ...FACTOR_CHANGES,
  ...RESERVATION_CHANGES,
}

/** Changes the tables. @returns what keeps it from being done; the tables may be changed in part then */
export function changeTables(tables: Tables, change: AccountChange): Refusal | 'stale' | null {
  // The entry of its type takes it; TypeScript does not follow that through the union.
  const make = CHANGES[change.type] as (on: Tables, given: AccountChange) => Refusal | 'stale' | null
  return make(tables, change)
}
