// Who points to a record or an account.

import type { Database } from '@avocet/sqlite'
import { createTargetHash, TARGET_LENGTH } from '../index/pointers.ts'

/** Questions about links. */
export type LinkReader = {
  /** How many records of active accounts point to `target`, counted up to ten thousand. */
  count(target: string): number
}

const MAX_COUNTED = 10_000

/** A reader on an open database. */
export function createLinkReader(db: Database): LinkReader {
  const hash = createTargetHash(db)
  return {
    count(target) {
      const key = new Uint8Array(TARGET_LENGTH)
      hash(target, key, 0)
      const row = db
        .prepare(
          `SELECT count(*) AS n FROM (SELECT DISTINCT links.record FROM links JOIN names ON names.id = links.repo
           LEFT JOIN accounts ON accounts.did = names.name
           WHERE links.target = ? AND accounts.status IS NULL LIMIT ?)`,
        )
        .get(key, MAX_COUNTED)
      return Number(row?.['n'] ?? 0)
    },
  }
}
