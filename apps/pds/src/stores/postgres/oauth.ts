import type { PostgresAccountStore } from '@avocet/accounts/postgres'
import type { OAuthChange, OAuthStore } from '@avocet/oauth-server'
import type { PostgresDatabase, Queryable } from '@avocet/postgres'

import { lostRace } from '../lost-race.ts'
import {
  AccountsNotApplied,
  createOAuthReads,
  endedForApps,
  oauthOutcome,
  OAuthNotApplied,
} from '../oauth-rows.ts'
import { oauthMigrations } from '../oauth-schema.ts'
import { SKIP_LOCKED, stepsOf } from '../oauth-steps.ts'

/** Versions of the tables of sign-ins by apps. */
export const OAUTH_MIGRATIONS: readonly string[] = oauthMigrations({
  text: 'text COLLATE "C"',
  integer: 'bigint',
  end: '',
})

/** Waits for other transactions that count the same. The second number is of this kind of lock alone. */
const ALONE =
  "SELECT pg_advisory_xact_lock(hashtextextended(coalesce(current_schema(), '') || ' ' || $1, 17))"

/** Makes changes in the transaction that is open. @throws OAuthNotApplied to undo it */
async function makeChanges(tx: Queryable, changes: readonly OAuthChange[]): Promise<void> {
  for (const change of changes) {
    for (const { sql, values, otherwise, locks = false, counts } of stepsOf(change)) {
      if (counts !== undefined) await tx.query(ALONE, [counts])
      const stated = sql.replace(SKIP_LOCKED, 'FOR UPDATE SKIP LOCKED')
      // The weakest lock that keeps two such transactions apart: rows that refer to these may be added meanwhile.
      const rows = await tx.query(locks ? `${stated} FOR NO KEY UPDATE` : stated, values)
      if (otherwise !== null && rows.length === 0) throw new OAuthNotApplied(otherwise)
    }
  }
}

/** Sign-ins by apps in `db`, which must carry `OAUTH_MIGRATIONS`. */
export function openOAuth(db: PostgresDatabase): OAuthStore {
  return {
    ...createOAuthReads(async (read, sql, ...values) => read(await db.query(sql, values))),
    apply: async (changes) => {
      try {
        await db.transaction((tx) => makeChanges(tx, changes))
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
export function endingApps(store: PostgresAccountStore, db: PostgresDatabase): PostgresAccountStore {
  const applyIn: PostgresAccountStore['applyIn'] = async (tx, changes) => {
    const outcome = await store.applyIn(tx, changes)
    if (outcome.status === 'applied') await makeChanges(tx, endedForApps(changes))
    return outcome
  }
  return {
    ...store,
    applyIn,
    apply: async (changes) => {
      if (endedForApps(changes).length === 0) return store.apply(changes)
      try {
        return await db.transaction(async (tx) => {
          const outcome = await applyIn(tx, changes)
          if (outcome.status !== 'applied') throw new AccountsNotApplied(outcome)
          return outcome
        })
      } catch (error) {
        if (error instanceof AccountsNotApplied) return error.outcome
        if (lostRace(error)) return { status: 'stale' }
        throw error
      }
    },
  }
}
