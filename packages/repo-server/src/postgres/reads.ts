import type { Queryable } from '@avocet/postgres'
import type { PostgresRepoStore } from '@avocet/repo-postgres'
import type { Did, Nsid } from '@avocet/syntax'

import type { BlobReads, CommitGround, RecordPlace, RecordReads, RecordRow } from '../store.ts'
import { toBlobRow, toRecordRow } from '../stored-rows.ts'
import { LIVE_SET } from './schema.ts'

const COLUMNS = 'collection, rkey, cid, rev, takedown_ref'

/** The rows of records in `db`. */
export function openRecordReads(db: Queryable): RecordReads {
  const get: RecordReads['get'] = async (did, collection, rkey) => {
    const [row] = await db.query(
      `SELECT ${COLUMNS} FROM record WHERE owner = ${LIVE_SET} AND collection = $2 AND rkey = $3`,
      [did, collection, rkey],
    )
    return row === undefined ? null : toRecordRow(row)
  }
  return {
    get,
    find: get,
    page: async (did, collection, { limit, cursor, reverse = false }) => {
      const [after, order] = reverse ? ['>', 'ASC'] : ['<', 'DESC']
      const rows = await db.query(
        `SELECT rkey, cid FROM record WHERE owner = ${LIVE_SET} AND collection = $2
           AND ($3::text IS NULL OR rkey ${after} $3) AND takedown_ref IS NULL
         ORDER BY rkey ${order} LIMIT $4`,
        [did, collection, cursor ?? null, limit],
      )
      return rows.map((row) => [row['rkey'] as string, row['cid'] as string] as const)
    },
    collections: async (did) => {
      // One index seek per collection, however many records each holds.
      const rows = await db.query(
        `WITH RECURSIVE live AS (SELECT ${LIVE_SET} AS owner), found AS (
           (SELECT collection FROM record WHERE owner = (SELECT owner FROM live) ORDER BY collection LIMIT 1)
           UNION ALL
           SELECT (SELECT r.collection FROM record r WHERE r.owner = (SELECT owner FROM live)
                     AND r.collection > found.collection ORDER BY r.collection LIMIT 1)
           FROM found WHERE found.collection IS NOT NULL)
         SELECT collection FROM found WHERE collection IS NOT NULL`,
        [did],
      )
      return rows.map((row) => row['collection'] as Nsid)
    },
    count: async (did) => {
      const [row] = await db.query(`SELECT count(*) AS n FROM record WHERE owner = ${LIVE_SET}`, [did])
      return Number(row!['n'])
    },
    all: async function* (did, size) {
      let [collection, rkey] = ['', '']
      for (;;) {
        const rows = await db.query(
          `SELECT ${COLUMNS} FROM record WHERE owner = ${LIVE_SET} AND (collection, rkey) > ($2, $3)
           ORDER BY collection, rkey LIMIT $4`,
          [did, collection, rkey, size],
        )
        const page = rows.map(toRecordRow)
        if (page.length > 0) yield page
        if (page.length < size) return
        collection = page.at(-1)!.collection
        rkey = page.at(-1)!.rkey
      }
    },
    linking: async (did, collection, target, limit) => {
      const rows = await db.query(
        `SELECT rkey FROM backlink WHERE owner = ${LIVE_SET} AND target = $2 AND collection = $3 ORDER BY rkey LIMIT $4`,
        [did, target, collection, limit],
      )
      return rows.map((row) => row['rkey'] as string)
    },
    reposWith: async (collection, { after, limit, most }) => {
      const [bound] = await db.query('SELECT did FROM repo WHERE did > $1 ORDER BY did LIMIT 1 OFFSET $2', [
        after,
        most - 1,
      ])
      const end = (bound?.['did'] ?? null) as Did | null
      // Asked of one repository after the other, whatever the planner thinks of the collection.
      const rows = await db.query(
        `SELECT did FROM repo WHERE did > $1 AND status = 'active' AND ($4::text IS NULL OR did <= $4)
           AND (SELECT true FROM record_set JOIN record ON owner = record_set.id
             WHERE record_set.did = repo.did AND state = 'live' AND collection = $2 LIMIT 1)
         ORDER BY did LIMIT $3`,
        [after, collection, limit, end],
      )
      const dids = rows.map((row) => row['did'] as Did)
      return { dids, next: dids.length === limit ? dids.at(-1)! : end }
    },
  }
}

/** What a commit is built on, in one round trip. */
export async function readGround(
  db: Queryable,
  repos: PostgresRepoStore,
  did: Did,
  places: readonly RecordPlace[],
): Promise<CommitGround | null> {
  const rows = await db.query('SELECT * FROM repo_server_ground_1($1, $2, $3)', [
    did,
    places.map(({ collection }) => collection),
    places.map(({ rkey }) => rkey),
  ])
  const [first] = rows
  if (first === undefined) return null
  const records = new Map<string, RecordRow>()
  for (const row of rows.slice(1)) {
    const record = toRecordRow({ ...row, rev: row['record_rev'] })
    records.set(`${record.collection}/${record.rkey}`, record)
  }
  return {
    repo: repos.viewOf(first),
    get: (collection, rkey) => records.get(`${collection}/${rkey}`) ?? null,
  }
}

/** The rows of blobs in `db`. */
export function openBlobReads(db: Queryable): BlobReads {
  return {
    get: async (did, cid) => {
      const [row] = await db.query('SELECT * FROM blob WHERE did = $1 AND cid = $2', [did, cid])
      return row === undefined ? null : toBlobRow(row)
    },
    page: async (did, { since, after, limit }) => {
      const rows = await db.query(
        `SELECT DISTINCT cid FROM record_blob WHERE owner = ${LIVE_SET} AND cid > $2 AND rev > $3
           AND EXISTS (SELECT 1 FROM blob WHERE blob.did = $1 AND blob.cid = record_blob.cid AND takedown_ref IS NULL)
         ORDER BY cid LIMIT $4`,
        [did, after, since ?? '', limit],
      )
      return rows.map((row) => row['cid'] as string)
    },
    missing: async (did, after, limit) => {
      const rows = await db.query(
        `SELECT cid, min(collection || '/' || rkey) AS path FROM record_blob WHERE owner = ${LIVE_SET} AND cid > $2
           AND NOT EXISTS (SELECT 1 FROM blob WHERE blob.did = $1 AND blob.cid = record_blob.cid)
         GROUP BY cid ORDER BY cid LIMIT $3`,
        [did, after, limit],
      )
      return rows.map((row) => ({
        cid: row['cid'] as string,
        recordUri: `at://${did}/${row['path'] as string}` as const,
      }))
    },
    counts: async (did) => {
      const [row] = await db.query(
        `SELECT (SELECT count(DISTINCT cid) FROM record_blob WHERE owner = ${LIVE_SET}) AS expected,
           (SELECT count(*) FROM blob WHERE did = $1 AND permanent > 0) AS imported`,
        [did],
      )
      return { expected: Number(row!['expected']), imported: Number(row!['imported']) }
    },
    bytes: async (did) => {
      const [row] = await db.query('SELECT coalesce(sum(size), 0) AS n FROM blob WHERE did = $1', [did])
      return Number(row!['n'])
    },
    among: async (did, cids) => {
      const rows = await db.query('SELECT cid FROM blob WHERE did = $1 AND cid = ANY ($2::text[])', [
        did,
        cids,
      ])
      return new Set(rows.map((row) => row['cid'] as string))
    },
  }
}
