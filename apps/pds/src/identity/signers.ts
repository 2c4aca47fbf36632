import type { SqliteAccountStore } from '@avocet/accounts/sqlite'
import type { Keypair } from '@avocet/crypto'
import { importNativeKeypair } from '@avocet/crypto-native'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'

/** The signing keys of accounts. */
export interface Signers {
  /** @throws PdsError `account-not-found` */
  get(did: Did): Keypair
  /** Forgets a key that changed. */
  drop(did: Did): void
}

const MAX_KEYS = 2000

/** Keys read from the account rows; the latest used stay imported. */
export function createSigners(
  secrets: Pick<SqliteAccountStore['secrets'], 'signingKey'>,
  maxKeys: number = MAX_KEYS,
): Signers {
  const cache = new Map<Did, Keypair>()
  return {
    get: (did) => {
      const known = cache.get(did)
      if (known !== undefined) return known
      const key = secrets.signingKey(did)
      if (key === null) throw new PdsError('account-not-found', `Account not found; did=${did}`)
      const keypair = importNativeKeypair('k256', key)
      if (cache.size >= maxKeys) cache.delete(cache.keys().next().value!)
      cache.set(did, keypair)
      return keypair
    },
    drop: (did) => {
      cache.delete(did)
    },
  }
}
