import { createKeypair, type DidKey } from '@avocet/crypto'
import type { AccountStore } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import { applyChanges, buildChanges } from './changes.ts'

/** Signing keys made ahead of an account, so that an identity can name the key before it moves here. */
export interface ReservedKeys {
  /** The key reserved for `did`, or a new one; null reserves one for nobody in particular. @throws PdsError `busy` */
  reserve(did: Did | null): Promise<DidKey>
  /** The private key reserved for a DID; null if there is none. */
  find(did: Did): Promise<Uint8Array | null>
  /** Forgets keys that nobody came for. */
  collect(): Promise<void>
}

/** How long a move may take between its identity naming the key and its account being made. */
const LIFETIME_MS = 7 * 24 * 60 * 60 * 1000
/** Keys kept: anybody may ask for one, for any DID. */
const MAX_KEYS = 50_000

/** Reserved keys in `store`. */
export function createReservedKeys(
  store: AccountStore,
  now: () => number = Date.now,
  maxKeys: number = MAX_KEYS,
): ReservedKeys {
  return {
    reserve: (did) =>
      buildChanges(
        store,
        async () => {
          const known = did === null ? null : await store.reservedKeys.get(did)
          if (known !== null) return { changes: [], value: known.didKey as DidKey }
          const made = createKeypair('k256')
          const createdAt = new Date(now()).toISOString()
          const key = { didKey: made.didKey, did, privateKey: made.exportPrivateKey(), createdAt }
          return { changes: [{ type: 'reserveKey', key, max: maxKeys }], value: made.didKey }
        },
        // Another request for the same DID came first.
        ['key-reserved'],
      ),
    find: async (did) => (await store.reservedKeys.get(did))?.privateKey ?? null,
    collect: () =>
      applyChanges(store, [{ type: 'forgetKeys', before: new Date(now() - LIFETIME_MS).toISOString() }]),
  }
}
