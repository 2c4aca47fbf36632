import { setImmediate as turn } from 'node:timers/promises'

import { LIVE_SET } from '@avocet/repo-server/sqlite'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import type { RowChange } from '../app-change.ts'
import { rememberQuotas, type RememberedQuotas } from '../remembered-quotas.ts'
import type { BelievedClock, RecentRow, RecentRows, RotationRows, Vitals } from '../rows.ts'

/** Rows of the blobs that are summed up at a time. */
const SUMMED = 2000
/** Records looked at to tell whether a revision can be one of this repository. */
const MAX_PROBED = 50
const PROFILE = 'app.bsky.actor.profile'
// The condition on the collection is that of the index `record_recent`.
const SHOWN = `collection IN ('${PROFILE}', 'app.bsky.feed.post')`

/** Applies a change in the transaction that is open. */
export function applyRow(db: Database, change: RowChange): void {
  const { did } = change
  if (change.type === 'keyRotated') {
    db.prepare('UPDATE key_rotation SET pending = NULL, rotated_at = ? WHERE did = ?').run(change.at, did)
    return
  }
  db.prepare('INSERT OR IGNORE INTO account_quota (did) VALUES (?)').run(did)
  const set = (column: 'blob_bytes' | 'records', value: number | null | undefined): void => {
    if (value === undefined) return
    db.prepare(`UPDATE account_quota SET ${column} = ? WHERE did = ?`).run(value, did)
  }
  set('blob_bytes', change.quota.blobBytes)
  set('records', change.quota.records)
}

/** The bounds in `db`. @param now milliseconds by a clock that nobody sets */
export function openQuotas(db: Database, now?: () => number): RememberedQuotas {
  return rememberQuotas((did) => {
    const row = db.prepare('SELECT blob_bytes, records FROM account_quota WHERE did = ?').get(did)
    return row === undefined
      ? null
      : { blobBytes: row['blob_bytes'] as number | null, records: row['records'] as number | null }
  }, now)
}

/** The rotations in `db`. */
export function openRotations(db: Database): RotationRows {
  const pending = (did: Did): Uint8Array | null => {
    const row = db.prepare('SELECT pending FROM key_rotation WHERE did = ?').get(did)
    return (row?.['pending'] as Uint8Array | null | undefined) ?? null
  }
  return {
    pending,
    prepare: (did, made) =>
      db.write(() => {
        db.prepare(
          `INSERT INTO key_rotation (did, pending) VALUES (?, ?)
           ON CONFLICT (did) DO UPDATE SET pending = coalesce(pending, excluded.pending)`,
        ).run(did, made)
        return pending(did)!
      }),
    unfinished: () =>
      db
        .prepare('SELECT did FROM key_rotation WHERE pending IS NOT NULL')
        .all()
        .map((row) => row['did'] as Did),
    rotatedAt: (did) => {
      const row = db.prepare('SELECT rotated_at FROM key_rotation WHERE did = ?').get(did)
      return (row?.['rotated_at'] as number | null | undefined) ?? null
    },
  }
}

/** The believed clock in `db`. */
export function openClock(db: Database): BelievedClock {
  return {
    last: () => {
      const row = db.prepare('SELECT at FROM believed_clock WHERE id = 1').get()
      return row === undefined ? null : (row['at'] as number)
    },
    believe: (now) =>
      db.write(() => {
        db.prepare(
          'INSERT INTO believed_clock (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at',
        ).run(now)
      }),
  }
}

/** Profiles and posts in `db`. */
export function openRecent(db: Database): RecentRows {
  const toRow = (row: Record<string, unknown>): RecentRow => ({
    collection: row['collection'] as string,
    rkey: row['rkey'] as string,
    cid: row['cid'] as string,
    indexedAt: row['indexed_at'] as string,
  })
  return {
    since: (did, rev, limit) =>
      db
        .prepare(
          `SELECT collection, rkey, cid, indexed_at FROM record
           WHERE owner = ${LIVE_SET} AND ${SHOWN} AND rev > ? AND takedown_ref IS NULL ORDER BY rev LIMIT ?`,
        )
        .all(did, rev, limit)
        .map(toRow),
    isKnown: (did, rev) =>
      db
        .prepare(`SELECT 1 FROM record WHERE owner = ${LIVE_SET} AND ${SHOWN} AND rev <= ? LIMIT 1`)
        .get(did, rev) !== undefined ||
      db
        .prepare(
          `SELECT 1 FROM (SELECT rev FROM record WHERE owner = ${LIVE_SET} LIMIT ${MAX_PROBED}) WHERE rev <= ? LIMIT 1`,
        )
        .get(did, rev) !== undefined,
    profile: (did) => {
      const row = db
        .prepare(
          `SELECT collection, rkey, cid, indexed_at FROM record
           WHERE owner = ${LIVE_SET} AND collection = '${PROFILE}' AND rkey = 'self' AND takedown_ref IS NULL`,
        )
        .get(did)
      return row === undefined ? null : toRow(row)
    },
  }
}

/** How the database does. */
export function openVitals(db: Database): Vitals {
  return {
    touch: async () => {
      await db.write(() => db.prepare('UPDATE probe SET at = ? WHERE id = 1').run(Date.now()))
    },
    file: db.raw.location(),
    pendingWrites: () => db.pending(),
    // In slices, aside, so that a million rows hold up nobody.
    blobBytes: async () => {
      let [total, did, cid] = [0, '', '']
      for (;;) {
        const rows = db
          .prepare('SELECT did, cid, size FROM blob WHERE (did, cid) > (?, ?) ORDER BY did, cid LIMIT ?')
          .all(did, cid, SUMMED)
        for (const row of rows) total += row['size'] as number
        if (rows.length < SUMMED) return total
        const last = rows.at(-1)!
        did = last['did'] as string
        cid = last['cid'] as string
        // Others have their turn in between.
        await turn()
      }
    },
  }
}
