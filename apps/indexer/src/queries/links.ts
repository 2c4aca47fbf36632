// Who points to a record or an account.

import type { Database } from '@avocet/sqlite'
import { createTargetHash, TARGET_LENGTH } from '../index/pointers.ts'

/** Questions about links. */
export type LinkReader = {
  /** How many records of active accounts point to `target`, counted up to ten thousand and among fifty thousand links. */
  count(target: string): number
}

const MAX_COUNTED = 10_000
/** Links read for that: a record may point to one target from many places, and accounts that are off count for nothing. */
const MAX_READ = 50_000

/** A reader on an open database. */
export function createLinkReader(db: Database): LinkReader {
  const hash = createTargetHash(db)
  return {
    count(target) {
      const key = new Uint8Array(TARGET_LENGTH)
      hash(target, key, 0)
      const row = db
        .prepare(
          `SELECT min(count(DISTINCT record), ?) AS n
           FROM (SELECT repo, record FROM links WHERE target = ? LIMIT ?) JOIN names ON names.id = repo
           LEFT JOIN accounts ON accounts.did = names.name WHERE accounts.status IS NULL`,
        )
        .get(MAX_COUNTED, key, MAX_READ)
      return Number(row?.['n'] ?? 0)
    },
  }
}
