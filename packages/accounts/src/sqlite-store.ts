import { migrate, type Database, type SchemaPart } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import type { AccountChange, Outcome } from './change.ts'
import { createReads, type Ask } from './sql/queries.ts'
import { refusalOfSqlite } from './sql/refusals.ts'
import { NotApplied, stepsOf } from './sql/steps.ts'
import type { SqlValue } from './sql/statement.ts'
import { createAccountCache } from './sqlite-cache.ts'
import { ACCOUNT_MIGRATIONS } from './sqlite-schema.ts'
import type { AccountReads, AccountStore, AtOnce } from './store.ts'

/** Accounts in SQLite: every read answers at once. */
export interface SqliteAccountStore extends AtOnce<AccountReads>, Pick<AccountStore, 'apply'> {
  /**
   * Applies changes in the transaction that is open on the database (or in one of its own), beside what else is in it. What
   * is not applied leaves the rest of the transaction as it is: see `requireApplied`.
   */
  applyIn(db: Database, changes: readonly AccountChange[]): Outcome
}

/** Options of {@link openAccountStore}. */
export interface SqliteAccountOptions {
  /**
   * Accounts that `accounts.get` keeps in memory, 10,000 by default. Give 0 where another process, or another handle, writes to
   * the database too.
   */
  readonly cached?: number
}

/** The tables, and their newest version. */
export const ACCOUNT_SCHEMA: SchemaPart = { name: 'accounts', version: ACCOUNT_MIGRATIONS.length }

/** What can be read on a handle that may not write. Its tables must be there, in the newest version; nothing is remembered. */
export function readAccounts(db: Database): AtOnce<AccountReads> {
  const ask: Ask = (read, sql, ...values) => read(db.prepare(sql.sqlite).all(...values.map(bind)))
  // The rows are at hand, so `ask` never gives a promise.
  return createReads(ask) as AtOnce<AccountReads>
}

/**
 * Opens the accounts on this handle, making or upgrading the tables if need be.
 * @throws SqliteError `newer-schema`
 */
export function openAccountStore(db: Database, options: SqliteAccountOptions = {}): SqliteAccountStore {
  migrate(db, ACCOUNT_SCHEMA.name, ACCOUNT_MIGRATIONS)
  const reads = readAccounts(db)
  const { cached = 10_000 } = options
  const cache = createAccountCache(db, reads.accounts.get, cached)

  /** @throws NotApplied */
  const run = (changes: readonly AccountChange[]): void => {
    for (const change of changes) {
      const did = changedAccount(change)
      if (did !== null) cache.drop(did)
      for (const { statement, values, otherwise } of stepsOf(change)) {
        const prepared = db.prepare(statement.sqlite)
        if (otherwise === null) prepared.run(...values.map(bind))
        else if (prepared.get(...values.map(bind)) === undefined) throw new NotApplied(otherwise)
      }
    }
  }

  return {
    ...reads,
    accounts: { ...reads.accounts, get: cache.get },
    apply: async (changes) => {
      try {
        await db.write(() => run(changes))
        return APPLIED
      } catch (error) {
        return outcomeOf(error)
      }
    },
    applyIn: (tx, changes) => {
      try {
        tx.transaction(() => run(changes))
        return APPLIED
      } catch (error) {
        return outcomeOf(error)
      }
    },
  }
}

const APPLIED: Outcome = { status: 'applied' }

/** @throws what has nothing to do with the changes */
function outcomeOf(error: unknown): Outcome {
  const reason = error instanceof NotApplied ? error.reason : refusalOfSqlite(error)
  if (reason === null) throw error
  return reason === 'stale' ? { status: 'stale' } : { status: 'refused', reason }
}

/** Whose row a change is of. */
function changedAccount(change: AccountChange): Did | null {
  if (change.type === 'createAccount') return change.account.did
  return change.type === 'updateAccount' || change.type === 'removeAccount' ? change.did : null
}

const bind = (value: SqlValue): string | number | Uint8Array | null =>
  typeof value === 'boolean' ? Number(value) : value
