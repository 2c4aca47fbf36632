import type { Database } from '@avocet/sqlite'
import type { Did, Nsid } from '@avocet/syntax'
import type { SQLOutputValue } from 'node:sqlite'

/** Where a record is and which version of it stands; its bytes are a block of the repository. */
export interface RecordRow {
  readonly collection: string
  readonly rkey: string
  readonly cid: string
  /** The commit that wrote it. */
  readonly rev: string
  readonly takedownRef: string | null
}

/** One page of a collection: at most `limit` rows after `cursor` (a record key), newest key first unless `reverse`. */
export interface PageOptions {
  readonly limit: number
  readonly cursor?: string | undefined
  readonly reverse?: boolean | undefined
}

/** The rows of records. Methods that write run in the caller's transaction. */
export interface RecordIndex {
  get(did: Did, collection: string, rkey: string): RecordRow | null
  page(did: Did, collection: string, options: PageOptions): RecordRow[]
  collections(did: Did): Nsid[]
  count(did: Did): number
  /** @param links what it points at; @param replaces whether there may be a row, whose links go */
  put(did: Did, row: Omit<RecordRow, 'takedownRef'>, links: readonly string[], replaces: boolean): void
  remove(did: Did, collection: string, rkey: string): void
  removeAll(did: Did): void
  /** Keys of the records in a collection that link to `target`. */
  linking(did: Did, collection: string, target: string): string[]
  takedown(did: Did, collection: string, rkey: string, ref: string | null): boolean
  /** DIDs with a record in `collection`, above `after`, in order. */
  reposWith(collection: string, after: string, limit: number): Did[]
}

const COLUMNS = 'collection, rkey, cid, rev, takedown_ref'

/** The record rows in `db`, which must carry `RECORD_MIGRATIONS`. */
export function openRecordIndex(db: Database): RecordIndex {
  return {
    get: (did, collection, rkey) => {
      const row = db
        .prepare(`SELECT ${COLUMNS} FROM record WHERE did = ? AND collection = ? AND rkey = ?`)
        .get(did, collection, rkey)
      return row === undefined ? null : toRow(row)
    },
    page: (did, collection, { limit, cursor, reverse = false }) => {
      const [after, order] = reverse ? ['>', 'ASC'] : ['<', 'DESC']
      const bound = cursor === undefined ? '' : `AND rkey ${after} ?`
      return db
        .prepare(
          `SELECT ${COLUMNS} FROM record WHERE did = ? AND collection = ? ${bound} AND takedown_ref IS NULL
           ORDER BY rkey ${order} LIMIT ?`,
        )
        .all(did, collection, ...(cursor === undefined ? [] : [cursor]), limit)
        .map(toRow)
    },
    collections: (did) => {
      // One index seek per collection, however many records each holds.
      const next = db.prepare(
        'SELECT collection FROM record WHERE did = ? AND collection > ? ORDER BY collection LIMIT 1',
      )
      const found: Nsid[] = []
      for (let row = next.get(did, ''); row !== undefined; row = next.get(did, found.at(-1)!)) {
        found.push(row['collection'] as Nsid)
      }
      return found
    },
    count: (did) => Number(db.prepare('SELECT count(*) AS n FROM record WHERE did = ?').get(did)!['n']),
    put: (did, row, links, replaces) => {
      db.prepare(
        `INSERT INTO record (did, collection, rkey, cid, rev, indexed_at) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (did, collection, rkey)
         DO UPDATE SET cid = excluded.cid, rev = excluded.rev, indexed_at = excluded.indexed_at`,
      ).run(did, row.collection, row.rkey, row.cid, row.rev, new Date().toISOString())
      if (replaces) unlink(db, did, row.collection, row.rkey)
      for (const target of links) {
        db.prepare('INSERT OR IGNORE INTO backlink (did, target, collection, rkey) VALUES (?, ?, ?, ?)').run(
          did,
          target,
          row.collection,
          row.rkey,
        )
      }
    },
    remove: (did, collection, rkey) => {
      db.prepare('DELETE FROM record WHERE did = ? AND collection = ? AND rkey = ?').run(
        did,
        collection,
        rkey,
      )
      unlink(db, did, collection, rkey)
    },
    removeAll: (did) => {
      db.prepare('DELETE FROM record WHERE did = ?').run(did)
      db.prepare('DELETE FROM backlink WHERE did = ?').run(did)
    },
    linking: (did, collection, target) =>
      db
        .prepare('SELECT rkey FROM backlink WHERE did = ? AND target = ? AND collection = ?')
        .all(did, target, collection)
        .map((row) => row['rkey'] as string),
    takedown: (did, collection, rkey, ref) =>
      db
        .prepare('UPDATE record SET takedown_ref = ? WHERE did = ? AND collection = ? AND rkey = ?')
        .run(ref, did, collection, rkey).changes > 0,
    reposWith: (collection, after, limit) =>
      db
        .prepare(
          `SELECT did FROM account WHERE did > ? AND deactivated_at IS NULL AND takedown_ref IS NULL
           AND EXISTS (SELECT 1 FROM record WHERE record.did = account.did AND collection = ?)
           ORDER BY did LIMIT ?`,
        )
        .all(after, collection, limit)
        .map((row) => row['did'] as Did),
  }
}

function unlink(db: Database, did: Did, collection: string, rkey: string): void {
  db.prepare('DELETE FROM backlink WHERE did = ? AND collection = ? AND rkey = ?').run(did, collection, rkey)
}

function toRow(row: Record<string, SQLOutputValue>): RecordRow {
  return {
    collection: row['collection'] as string,
    rkey: row['rkey'] as string,
    cid: row['cid'] as string,
    rev: row['rev'] as string,
    takedownRef: row['takedown_ref'] as string | null,
  }
}
