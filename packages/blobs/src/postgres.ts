import { migrate, type PostgresDatabase } from '@avocet/postgres'

import type { RemoteBlobRows } from './remote-rows.ts'
import { BEST_FIRST, blobOf, COLUMNS, UPDATE, valuesOf } from './remote-sql.ts'

const MIGRATIONS = [
  `CREATE TABLE remote_blob (
     url text COLLATE "C" PRIMARY KEY,
     cid text COLLATE "C" NOT NULL,
     size bigint NOT NULL,
     mime_type text NOT NULL,
     duration_ms double precision,
     etag text,
     last_modified text,
     checked_at bigint NOT NULL,
     state text NOT NULL CHECK (state IN ('there', 'changed', 'gone'))
   );
   CREATE INDEX remote_blob_cid ON remote_blob (cid);
   CREATE INDEX remote_blob_checked ON remote_blob (checked_at);
   CREATE TABLE remote_blob_account (
     did text COLLATE "C" NOT NULL,
     url text COLLATE "C" NOT NULL,
     PRIMARY KEY (did, url)
   );
   CREATE INDEX remote_blob_account_url ON remote_blob_account (url);`,
]

/** Rows that go in one transaction. */
const SLICE = 5000

/**
 * Remote blobs noted in Postgres, for any number of processes. Makes the tables if need be.
 * @throws PostgresError `newer-schema`
 */
export async function openRemoteRows(db: PostgresDatabase): Promise<RemoteBlobRows> {
  await migrate(db, 'remote-blobs', MIGRATIONS)
  const places = COLUMNS.split(', ').map((_, index) => `$${index + 1}`)
  const unreferred = 'NOT EXISTS (SELECT FROM remote_blob_account a WHERE a.url = remote_blob.url)'
  return {
    byUrl: async (url) => {
      const [row] = await db.query(`SELECT ${COLUMNS} FROM remote_blob WHERE url = $1`, [url])
      return row === undefined ? null : blobOf(row)
    },
    byCid: async (did, cid) => {
      const [row] = await db.query(
        `SELECT remote_blob.* FROM remote_blob JOIN remote_blob_account USING (url)
         WHERE cid = $1 AND did = $2 ORDER BY ${BEST_FIRST} LIMIT 1`,
        [cid, did],
      )
      return row === undefined ? null : blobOf(row)
    },
    save: (blob, did) =>
      db.transaction(async (tx) => {
        await tx.query(
          `INSERT INTO remote_blob (${COLUMNS}) VALUES (${places.join(', ')})
           ON CONFLICT (url) DO UPDATE SET ${UPDATE}`,
          valuesOf(blob),
        )
        if (did === null) return
        await tx.query('INSERT INTO remote_blob_account (did, url) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
          did,
          blob.url,
        ])
      }),
    due: async (before, limit) => {
      // What is referred to at this moment was asked for a moment ago: `checked_at` is looked at again under the row's lock.
      await db.query(
        `DELETE FROM remote_blob WHERE checked_at < $1 AND url IN (
           SELECT url FROM remote_blob WHERE checked_at < $1 AND ${unreferred} LIMIT ${SLICE})`,
        [before],
      )
      const rows = await db.query(
        `SELECT ${COLUMNS} FROM remote_blob WHERE checked_at < $1 AND NOT ${unreferred}
         ORDER BY checked_at LIMIT $2`,
        [before, limit],
      )
      return rows.map(blobOf)
    },
    forget: async (did, cid) => {
      const some = `SELECT url FROM remote_blob_account WHERE did = $1
        AND ($2::text IS NULL OR url IN (SELECT url FROM remote_blob WHERE cid = $2)) LIMIT ${SLICE}`
      const statement = `DELETE FROM remote_blob_account WHERE did = $1 AND url IN (${some}) RETURNING 1`
      // A transaction each.
      while ((await db.query(statement, [did, cid])).length === SLICE);
    },
  }
}
