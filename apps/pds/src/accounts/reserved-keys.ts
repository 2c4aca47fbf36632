import { createKeypair, type DidKey } from '@avocet/crypto'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

/** Signing keys made ahead of an account, so that an identity can name the key before it moves here. */
export interface ReservedKeys {
  /** The key reserved for `did`, or a new one; null reserves one for nobody in particular. */
  reserve(did: Did | null): Promise<DidKey>
  /** The private key reserved for a DID, which is not reserved any more; null if there is none. */
  take(did: Did): Uint8Array | null
}

/** Reserved keys over the rows in `db`. */
export function createReservedKeys(db: Database): ReservedKeys {
  return {
    reserve: async (did) => {
      const known =
        did === null ? undefined : db.prepare('SELECT did_key FROM reserved_key WHERE did = ?').get(did)
      if (known !== undefined) return known['did_key'] as DidKey
      const key = createKeypair('k256')
      await db.write(() => {
        db.prepare(
          `INSERT INTO reserved_key (did_key, did, private_key, created_at) VALUES (?, ?, ?, ?)`,
        ).run(key.didKey, did, key.exportPrivateKey(), new Date().toISOString())
      })
      return key.didKey
    },
    take: (did) => {
      const row = db.prepare('SELECT private_key FROM reserved_key WHERE did = ?').get(did)
      return row === undefined ? null : (row['private_key'] as Uint8Array)
    },
  }
}
