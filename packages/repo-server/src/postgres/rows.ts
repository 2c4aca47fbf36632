import type { Queryable } from '@avocet/postgres'
import type { Did, Tid } from '@avocet/syntax'

import type { BlobClaim, RecordChange } from '../change.ts'
import { LIVE_SET } from './schema.ts'

/** Changes to one account take turns, in whichever process they are made; the lock is that of its repository. */
export async function lockAccount(tx: Queryable, did: Did): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 7))', [did])
}

/** The set that is served, made if there is none. The caller holds the lock. */
async function ensureSet(tx: Queryable, did: Did): Promise<string> {
  const [row] = await tx.query(`SELECT ${LIVE_SET} AS id`, [did])
  const id = row!['id'] as string | null
  if (id !== null) return id
  const [made] = await tx.query("INSERT INTO record_set (did, state) VALUES ($1, 'live') RETURNING id", [did])
  return String(made!['id'])
}

/** What a commit changes in the rows of records; returns the CIDs of blobs that its records no longer refer to. */
export async function writeRecords(
  tx: Queryable,
  did: Did,
  rev: Tid,
  changes: readonly RecordChange[],
): Promise<string[]> {
  const owner = await ensureSet(tx, did)
  const former = changes.filter(({ replaces }) => replaces)
  const dropped = former.length === 0 ? [] : await forget(tx, owner, former)
  const put = changes.filter(({ cid }) => cid !== null)
  if (put.length > 0) {
    await tx.query(
      `INSERT INTO record (owner, collection, rkey, cid, rev)
       SELECT $1, r.collection, r.rkey, r.cid, $2 FROM unnest($3::text[], $4::text[], $5::text[]) AS r (collection, rkey, cid)
       ON CONFLICT (owner, collection, rkey)
       DO UPDATE SET cid = excluded.cid, rev = excluded.rev, indexed_at = excluded.indexed_at`,
      [owner, rev, ...columns(put), put.map(({ cid }) => cid)],
    )
    await addLinks(tx, owner, put)
    await addReferences(tx, did, owner, rev, put)
  }
  return dropped
}

const columns = (rows: readonly { collection: string; rkey: string }[]): [string[], string[]] => [
  rows.map(({ collection }) => collection),
  rows.map(({ rkey }) => rkey),
]

/** Removes the links of records, references they have no longer, and the rows of those that go. */
async function forget(tx: Queryable, owner: string, former: readonly RecordChange[]): Promise<string[]> {
  const paths = columns(former)
  const isOne = `owner = $1 AND (collection, rkey) IN (SELECT * FROM unnest($2::text[], $3::text[]))`
  await tx.query(`DELETE FROM backlink WHERE ${isOne}`, [owner, ...paths])
  const kept = former.flatMap(({ collection, rkey, blobs }) =>
    blobs.map((cid) => ({ collection, rkey, cid })),
  )
  const rows = await tx.query(
    `DELETE FROM record_blob WHERE ${isOne}
       AND (collection, rkey, cid) NOT IN (SELECT * FROM unnest($4::text[], $5::text[], $6::text[])) RETURNING cid`,
    [owner, ...paths, ...columns(kept), kept.map(({ cid }) => cid)],
  )
  const gone = former.filter(({ cid }) => cid === null)
  if (gone.length > 0) await tx.query(`DELETE FROM record WHERE ${isOne}`, [owner, ...columns(gone)])
  return rows.map((row) => row['cid'] as string)
}

/** Notes what records link to. */
export async function addLinks(
  tx: Queryable,
  owner: string,
  records: readonly { collection: string; rkey: string; links: readonly string[] }[],
): Promise<void> {
  const links = records.flatMap(({ collection, rkey, links: targets }) =>
    targets.map((target) => ({ collection, rkey, target })),
  )
  if (links.length === 0) return
  await tx.query(
    `INSERT INTO backlink (owner, collection, rkey, target)
     SELECT $1, l.* FROM unnest($2::text[], $3::text[], $4::text[]) AS l ON CONFLICT DO NOTHING`,
    [owner, ...columns(links), links.map(({ target }) => target)],
  )
}

/** Notes that records refer to blobs; those that are here stay. */
export async function addReferences(
  tx: Queryable,
  did: Did,
  owner: string,
  rev: Tid,
  records: readonly { collection: string; rkey: string; blobs: Iterable<string>; rev?: Tid }[],
): Promise<void> {
  const refs = records.flatMap(({ collection, rkey, blobs, rev: own = rev }) =>
    [...blobs].map((cid) => ({ collection, rkey, cid, rev: own })),
  )
  if (refs.length === 0) return
  const cids = refs.map(({ cid }) => cid)
  await tx.query(
    `INSERT INTO record_blob (owner, collection, rkey, cid, rev)
     SELECT $1, r.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS r ON CONFLICT DO NOTHING`,
    [owner, ...columns(refs), cids, refs.map(({ rev: own }) => own)],
  )
  await tx.query(
    'UPDATE blob SET permanent = 1 WHERE did = $1 AND cid = ANY ($2::text[]) AND permanent <> 1',
    [did, cids],
  )
}

/** Forgets those of some blobs that no record refers to, and returns them. One that was uploaded again since stays as an upload. */
export async function releaseBlobs(tx: Queryable, did: Did, cids: readonly string[]): Promise<string[]> {
  if (cids.length === 0) return []
  const unused = `did = $1 AND cid = ANY ($2::text[]) AND takedown_ref IS NULL
    AND NOT EXISTS (SELECT 1 FROM record_blob r WHERE r.owner = ${LIVE_SET} AND r.cid = blob.cid)`
  const waiting = await tx.query(
    `UPDATE blob SET permanent = 0 WHERE ${unused} AND permanent = 2 RETURNING cid`,
    [did, cids],
  )
  const left = cids.filter((cid) => !waiting.some((row) => row['cid'] === cid))
  const gone = await tx.query(`DELETE FROM blob WHERE ${unused} RETURNING cid`, [did, left])
  return gone.map((row) => row['cid'] as string)
}

/** Notes an upload. */
export async function addBlob(tx: Queryable, did: Did, blob: BlobClaim, now: number): Promise<void> {
  await tx.query(
    `INSERT INTO blob (did, cid, mime_type, size, created_at, permanent)
     VALUES ($1, $2, $3, $4, $5, CASE WHEN EXISTS (SELECT 1 FROM record_set JOIN record_blob r ON r.owner = id
         WHERE record_set.did = $1 AND state <> 'dropped' AND r.cid = $2) THEN 1 ELSE 0 END)
     ON CONFLICT (did, cid) DO UPDATE SET created_at = excluded.created_at,
       permanent = CASE blob.permanent WHEN 0 THEN 0 ELSE 2 END,
       mime_type = CASE WHEN blob.permanent > 0 OR blob.takedown_ref IS NOT NULL THEN blob.mime_type
         ELSE excluded.mime_type END`,
    [did, blob.cid, blob.mimeType, blob.size, now],
  )
}
