import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { createSweeper, type Sweeper } from './sweeper.ts'

/**
 * Sets of the rows that come from the records of a repository: one is live, an import fills another, and one that was replaced
 * waits to be removed. Giving a DID another set is one row, however many records there are. Methods that write run in the
 * caller's transaction.
 */
export interface RecordSets {
  /** The set that is served, or null. */
  live(did: Did): number | null
  /** The set that is served, made if there is none. */
  ensure(did: Did): number
  /** A new set that nobody sees yet. */
  stage(did: Did): number
  /** Makes a staged set the one that is served. Decisions about records stay with those that are still there. */
  adopt(did: Did, staged: number): void
  /** Takes the set that is served away. */
  drop(did: Did): void
  /** Every set that is being filled. */
  staged(): number[]
  /** Gives a staged set up. */
  discard(staged: number): void
  /** Removes the rows of dropped sets, some in each transaction. Resolves when none is left. */
  sweep(): Promise<void>
}

/** SQL for the set that is served of the DID bound next. */
export const LIVE_SET = "(SELECT id FROM record_set WHERE did = ? AND state = 'live')"

/** Rows removed in one transaction. */
const SLICE = 250

/** The sets in `db`, which must carry `RECORD_MIGRATIONS`. What an earlier process staged is given up. */
export function openRecordSets(db: Database): RecordSets {
  const drop = (id: number): void => {
    db.prepare("UPDATE record_set SET state = 'dropped' WHERE id = ?").run(id)
  }
  const live: RecordSets['live'] = (did) => {
    const row = db.prepare("SELECT id FROM record_set WHERE did = ? AND state = 'live'").get(did)
    return row === undefined ? null : (row['id'] as number)
  }
  const make = (did: Did, state: string): number =>
    Number(db.prepare('INSERT INTO record_set (did, state) VALUES (?, ?)').run(did, state).lastInsertRowid)

  db.transaction(() => db.raw.exec("UPDATE record_set SET state = 'dropped' WHERE state = 'staged'"))
  const sweeper: Sweeper = createSweeper(async () => {
    const row = db.prepare("SELECT id, did FROM record_set WHERE state = 'dropped' LIMIT 1").get()
    if (row === undefined) return false
    const [id, did] = [row['id'] as number, row['did'] as string]
    await db.write(() => {
      if (removeSlice(db, id, did)) db.prepare('DELETE FROM record_set WHERE id = ?').run(id)
    })
    return true
  })

  return {
    live,
    ensure: (did) => live(did) ?? make(did, 'live'),
    stage: (did) => make(did, 'staged'),
    adopt: (did, staged) => {
      const before = live(did)
      if (before !== null) {
        for (const row of db
          .prepare(
            'SELECT collection, rkey, takedown_ref FROM record WHERE owner = ? AND takedown_ref IS NOT NULL',
          )
          .all(before)) {
          db.prepare(
            'UPDATE record SET takedown_ref = ? WHERE owner = ? AND collection = ? AND rkey = ?',
          ).run(row['takedown_ref']!, staged, row['collection']!, row['rkey']!)
        }
        drop(before)
      }
      db.prepare("UPDATE record_set SET state = 'live' WHERE id = ?").run(staged)
    },
    drop: (did) => {
      const id = live(did)
      if (id !== null) drop(id)
    },
    staged: () =>
      db
        .prepare("SELECT id FROM record_set WHERE state = 'staged'")
        .all()
        .map((row) => row['id'] as number),
    discard: drop,
    sweep: () => sweeper.run(),
  }
}

/** Removes some rows of a set; whether none is left. */
function removeSlice(db: Database, owner: number, did: string): boolean {
  for (const [table, columns] of [
    ['record', 'collection, rkey'],
    ['backlink', 'target, collection, rkey'],
  ] as const) {
    const bound = db
      .prepare(`SELECT ${columns} FROM ${table} WHERE owner = ? ORDER BY ${columns} LIMIT 1 OFFSET ${SLICE}`)
      .get(owner)
    if (bound === undefined) {
      const { changes } = db.prepare(`DELETE FROM ${table} WHERE owner = ?`).run(owner)
      if (changes > 0) return false
      continue
    }
    const values = Object.values(bound)
    const marks = values.map(() => '?').join(', ')
    db.prepare(`DELETE FROM ${table} WHERE owner = ? AND (${columns}) < (${marks})`).run(owner, ...values)
    return false
  }
  return removeReferences(db, owner, did)
}

/** Removes some references to blobs. A blob that no other set refers to is kept for a day, as after its upload. */
function removeReferences(db: Database, owner: number, did: string): boolean {
  const rows = db
    .prepare('SELECT cid, collection, rkey FROM record_blob WHERE owner = ? LIMIT ?')
    .all(owner, SLICE)
  for (const { cid, collection, rkey } of rows) {
    db.prepare('DELETE FROM record_blob WHERE owner = ? AND cid = ? AND collection = ? AND rkey = ?').run(
      owner,
      cid!,
      collection!,
      rkey!,
    )
    db.prepare(
      `UPDATE blob SET permanent = 0, created_at = ? WHERE did = ? AND cid = ? AND permanent > 0
       AND NOT EXISTS (SELECT 1 FROM record_set JOIN record_blob r ON r.owner = id
         WHERE record_set.did = blob.did AND state <> 'dropped' AND r.cid = blob.cid)`,
    ).run(Date.now(), did, cid!)
  }
  return rows.length < SLICE
}
