import type { PostgresDatabase } from '@avocet/postgres'
import type { Did } from '@avocet/syntax'

import { lockAccount } from './rows.ts'

/** Rows that go in one transaction. */
const SLICE = 1000

/** Removes the rows of sets that were dropped, in slices. Several processes may be at it at once. */
export async function sweepSets(db: PostgresDatabase): Promise<void> {
  for (const { id, did } of await db.query("SELECT id, did FROM record_set WHERE state = 'dropped'")) {
    const owner = String(id)
    while (await removeSlice(db, 'record', 'collection, rkey', owner));
    while (await removeSlice(db, 'backlink', 'target, collection, rkey', owner));
    while (await removeReferences(db, owner, did as Did));
    // Rows that another process is removing are missing from a slice, and still there: then the set is the other's to end.
    await db.query(
      `DELETE FROM record_set WHERE id = $1 AND NOT EXISTS (SELECT FROM record WHERE owner = $1)
         AND NOT EXISTS (SELECT FROM backlink WHERE owner = $1)
         AND NOT EXISTS (SELECT FROM record_blob WHERE owner = $1)`,
      [owner],
    )
  }
}

/** Sweeping in the background, one round at a time. */
export interface Sweeping {
  /** Begins a round, unless one waits already. What fails is done by the next one, or by the chores. */
  begin(): void
  /** Resolves when none is under way. */
  ended(): Promise<void>
}

/** Rounds of `sweepSets` on `db`. */
export function createSweeping(db: PostgresDatabase): Sweeping {
  let waiting = false
  let last: Promise<void> = Promise.resolve()
  const round = async (): Promise<void> => {
    waiting = false
    try {
      await sweepSets(db)
    } catch {}
  }
  return {
    begin: () => {
      if (waiting) return
      waiting = true
      last = last.then(round)
    },
    ended: () => last,
  }
}

/** Removes some rows of a table; whether there are more. */
async function removeSlice(
  db: PostgresDatabase,
  table: string,
  columns: string,
  owner: string,
): Promise<boolean> {
  const gone = await db.query(
    `DELETE FROM ${table} WHERE owner = $1 AND (${columns}) IN
       (SELECT ${columns} FROM ${table} WHERE owner = $1 LIMIT ${SLICE}) RETURNING 1`,
    [owner],
  )
  return gone.length === SLICE
}

/** Removes some references to blobs. A blob that no other set refers to is kept for a day, as after its upload. */
function removeReferences(db: PostgresDatabase, owner: string, did: Did): Promise<boolean> {
  return db.transaction(async (tx) => {
    await lockAccount(tx, did)
    const gone = await tx.query(
      `DELETE FROM record_blob WHERE owner = $1 AND (cid, collection, rkey) IN
         (SELECT cid, collection, rkey FROM record_blob WHERE owner = $1 LIMIT ${SLICE}) RETURNING cid`,
      [owner],
    )
    await tx.query(
      `UPDATE blob SET permanent = 0, created_at = $3 WHERE did = $1 AND cid = ANY ($2::text[]) AND permanent > 0
       AND NOT EXISTS (SELECT 1 FROM record_set JOIN record_blob r ON r.owner = id
         WHERE record_set.did = blob.did AND state <> 'dropped' AND r.cid = blob.cid)`,
      [did, gone.map((row) => row['cid']), Date.now()],
    )
    return gone.length === SLICE
  })
}
