import {
  migrate,
  type PostgresDatabase,
  type Queryable,
  type SchemaPart,
  type Transaction,
} from '@avocet/postgres'

import type { AccountChange, Outcome } from './change.ts'
import { ACCOUNT_MIGRATIONS } from './postgres-schema.ts'
import { createReads, type Ask } from './sql/queries.ts'
import { refusalOfPostgres } from './sql/refusals.ts'
import { NotApplied, stepsOf } from './sql/steps.ts'
import type { AccountReads, AccountStore } from './store.ts'

/** Accounts in Postgres, for any number of processes. */
export interface PostgresAccountStore extends AccountStore {
  /**
   * Applies changes in an open transaction, beside what else is in it. What is not applied leaves the rest of the transaction
   * as it is: see `requireApplied`. The transaction must be READ COMMITTED, the default.
   */
  applyIn(tx: Transaction, changes: readonly AccountChange[]): Promise<Outcome>
}

/** The tables, and their newest version. */
export const ACCOUNT_SCHEMA: SchemaPart = { name: 'accounts', version: ACCOUNT_MIGRATIONS.length }

/** What can be read where nothing may be made or written. The tables must be there, in the newest version. */
export function readAccounts(db: Queryable): AccountReads {
  const ask: Ask = async (read, sql, ...values) => read(await db.query(sql.postgres, values))
  return createReads(ask)
}

/**
 * Opens the accounts of a database, making or upgrading the tables if need be.
 * @throws PostgresError `newer-schema`
 */
export async function openAccountStore(db: PostgresDatabase): Promise<PostgresAccountStore> {
  await migrate(db, ACCOUNT_SCHEMA.name, ACCOUNT_MIGRATIONS)
  return {
    ...readAccounts(db),
    // What can be read in Postgres is durable.
    apply: async (changes) =>
      changes.length === 0 ? { status: 'applied' } : outcomeOf(db.transaction((tx) => run(tx, changes))),
    applyIn: (tx, changes) => outcomeOf(tx.savepoint(() => run(tx, changes))),
  }
}

/** @throws NotApplied */
async function run(tx: Queryable, changes: readonly AccountChange[]): Promise<void> {
  for (const change of changes) {
    for (const { statement, values, otherwise } of stepsOf(change)) {
      const rows = await tx.query(statement.postgres, values)
      if (otherwise !== null && rows.length === 0) throw new NotApplied(otherwise)
    }
  }
}

/** @throws what has nothing to do with the changes */
async function outcomeOf(applying: Promise<void>): Promise<Outcome> {
  try {
    await applying
    return { status: 'applied' }
  } catch (error) {
    const reason = error instanceof NotApplied ? error.reason : refusalOfPostgres(error)
    if (reason === null) throw error
    return reason === 'stale' ? { status: 'stale' } : { status: 'refused', reason }
  }
}
