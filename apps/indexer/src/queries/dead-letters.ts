// Events that were refused.

import type { Database } from '@avocet/sqlite'

/** A refused event. `at` is ms since the epoch. */
export type DeadLetter = {
  readonly at: number
  readonly did: string | null
  readonly source: string
  readonly seq: number | null
  readonly reason: string
  readonly message: string
}

/** The newest refused events, newest first. */
export function newestDeadLetters(db: Database, limit: number): DeadLetter[] {
  return db
    .prepare(
      'SELECT at, did, source, source_seq AS seq, reason, message FROM dead_letters ORDER BY id DESC LIMIT ?',
    )
    .all(limit) as DeadLetter[]
}
