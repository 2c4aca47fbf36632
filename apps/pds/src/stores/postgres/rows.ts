import type { PostgresDatabase, Queryable, Row } from '@avocet/postgres'
import { LIVE_SET } from '@avocet/repo-server/postgres'
import type { Did } from '@avocet/syntax'

import type { RowChange } from '../app-change.ts'
import { rememberQuotas, type RememberedQuotas } from '../remembered-quotas.ts'
import type { BelievedClock, RecentRow, RecentRows, RotationRows, ServerNotes, Vitals } from '../rows.ts'

/** Records looked at to tell whether a revision can be one of this repository. */
const MAX_PROBED = 50
const PROFILE = 'app.bsky.actor.profile'
// The condition on the collection is that of the index `record_recent`.
const SHOWN = `collection IN ('${PROFILE}', 'app.bsky.feed.post')`

/** Applies a change in the transaction that is open. */
export async function applyRow(tx: Queryable, change: RowChange): Promise<void> {
  const { did } = change
  if (change.type === 'keyRotated') {
    await tx.query('UPDATE key_rotation SET pending = NULL, rotated_at = $2 WHERE did = $1', [did, change.at])
    return
  }
  const { blobBytes, records } = change.quota
  await tx.query(
    `INSERT INTO account_quota (did, blob_bytes, records) VALUES ($1, $2, $3)
     ON CONFLICT (did) DO UPDATE SET
       blob_bytes = CASE WHEN $4 THEN excluded.blob_bytes ELSE account_quota.blob_bytes END,
       records = CASE WHEN $5 THEN excluded.records ELSE account_quota.records END`,
    [did, blobBytes ?? null, records ?? null, blobBytes !== undefined, records !== undefined],
  )
}

/** The bounds in `db`. @param now milliseconds by a clock that nobody sets */
export function openQuotas(db: Queryable, now?: () => number): RememberedQuotas {
  return rememberQuotas(async (did) => {
    const [row] = await db.query('SELECT blob_bytes, records FROM account_quota WHERE did = $1', [did])
    if (row === undefined) return null
    return { blobBytes: number(row['blob_bytes']), records: number(row['records']) }
  }, now)
}

/** The rotations in `db`. */
export function openRotations(db: Queryable): RotationRows {
  return {
    pending: async (did) => {
      const [row] = await db.query('SELECT pending FROM key_rotation WHERE did = $1', [did])
      return (row?.['pending'] as Uint8Array | null | undefined) ?? null
    },
    prepare: async (did, made) => {
      const [row] = await db.query(
        `INSERT INTO key_rotation (did, pending) VALUES ($1, $2)
         ON CONFLICT (did) DO UPDATE SET pending = coalesce(key_rotation.pending, excluded.pending)
         RETURNING pending`,
        [did, made],
      )
      return row!['pending'] as Uint8Array
    },
    unfinished: async () =>
      (await db.query('SELECT did FROM key_rotation WHERE pending IS NOT NULL')).map(
        (row) => row['did'] as Did,
      ),
    rotatedAt: async (did) => {
      const [row] = await db.query('SELECT rotated_at FROM key_rotation WHERE did = $1', [did])
      return number(row?.['rotated_at'])
    },
  }
}

/** The believed clock in `db`: the latest time that any process believed. */
export function openClock(db: Queryable): BelievedClock {
  return {
    last: async () => number((await db.query('SELECT at FROM believed_clock WHERE id = 1'))[0]?.['at']),
    believe: async (now) => {
      await db.query(
        'INSERT INTO believed_clock (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at',
        [now],
      )
    },
  }
}

/** Profiles and posts in `db`. */
export function openRecent(db: Queryable): RecentRows {
  const toRow = (row: Row): RecentRow => ({
    collection: row['collection'] as string,
    rkey: row['rkey'] as string,
    cid: row['cid'] as string,
    indexedAt: (row['indexed_at'] as Date).toISOString(),
  })
  return {
    since: async (did, rev, limit) => {
      const rows = await db.query(
        `SELECT collection, rkey, cid, indexed_at FROM record
         WHERE owner = ${LIVE_SET} AND ${SHOWN} AND rev > $2 AND takedown_ref IS NULL ORDER BY rev LIMIT $3`,
        [did, rev, limit],
      )
      return rows.map(toRow)
    },
    isKnown: async (did, rev) => {
      const [row] = await db.query(
        `SELECT EXISTS (SELECT 1 FROM record WHERE owner = ${LIVE_SET} AND ${SHOWN} AND rev <= $2)
           OR EXISTS (SELECT 1 FROM (SELECT rev FROM record WHERE owner = ${LIVE_SET} LIMIT ${MAX_PROBED}) AS first
             WHERE rev <= $2) AS known`,
        [did, rev],
      )
      return row!['known'] as boolean
    },
    profile: async (did) => {
      const [row] = await db.query(
        `SELECT collection, rkey, cid, indexed_at FROM record
         WHERE owner = ${LIVE_SET} AND collection = '${PROFILE}' AND rkey = 'self' AND takedown_ref IS NULL`,
        [did],
      )
      return row === undefined ? null : toRow(row)
    },
  }
}

/** The note that a move to this database has not ended: its mark. */
export const MOVE_NOTE = 'move'

/** What processes agree on, in `db`. */
export function openNotes(db: Queryable): ServerNotes {
  return {
    get: async (name) => {
      const [row] = await db.query('SELECT value FROM server_note WHERE name = $1', [name])
      return (row?.['value'] as string | undefined) ?? null
    },
    claim: async (name, value) => {
      const [row] = await db.query(
        `WITH made AS (INSERT INTO server_note (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING value)
         SELECT value FROM made UNION ALL SELECT value FROM server_note WHERE name = $1 LIMIT 1`,
        [name, value],
      )
      // Another process made it within this very moment.
      return (row?.['value'] as string | undefined) ?? (await openNotes(db).get(name))!
    },
    set: async (name, value) => {
      await db.query(
        `INSERT INTO server_note (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
        [name, value],
      )
    },
  }
}

/** How the database does. */
export function openVitals(db: PostgresDatabase): Vitals {
  return {
    touch: async () => {
      await db.query('UPDATE probe SET at = $1 WHERE id = 1', [Date.now()])
    },
    file: null,
    // Those that wait for a connection.
    pendingWrites: () => db.pool.waitingCount,
    blobBytes: async () => Number((await db.query('SELECT coalesce(sum(size), 0) AS n FROM blob'))[0]!['n']),
  }
}

/** `bigint` columns come as texts. */
function number(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}
