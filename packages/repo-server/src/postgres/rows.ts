import type { Queryable } from '@avocet/postgres'
import type { Did, Tid } from '@avocet/syntax'

import type { BlobClaim } from '../change.ts'

/** Changes to one account take turns, in whichever process they are made; the lock is that of its repository. */
export async function lockAccount(tx: Queryable, did: Did): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 7))', [did])
}

const columns = (rows: readonly { collection: string; rkey: string }[]): [string[], string[]] => [
  rows.map(({ collection }) => collection),
  rows.map(({ rkey }) => rkey),
]

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
