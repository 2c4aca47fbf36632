import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import type { Account } from './account.ts'

/** The accounts asked for lately. Every authenticated request asks for one, several times. */
export interface AccountCache {
  get(did: Did): Account | null
  /** Forgets an account that is about to change. */
  drop(did: Did): void
}

const LIMIT = 10_000

/**
 * A cache in front of `load`. Within a transaction nothing is remembered, since it may be rolled back; between
 * transactions the rows are those of the last commit.
 */
export function createAccountCache(db: Database, load: (did: Did) => Account | null): AccountCache {
  const accounts = new Map<Did, Account>()
  return {
    get: (did) => {
      const known = accounts.get(did)
      if (known !== undefined) return known
      const account = load(did)
      if (account !== null && !db.raw.isTransaction) {
        if (accounts.size >= LIMIT) accounts.delete(accounts.keys().next().value!)
        accounts.set(did, account)
      }
      return account
    },
    drop: (did) => {
      accounts.delete(did)
    },
  }
}
