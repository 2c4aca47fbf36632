import type { SqliteAccountStore } from '@avocet/accounts/sqlite'
import type { OAuthChange, OAuthStore } from '@avocet/oauth-server'
import type { Database } from '@avocet/sqlite'

import {
  AccountsNotApplied,
  createOAuthReads,
  endedForApps,
  oauthOutcome,
  OAuthNotApplied,
} from '../oauth-rows.ts'
import { oauthMigrations } from '../oauth-schema.ts'
import { stepsOf } from '../oauth-steps.ts'

/** Versions of the tables of sign-ins by apps. */
export const OAUTH_MIGRATIONS: readonly string[] = oauthMigrations({
  text: 'TEXT',
  integer: 'INTEGER',
  end: ' STRICT',
})

const named = (sql: string): string => sql.replaceAll('$', '?')

/** Makes changes in the transaction that is open. @throws OAuthNotApplied to undo it */
function makeChanges(db: Database, changes: readonly OAuthChange[]): void {
  for (const change of changes) {
    for (const { sql, values, otherwise } of stepsOf(change)) {
      const row = db.prepare(named(sql)).get(...values)
      if (otherwise !== null && row === undefined) throw new OAuthNotApplied(otherwise)
    }
  }
}

/** Sign-ins by apps in `db`, which must carry `OAUTH_MIGRATIONS`. */
export function openOAuth(db: Database): OAuthStore {
  return {
    ...createOAuthReads((read, sql, ...values) => read(db.prepare(named(sql)).all(...values))),
    apply: async (changes) => {
      try {
        await db.write(() => makeChanges(db, changes))
        return { status: 'applied' }
      } catch (error) {
        const outcome = oauthOutcome(error)
        if (outcome === null) throw error
        return outcome
      }
    },
  }
}

/** The store of accounts that ends what apps have, too, where all sessions of an account end: in the same transaction. */
export function endingApps(store: SqliteAccountStore, db: Database): SqliteAccountStore {
  const applyIn: SqliteAccountStore['applyIn'] = (tx, changes) => {
    const outcome = store.applyIn(tx, changes)
    if (outcome.status === 'applied') makeChanges(tx, endedForApps(changes))
    return outcome
  }
  return {
    ...store,
    applyIn,
    apply: async (changes) => {
      if (endedForApps(changes).length === 0) return store.apply(changes)
      try {
        return await db.write(() => {
          const outcome = applyIn(db, changes)
          if (outcome.status !== 'applied') throw new AccountsNotApplied(outcome)
          return outcome
        })
      } catch (error) {
        if (error instanceof AccountsNotApplied) return error.outcome
        throw error
      }
    },
  }
}
