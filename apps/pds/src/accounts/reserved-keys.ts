import { createKeypair, type DidKey } from '@avocet/crypto'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'

/** Signing keys made ahead of an account, so that an identity can name the key before it moves here. */
export interface ReservedKeys {
  /** The key reserved for `did`, or a new one; null reserves one for nobody in particular. @throws PdsError `busy` */
  reserve(did: Did | null): Promise<DidKey>
  /** The private key reserved for a DID; null if there is none. */
  find(did: Did): Uint8Array | null
  /** Ends the reservation for a DID, in the transaction of the caller: the key is the account's own now. */
  release(did: Did): void
  /** Forgets keys that nobody came for. Returns how many. */
  collect(): Promise<number>
}

/** How long a move may take between its identity naming the key and its account being made. */
const LIFETIME_MS = 7 * 24 * 60 * 60 * 1000
/** Keys kept: anybody may ask for one, for any DID. */
const MAX_KEYS = 50_000

/** Reserved keys over the rows in `db`. */
export function createReservedKeys(
  db: Database,
  now: () => number = Date.now,
  maxKeys: number = MAX_KEYS,
): ReservedKeys {
  const known = (did: Did): DidKey | null =>
    (db.prepare('SELECT did_key FROM reserved_key WHERE did = ?').get(did)?.['did_key'] as
      | DidKey
      | undefined) ?? null

  return {
    reserve: async (did) => {
      const before = did === null ? null : known(did)
      if (before !== null) return before
      const key = createKeypair('k256')
      return db.write(() => {
        // Another request for the same DID may have come first.
        const meanwhile = did === null ? null : known(did)
        if (meanwhile !== null) return meanwhile
        const { n } = db.prepare('SELECT count(*) AS n FROM reserved_key').get()!
        if (Number(n) >= maxKeys) throw new PdsError('busy', 'Too many keys are reserved, try again later')
        db.prepare(
          `INSERT INTO reserved_key (did_key, did, private_key, created_at) VALUES (?, ?, ?, ?)`,
        ).run(key.didKey, did, key.exportPrivateKey(), new Date(now()).toISOString())
        return key.didKey
      })
    },
    find: (did) => {
      const row = db.prepare('SELECT private_key FROM reserved_key WHERE did = ?').get(did)
      return row === undefined ? null : (row['private_key'] as Uint8Array)
    },
    release: (did) => {
      db.prepare('DELETE FROM reserved_key WHERE did = ?').run(did)
    },
    collect: () =>
      db.write(() =>
        Number(
          db
            .prepare('DELETE FROM reserved_key WHERE created_at < ?')
            .run(new Date(now() - LIFETIME_MS).toISOString()).changes,
        ),
      ),
  }
}
