import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import type { BlobReads, BlobRow } from '../store.ts'
import { toBlobRow } from '../stored-rows.ts'
import { LIVE_SET, type RecordSets } from './record-sets.ts'

/** The rows of blobs and of the records that refer to them, on the spot. Methods that write run in the caller's transaction. */
export interface BlobIndex extends BlobReads {
  get(did: Did, cid: string): BlobRow | null
  page(did: Did, options: { since?: string | undefined; after: string; limit: number }): string[]
  missing(did: Did, after: string, limit: number): { cid: string; recordUri: `at://${string}` }[]
  counts(did: Did): { expected: number; imported: number }
  bytes(did: Did): number
  among(did: Did, cids: readonly string[]): Set<string>
  /**
   * Notes an upload. A blob that records refer to already stays what they say it is; until then the type of the newest
   * upload counts.
   */
  add(did: Did, blob: { cid: string; mimeType: string; size: number; now: number }): void
  /** A record at `collection/rkey` refers to these blobs, and to no others. Returns the CIDs it no longer refers to. */
  refer(did: Did, collection: string, rkey: string, rev: string, cids: readonly string[]): string[]
  /**
   * Forgets those of some blobs that no record refers to, once all records of a commit are noted, and returns them. One that
   * was uploaded again since stays as an upload: it is for a record still to come.
   */
  release(did: Did, cids: ReadonlySet<string>): string[]
  takedown(did: Did, cid: string, ref: string | null): boolean
  /** Forgets at most `limit` blobs; how many there were. */
  removeSome(did: Did, limit: number): number
  /** Forgets blobs uploaded before `before` (ms) that no record refers to, and names them. */
  expire(before: number): { did: Did; cid: string }[]
}

/** `permanent` of a blob that records refer to and that was uploaded again since the last of them did. */
const RENEWED = 2

/** The blob rows in `db`, which must carry `RECORD_MIGRATIONS`. */
export function openBlobIndex(db: Database, sets: RecordSets): BlobIndex {
  return {
    get: (did, cid) => {
      const row = db.prepare('SELECT * FROM blob WHERE did = ? AND cid = ?').get(did, cid)
      return row === undefined ? null : toBlobRow(row)
    },
    add: (did, { cid, mimeType, size, now }) => {
      // A blob that records named before it was uploaded (after an import) is permanent at once.
      db.prepare(
        `INSERT INTO blob (did, cid, mime_type, size, created_at, permanent)
         VALUES (?1, ?2, ?3, ?4, ?5, EXISTS (SELECT 1 FROM record_set JOIN record_blob r ON r.owner = id
             WHERE record_set.did = ?1 AND state <> 'dropped' AND r.cid = ?2))
         ON CONFLICT (did, cid) DO UPDATE SET created_at = excluded.created_at,
           permanent = CASE permanent WHEN 0 THEN 0 ELSE ${RENEWED} END,
           mime_type = CASE WHEN permanent > 0 OR takedown_ref IS NOT NULL THEN mime_type ELSE excluded.mime_type END`,
      ).run(did, cid, mimeType, size, now)
    },
    refer: (did, collection, rkey, rev, cids) => {
      const owner = sets.ensure(did)
      const before = db
        .prepare('SELECT cid FROM record_blob WHERE owner = ? AND collection = ? AND rkey = ?')
        .all(owner, collection, rkey)
        .map((row) => row['cid'] as string)
      const kept = new Set(cids)
      referFrom(db, owner, { did, collection, rkey, rev }, kept)
      const dropped = before.filter((cid) => !kept.has(cid))
      for (const cid of dropped) {
        db.prepare('DELETE FROM record_blob WHERE owner = ? AND cid = ? AND collection = ? AND rkey = ?').run(
          owner,
          cid,
          collection,
          rkey,
        )
      }
      return dropped
    },
    release: (did, cids) => {
      const orphans: string[] = []
      if (cids.size === 0) return orphans
      const owner = sets.ensure(did)
      for (const cid of cids) {
        const other = db
          .prepare('SELECT 1 FROM record_blob WHERE owner = ? AND cid = ? LIMIT 1')
          .get(owner, cid)
        if (other !== undefined) continue
        // A blob under a takedown keeps its row, so that it cannot come back by a new upload.
        const waiting = db
          .prepare(
            `UPDATE blob SET permanent = 0 WHERE did = ? AND cid = ? AND permanent = ${RENEWED} AND takedown_ref IS NULL`,
          )
          .run(did, cid)
        if (waiting.changes > 0) continue
        const { changes } = db
          .prepare('DELETE FROM blob WHERE did = ? AND cid = ? AND takedown_ref IS NULL')
          .run(did, cid)
        if (changes > 0) orphans.push(cid)
      }
      return orphans
    },
    page: (did, { since, after, limit }) =>
      db
        .prepare(
          `SELECT DISTINCT cid FROM record_blob WHERE owner = ${LIVE_SET} AND cid > ? AND rev > ?
           AND EXISTS (SELECT 1 FROM blob WHERE blob.did = ? AND blob.cid = record_blob.cid
             AND takedown_ref IS NULL)
           ORDER BY cid LIMIT ?`,
        )
        .all(did, after, since ?? '', did, limit)
        .map((row) => row['cid'] as string),
    missing: (did, after, limit) =>
      db
        .prepare(
          `SELECT cid, min(collection || '/' || rkey) AS path FROM record_blob WHERE owner = ${LIVE_SET} AND cid > ?
           AND NOT EXISTS (SELECT 1 FROM blob WHERE blob.did = ? AND blob.cid = record_blob.cid)
           GROUP BY cid ORDER BY cid LIMIT ?`,
        )
        .all(did, after, did, limit)
        .map((row) => ({ cid: row['cid'] as string, recordUri: `at://${did}/${row['path'] as string}` })),
    counts: (did) => {
      const row = db
        .prepare(
          `SELECT (SELECT count(DISTINCT cid) FROM record_blob WHERE owner = ${LIVE_SET}) AS expected,
             (SELECT count(*) FROM blob WHERE did = ? AND permanent > 0) AS imported`,
        )
        .get(did, did)!
      return { expected: Number(row['expected']), imported: Number(row['imported']) }
    },
    bytes: (did) =>
      db.prepare('SELECT coalesce(sum(size), 0) AS n FROM blob WHERE did = ?').get(did)!['n'] as number,
    takedown: (did, cid, ref) =>
      db.prepare('UPDATE blob SET takedown_ref = ? WHERE did = ? AND cid = ?').run(ref, did, cid).changes > 0,
    removeSome: (did, limit) => {
      const rows = db.prepare('SELECT cid FROM blob WHERE did = ? LIMIT ?').all(did, limit)
      for (const row of rows) db.prepare('DELETE FROM blob WHERE did = ? AND cid = ?').run(did, row['cid']!)
      return rows.length
    },
    among: (did, cids) =>
      new Set(
        db
          .prepare('SELECT cid FROM blob WHERE did = ? AND cid IN (SELECT value FROM json_each(?))')
          .all(did, JSON.stringify(cids))
          .map((row) => row['cid'] as string),
      ),
    expire: (before) =>
      db
        .prepare('DELETE FROM blob WHERE permanent = 0 AND created_at < ? RETURNING did, cid')
        .all(before)
        .map((row) => ({ did: row['did'] as Did, cid: row['cid'] as string })),
  }
}

/** A record as it refers to blobs. */
export interface Referrer {
  readonly did: Did
  readonly collection: string
  readonly rkey: string
  readonly rev: string
}

/** Notes in a set that a record refers to blobs; those that are here stay. */
export function referFrom(db: Database, owner: number, from: Referrer, cids: Iterable<string>): void {
  for (const cid of cids) {
    db.prepare(
      'INSERT OR IGNORE INTO record_blob (owner, cid, collection, rkey, rev) VALUES (?, ?, ?, ?, ?)',
    ).run(owner, cid, from.collection, from.rkey, from.rev)
    db.prepare('UPDATE blob SET permanent = 1 WHERE did = ? AND cid = ? AND permanent <> 1').run(
      from.did,
      cid,
    )
  }
}
