import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import type { Account } from './rows.ts'

/** The accounts asked for lately. A server asks for one several times in each request that somebody signed in makes. */
export interface AccountCache {
  readonly get: (did: Did) => Account | null
  /** Forgets an account that is about to change. */
  readonly drop: (did: Did) => void
}

/**
 * A cache of `limit` accounts in front of `load`. Within a transaction nothing is remembered, since it may be rolled back;
 * between transactions the rows are those of the last commit.
 */
export function createAccountCache(
  db: Database,
  load: (did: Did) => Account | null,
  limit: number,
): AccountCache {
  const accounts = new Map<Did, Account>()
  return {
    get: (did) => {
      const known = accounts.get(did)
      if (known !== undefined) return known
      const account = load(did)
      if (account !== null && limit > 0 && !db.raw.isTransaction) {
        if (accounts.size >= limit) accounts.delete(accounts.keys().next().value!)
        accounts.set(did, account)
      }
      return account
    },
    drop: (did) => {
      accounts.delete(did)
    },
  }
}
