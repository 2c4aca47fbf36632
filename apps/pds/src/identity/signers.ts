import type { AccountSecrets, Awaitable } from '@avocet/accounts'
import type { Keypair } from '@avocet/crypto'
import { importNativeKeypair } from '@avocet/crypto-native'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'

/** The signing keys of accounts. */
export interface Signers {
  /** The key that an account has now. @throws PdsError `account-not-found` */
  get(did: Did): Awaitable<Keypair>
  /** Forgets a key that changed. */
  drop(did: Did): void
}

/** Settings of `createSigners`. */
export interface SignerOptions {
  /** Whether other processes change keys too: then each look reads the row, and only what is made of it is remembered. */
  readonly isShared?: boolean
  readonly maxKeys?: number
}

const MAX_KEYS = 2000

/** Keys read from the account rows; the latest used stay imported. */
export function createSigners(
  secrets: Pick<AccountSecrets, 'signingKey'>,
  { isShared = false, maxKeys = MAX_KEYS }: SignerOptions = {},
): Signers {
  const cache = new Map<Did, { readonly bytes: Uint8Array; readonly keypair: Keypair }>()

  const imported = (did: Did, bytes: Uint8Array | null): Keypair => {
    if (bytes === null) throw new PdsError('account-not-found', `Account not found; did=${did}`)
    const known = cache.get(did)
    if (known !== undefined && Buffer.compare(known.bytes, bytes) === 0) return known.keypair
    const keypair = importNativeKeypair('k256', bytes)
    if (known === undefined && cache.size >= maxKeys) cache.delete(cache.keys().next().value!)
    cache.set(did, { bytes, keypair })
    return keypair
  }

  return {
    get: (did) => {
      const known = isShared ? undefined : cache.get(did)
      if (known !== undefined) return known.keypair
      const bytes = secrets.signingKey(did)
      return bytes instanceof Promise ? bytes.then((found) => imported(did, found)) : imported(did, bytes)
    },
    drop: (did) => {
      cache.delete(did)
    },
  }
}
