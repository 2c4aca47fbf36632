import { type BlockMap, type CID, cidFromBytes, cidFromDigest, CidMap } from '@avocet/data'
import type { Queryable, Row } from '@avocet/postgres'
import type { RepoHead, RepoStatus, StoredHead } from '@avocet/repo'

/** A repository's row. */
export interface StoredRow {
  readonly id: string
  readonly head: StoredHead
}

const columns = 'id, did, rev, data, head, status'

/** Writers of one repository take turns, in whichever process they are; those of others do not wait. */
export async function lockRepo(tx: Queryable, did: string): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 7))', [did])
}

export async function findRepo(target: Queryable, did: string): Promise<StoredRow | null> {
  const [row] = await target.query(`SELECT ${columns} FROM repo WHERE did = $1`, [did])
  return row === undefined ? null : { id: String(row['id']), head: toHead(row) }
}

export async function listHeads(
  target: Queryable,
  after: string | null,
  limit: number,
): Promise<StoredHead[]> {
  const sql = `SELECT ${columns} FROM repo WHERE did > $1 ORDER BY did LIMIT $2`
  return (await target.query(sql, [after ?? '', limit])).map((row) => toHead(row))
}

export async function addRepo(
  target: Queryable,
  did: string | null,
  head: RepoHead,
  status: RepoStatus,
): Promise<string> {
  const [row] = await target.query(
    'INSERT INTO repo (did, rev, data, head, status) VALUES ($1, $2, $3, $4, $5) RETURNING id',
    [did, head.rev, head.data.bytes, head.commit.bytes, status],
  )
  return String(row?.['id'])
}

/** Blocks of the repository that `repo`, SQL for its id over `$1`, stands for. */
export async function readBlocks(
  target: Queryable,
  repo: '$1' | '(SELECT id FROM repo WHERE did = $1)',
  key: string,
  cids: readonly CID[],
  since?: string,
): Promise<BlockMap> {
  const found: BlockMap = new CidMap<Uint8Array>()
  const wanted = cids.filter((cid) => cid.code === 0x71)
  if (wanted.length === 0) return found
  const rows = await target.query(
    `SELECT digest, bytes FROM repo_block WHERE repo = ${repo} AND digest = ANY ($2::bytea[]) AND rev > $3`,
    [key, wanted.map((cid) => digestOf(cid)), since ?? ''],
  )
  for (const row of rows)
    found.set(cidFromDigest('dag-cbor', row['digest'] as Uint8Array), row['bytes'] as Uint8Array)
  return found
}

export function digestOf(cid: CID): Uint8Array {
  return cid.bytes.subarray(4)
}

/** A head from columns of `repo`. */
export function toHead(row: Row): StoredHead {
  return {
    did: row['did'] as StoredHead['did'],
    rev: row['rev'] as string,
    data: cidFromBytes(row['data'] as Uint8Array),
    commit: cidFromBytes(row['head'] as Uint8Array),
    status: row['status'] as RepoStatus,
  }
}
