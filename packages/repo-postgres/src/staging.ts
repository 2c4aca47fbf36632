// Repositories on their way in or out: rows without a DID, whose blocks nobody sees.

import { type CID, CidMap } from '@avocet/data'
import type { PostgresDatabase, Queryable } from '@avocet/postgres'
import type { StoredBlock } from '@avocet/repo'

import { digestOf } from './rows.ts'

const stagedPerTransaction = 1000
const sweptPerTransaction = 2000

/** Takes in the blocks of a repository that is not served yet. */
export async function stage(
  db: PostgresDatabase,
  id: string,
  rev: string,
  blocks: AsyncIterable<StoredBlock>,
): Promise<void> {
  // One statement cannot touch a row twice, so repeated blocks are counted here first.
  let batch = new CidMap<{ bytes: Uint8Array; references: number }>()
  const flush = async (): Promise<void> => {
    const staged = [...batch].map(([cid, { bytes, references }]) => [cid, bytes, references] as const)
    batch = new CidMap<{ bytes: Uint8Array; references: number }>()
    await db.transaction(async (tx) => {
      await addBlocks(tx, id, rev, staged)
      await tx.query('UPDATE repo SET touched = now() WHERE id = $1', [id])
    })
  }
  for await (const { cid, bytes } of blocks) {
    const known = batch.get(cid)
    if (known === undefined) batch.set(cid, { bytes, references: 1 })
    else known.references++
    if (batch.size >= stagedPerTransaction) await flush()
  }
  await flush()
}

async function addBlocks(
  tx: Queryable,
  repo: string,
  rev: string,
  blocks: readonly (readonly [cid: CID, bytes: Uint8Array, references: number])[],
): Promise<void> {
  if (blocks.length === 0) return
  await tx.query(
    `INSERT INTO repo_block (repo, digest, refs, rev, bytes)
     SELECT $1, b.digest, b.refs, $2, b.bytes FROM unnest($3::bytea[], $4::integer[], $5::bytea[]) AS b (digest, refs, bytes)
     ON CONFLICT (repo, digest) DO UPDATE SET refs = repo_block.refs + excluded.refs`,
    [
      repo,
      rev,
      blocks.map(([cid]) => digestOf(cid)),
      blocks.map(([, , n]) => n),
      blocks.map(([, bytes]) => bytes),
    ],
  )
}

/** Makes a repository's row anonymous: its blocks are out of sight at once, and swept later. */
export async function abandon(tx: Queryable, id: string): Promise<void> {
  await tx.query('UPDATE repo SET did = NULL, touched = now() WHERE id = $1', [id])
}

/** Deletes the blocks of an anonymous repository, a bounded number in each transaction. */
export async function sweep(db: PostgresDatabase, id: string): Promise<void> {
  for (;;) {
    const gone = await db.query(
      `DELETE FROM repo_block WHERE repo = $1 AND digest IN
         (SELECT digest FROM repo_block WHERE repo = $1 LIMIT $2) RETURNING 1`,
      [id, sweptPerTransaction],
    )
    if (gone.length < sweptPerTransaction) break
  }
  await db.query('DELETE FROM repo WHERE id = $1 AND did IS NULL', [id])
}

/** Sweeps what nobody touched for an hour. */
export async function sweepAbandoned(db: PostgresDatabase): Promise<void> {
  const rows = await db.query("SELECT id FROM repo WHERE did IS NULL AND touched < now() - interval '1 hour'")
  for (const row of rows) await sweep(db, String(row['id']))
}
