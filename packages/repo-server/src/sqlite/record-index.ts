import type { Database } from '@avocet/sqlite'
import type { Did, Nsid } from '@avocet/syntax'
import type { StatementSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'

import type { PageOptions, RecordReads, RecordRow, RepoPage, RepoPageOptions } from '../store.ts'
import { toRecordRow } from '../stored-rows.ts'
import { LIVE_SET, type RecordSets } from './record-sets.ts'

/** The rows of records, on the spot. Methods that write run in the caller's transaction. */
export interface RecordIndex extends RecordReads {
  get(did: Did, collection: string, rkey: string): RecordRow | null
  find(did: Did, collection: string, rkey: string): Pick<RecordRow, 'cid' | 'takedownRef'> | null
  page(did: Did, collection: string, options: PageOptions): [rkey: string, cid: string][]
  collections(did: Did): Nsid[]
  linking(did: Did, collection: string, target: string, limit: number): string[]
  reposWith(collection: string, options: RepoPageOptions): RepoPage
  /** @param links what it points at; @param replaces whether there may be a row, whose links go */
  put(did: Did, row: Omit<RecordRow, 'takedownRef'>, links: readonly string[], replaces: boolean): void
  remove(did: Did, collection: string, rkey: string): void
  takedown(did: Did, collection: string, rkey: string, ref: string | null): boolean
}

/** Rows counted before others get their turn. */
const COUNTED_AT_ONCE = 10_000

const COLUMNS = 'collection, rkey, cid, rev, takedown_ref'
const ONE = `FROM record WHERE owner = ${LIVE_SET} AND collection = ? AND rkey = ?`
// Put together once: they are looked up by their text in every write and every read of a record.
const GET = `SELECT ${COLUMNS} ${ONE}`
const FIND = `SELECT cid, takedown_ref ${ONE}`

/** The record rows in `db`, which must carry `RECORD_MIGRATIONS`. */
export function openRecordIndex(db: Database, sets: RecordSets): RecordIndex {
  return {
    get: (did, collection, rkey) => {
      const row = db.prepare(GET).get(did, collection, rkey)
      return row === undefined ? null : toRecordRow(row)
    },
    find: (did, collection, rkey) => {
      const row = db.prepare(FIND).get(did, collection, rkey)
      if (row === undefined) return null
      return { cid: row['cid'] as string, takedownRef: row['takedown_ref'] as string | null }
    },
    page: (did, collection, { limit, cursor, reverse = false }) => {
      const [after, order] = reverse ? ['>', 'ASC'] : ['<', 'DESC']
      const bound = cursor === undefined ? '' : `AND rkey ${after} ?`
      const select = db.prepare(
        `SELECT rkey, cid FROM record WHERE owner = ${LIVE_SET} AND collection = ? ${bound} AND takedown_ref IS NULL
         ORDER BY rkey ${order} LIMIT ?`,
      )
      // A page has many rows: an array each is half the work of an object each.
      select.setReturnArrays(true)
      const rows: unknown =
        cursor === undefined ? select.all(did, collection, limit) : select.all(did, collection, cursor, limit)
      return rows as [string, string][]
    },
    collections: (did) => {
      // One index seek per collection, however many records each holds.
      const next = db.prepare(
        `SELECT collection FROM record WHERE owner = ${LIVE_SET} AND collection > ? ORDER BY collection LIMIT 1`,
      )
      const found: Nsid[] = []
      for (let row = next.get(did, ''); row !== undefined; row = next.get(did, found.at(-1)!)) {
        found.push(row['collection'] as Nsid)
      }
      return found
    },
    count: async (did) => {
      const owner = sets.live(did)
      if (owner === null) return 0
      // A step at a time: counting a million rows in one go would hold everybody else up.
      const step = db.prepare(
        `SELECT collection, rkey FROM record WHERE owner = ? AND (collection, rkey) > (?, ?)
         ORDER BY collection, rkey LIMIT 1 OFFSET ${COUNTED_AT_ONCE - 1}`,
      )
      const rest = db.prepare(
        'SELECT count(*) AS n FROM record WHERE owner = ? AND (collection, rkey) > (?, ?)',
      )
      let count = 0
      let [collection, rkey] = ['', '']
      for (;;) {
        const row = step.get(owner, collection, rkey)
        if (row === undefined) return count + Number(rest.get(owner, collection, rkey)!['n'])
        count += COUNTED_AT_ONCE
        collection = row['collection'] as string
        rkey = row['rkey'] as string
        await setImmediate()
      }
    },
    all: async function* (did, size) {
      let [collection, rkey] = ['', '']
      for (;;) {
        const rows = db
          .prepare(
            `SELECT ${COLUMNS} FROM record WHERE owner = ${LIVE_SET} AND (collection, rkey) > (?, ?)
             ORDER BY collection, rkey LIMIT ?`,
          )
          .all(did, collection, rkey, size)
          .map(toRecordRow)
        if (rows.length > 0) yield rows
        if (rows.length < size) return
        collection = rows.at(-1)!.collection
        rkey = rows.at(-1)!.rkey
      }
    },
    put: (did, row, links, replaces) => {
      putRow(db, sets.ensure(did), row, links, replaces)
    },
    remove: (did, collection, rkey) => {
      const owner = sets.live(did)
      if (owner === null) return
      db.prepare('DELETE FROM record WHERE owner = ? AND collection = ? AND rkey = ?').run(
        owner,
        collection,
        rkey,
      )
      unlink(db, owner, collection, rkey)
    },
    linking: (did, collection, target, limit) =>
      db
        .prepare(
          `SELECT rkey FROM backlink WHERE owner = ${LIVE_SET} AND target = ? AND collection = ? ORDER BY rkey LIMIT ?`,
        )
        .all(did, target, collection, limit)
        .map((row) => row['rkey'] as string),
    takedown: (did, collection, rkey, ref) =>
      db
        .prepare(
          `UPDATE record SET takedown_ref = ? WHERE owner = ${LIVE_SET} AND collection = ? AND rkey = ?`,
        )
        .run(ref, did, collection, rkey).changes > 0,
    reposWith: (collection, { after, limit, most }) => {
      const bound = db
        .prepare('SELECT did FROM repo WHERE did > ? ORDER BY did LIMIT 1 OFFSET ?')
        .get(after, most - 1)
      const end = (bound?.['did'] ?? null) as Did | null
      const dids = db
        .prepare(
          `SELECT did FROM repo WHERE did > ? AND status = 'active' AND did <= ?
           AND EXISTS (SELECT 1 FROM record_set JOIN record ON owner = record_set.id
             WHERE record_set.did = repo.did AND state = 'live' AND collection = ?)
           ORDER BY did LIMIT ?`,
        )
        // Above every DID, all of which begin with `d`.
        .all(after, end ?? '~', collection, limit)
        .map((row) => row['did'] as Did)
      return { dids, next: dids.length === limit ? dids.at(-1)! : end }
    },
  }
}

/** Adds the row of a record that is not there: owner, collection, rkey, cid, rev, time. */
export function insertRow(db: Database): StatementSync {
  return db.prepare(
    'INSERT INTO record (owner, collection, rkey, cid, rev, indexed_at) VALUES (?, ?, ?, ?, ?, ?)',
  )
}

/** Adds what a record links to: owner, target, collection, rkey. */
export function addLink(db: Database): StatementSync {
  return db.prepare('INSERT OR IGNORE INTO backlink (owner, target, collection, rkey) VALUES (?, ?, ?, ?)')
}

/** Writes the row of a record and what it links to, into a set. */
function putRow(
  db: Database,
  owner: number,
  { collection, rkey, cid, rev }: Omit<RecordRow, 'takedownRef'>,
  links: readonly string[],
  replaces: boolean,
): void {
  const now = new Date().toISOString()
  if (replaces) {
    db.prepare(
      `INSERT INTO record (owner, collection, rkey, cid, rev, indexed_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (owner, collection, rkey)
       DO UPDATE SET cid = excluded.cid, rev = excluded.rev, indexed_at = excluded.indexed_at`,
    ).run(owner, collection, rkey, cid, rev, now)
    unlink(db, owner, collection, rkey)
  } else insertRow(db).run(owner, collection, rkey, cid, rev, now)
  for (const target of links) addLink(db).run(owner, target, collection, rkey)
}

function unlink(db: Database, owner: number, collection: string, rkey: string): void {
  db.prepare('DELETE FROM backlink WHERE owner = ? AND collection = ? AND rkey = ?').run(
    owner,
    collection,
    rkey,
  )
}
