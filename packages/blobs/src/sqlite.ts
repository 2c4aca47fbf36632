import { migrate, type Database } from '@avocet/sqlite'

import type { RemoteBlobRows } from './remote-rows.ts'
import { BEST_FIRST, blobOf, COLUMNS, UPDATE, valuesOf } from './remote-sql.ts'

const MIGRATIONS = [
  `CREATE TABLE remote_blob (
     url TEXT PRIMARY KEY,
     cid TEXT NOT NULL,
     size INTEGER NOT NULL,
     mime_type TEXT NOT NULL,
     duration_ms REAL,
     etag TEXT,
     last_modified TEXT,
     checked_at INTEGER NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('there', 'changed', 'gone'))
   ) WITHOUT ROWID, STRICT;
   CREATE INDEX remote_blob_cid ON remote_blob (cid);
   CREATE INDEX remote_blob_checked ON remote_blob (checked_at);
   CREATE TABLE remote_blob_account (
     did TEXT NOT NULL,
     url TEXT NOT NULL,
     PRIMARY KEY (did, url)
   ) WITHOUT ROWID, STRICT;
   CREATE INDEX remote_blob_account_url ON remote_blob_account (url);`,
]

/** Rows that go in one transaction, so that other writes wait for little. */
const SLICE = 500

/** Remote blobs noted in a SQLite database, beside an app's own tables. Makes the tables if need be. */
export function openRemoteRows(db: Database): RemoteBlobRows {
  migrate(db, 'remote-blobs', MIGRATIONS)
  const places = COLUMNS.replaceAll(/\w+/g, '?')
  const unreferred = 'NOT EXISTS (SELECT 1 FROM remote_blob_account a WHERE a.url = remote_blob.url)'
  return {
    byUrl: (url) => {
      const row = db.prepare(`SELECT ${COLUMNS} FROM remote_blob WHERE url = ?`).get(url)
      return row === undefined ? null : blobOf(row)
    },
    byCid: (did, cid) => {
      const row = db
        .prepare(
          `SELECT remote_blob.* FROM remote_blob JOIN remote_blob_account USING (url)
           WHERE cid = ? AND did = ? ORDER BY ${BEST_FIRST} LIMIT 1`,
        )
        .get(cid, did)
      return row === undefined ? null : blobOf(row)
    },
    save: (blob, did) =>
      db.write(() => {
        db.prepare(
          `INSERT INTO remote_blob (${COLUMNS}) VALUES (${places}) ON CONFLICT (url) DO UPDATE SET ${UPDATE}`,
        ).run(...valuesOf(blob))
        if (did === null) return
        db.prepare('INSERT OR IGNORE INTO remote_blob_account (did, url) VALUES (?, ?)').run(did, blob.url)
      }),
    due: async (before, limit) => {
      await db.write(() => {
        db.prepare(
          `DELETE FROM remote_blob WHERE url IN (
             SELECT url FROM remote_blob WHERE checked_at < ? AND ${unreferred} LIMIT ${SLICE})`,
        ).run(before)
      })
      return db
        .prepare(
          `SELECT ${COLUMNS} FROM remote_blob WHERE checked_at < ? AND NOT ${unreferred}
           ORDER BY checked_at LIMIT ?`,
        )
        .all(before, limit)
        .map(blobOf)
    },
    forget: async (did, cid) => {
      const some = `SELECT url FROM remote_blob_account WHERE did = ?1
        AND (?2 IS NULL OR url IN (SELECT url FROM remote_blob WHERE cid = ?2)) LIMIT ${SLICE}`
      const statement = `DELETE FROM remote_blob_account WHERE did = ?1 AND url IN (${some})`
      // Others write in between.
      while (Number(await db.write(() => db.prepare(statement).run(did, cid).changes)) === SLICE);
    },
  }
}
