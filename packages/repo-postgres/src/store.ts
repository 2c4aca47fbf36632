import { type BlockMap, type CID, cidEquals, cidFromBytes, cidFromDigest, CidMap } from '@avocet/data'
import type { PostgresDatabase, Queryable, Row, Transaction } from '@avocet/postgres'
import { migrate } from '@avocet/postgres'
import {
  assertActive,
  assertSuccessor,
  headMoved,
  InactiveRepo,
  RepoError,
  type Alongside,
  type CommitData,
  type RepoDirectory,
  type RepoHead,
  type RepoStatus,
  type RepoStore,
  type StoredBlock,
  type StoredHead,
} from '@avocet/repo'
import type { OpenRepos } from './open-repos.ts'
import { migrations } from './schema.ts'

/** A {@link RepoStore} on Postgres: `alongside` gets the transaction and is awaited. */
export interface PostgresRepoStore extends RepoStore<Transaction>, RepoDirectory<Transaction> {
  /** The same for work that joins a transaction which is open. Writers of one repository take turns in it, also across processes. */
  open(tx: Transaction): OpenRepos
  /** Resolves when nothing is left of repositories that were removed through `open`. Nobody needs to wait for it. */
  swept(): Promise<void>
  /** How many blocks a repository has. Zero for an unknown one. */
  countBlocks(did: string): Promise<number>
  /** How many blocks a repository has, and their bytes. Zero for an unknown one. */
  size(did: string): Promise<{ readonly blocks: number; readonly bytes: number }>
}

interface StoredRow {
  readonly id: string
  readonly head: StoredHead
}

const stagedPerTransaction = 1000
const sweptPerTransaction = 2000
const columns = 'id, did, rev, data, head, status'

/**
 * Opens the repository tables on a database, making them if need be. Imports and deletions that broke off more than an
 * hour ago, in whichever process, are swept now.
 */
export async function openRepoStore(db: PostgresDatabase): Promise<PostgresRepoStore> {
  await migrate(db, 'repo', migrations)
  await sweepAbandoned(db)

  const replace = async (
    head: RepoHead,
    blocks: AsyncIterable<StoredBlock>,
    alongside?: Alongside<Transaction>,
  ): Promise<void> => {
    const before = await find(db, head.did)
    if (before?.head.status === 'deleted') assertActive(before.head)
    const id = await addRepo(db, null, head, 'active')
    try {
      await stage(db, id, head.rev, blocks)
      await db.transaction(async (tx) => {
        await lockRepo(tx, head.did)
        const now = await find(tx, head.did)
        const moved =
          now === null || before === null ? now !== before : !cidEquals(now.head.commit, before.head.commit)
        if (moved) throw headMoved(head)
        if (now !== null) await abandon(tx, now.id)
        const done = await tx.query(
          'UPDATE repo SET did = $1, status = $2 WHERE id = $3 AND did IS NULL RETURNING id',
          [head.did, now?.head.status ?? 'active', id],
        )
        if (done.length !== 1) throw headMoved(head)
        await alongside?.(tx)
      })
    } catch (error) {
      await sweep(db, id)
      throw error
    }
    if (before !== null) await sweep(db, before.id)
  }

  const sweeping = new Set<Promise<void>>()
  const swept = async (): Promise<void> => {
    await Promise.all(sweeping)
  }
  /** Takes the blocks of a repository away for good, once the transaction is durable. What fails, a later open does. */
  const drop = async (tx: Transaction, id: string): Promise<void> => {
    await abandon(tx, id)
    tx.afterCommit(() => {
      const done = sweep(db, id)
        .catch(() => {})
        .finally(() => sweeping.delete(done))
      sweeping.add(done)
    })
  }

  const open = (tx: Transaction): OpenRepos => ({
    getHead: async (did) => (await find(tx, did))?.head ?? null,
    apply: async (commit, onlyWhile = ['active']) => {
      await lockRepo(tx, commit.did)
      const row = await find(tx, commit.did)
      if (row !== null && !onlyWhile.includes(row.head.status)) {
        throw new InactiveRepo(commit.did, row.head.status)
      }
      assertSuccessor(commit, row?.head ?? null)
      const id = row?.id ?? (await addRepo(tx, commit.did, commit, 'active'))
      await applyBlocks(tx, id, commit)
      if (row === null) return
      await tx.query('UPDATE repo SET rev = $1, data = $2, head = $3 WHERE id = $4', [
        commit.rev,
        commit.data.bytes,
        commit.commit.bytes,
        id,
      ])
    },
    setStatus: async (did, status) => {
      await lockRepo(tx, did)
      const row = await find(tx, did)
      if (row === null) throw new RepoError('repo-not-found', `no such repository; did=${did}`)
      if (row.head.status === 'deleted') assertActive(row.head)
      if (status === 'deleted') {
        await drop(tx, row.id)
        await addRepo(tx, did, row.head, status)
      } else {
        await tx.query('UPDATE repo SET status = $1 WHERE id = $2', [status, row.id])
      }
    },
    remove: async (did) => {
      await lockRepo(tx, did)
      const row = await find(tx, did)
      if (row !== null) await drop(tx, row.id)
    },
  })

  return {
    getHead: async (did) => (await find(db, did))?.head ?? null,
    getBlocks: (did, cids, since) => readBlocks(db, did, cids, since),
    async snapshot(did) {
      const view = await db.snapshot()
      const row = await find(view, did)
      if (row === null) {
        await view[Symbol.asyncDispose]()
        return null
      }
      return {
        head: row.head,
        getBlocks: (_did, cids, since) => readBlocks(view, did, cids, since),
        [Symbol.asyncDispose]: () => view[Symbol.asyncDispose](),
      }
    },
    apply: (commit, alongside) =>
      db.transaction(async (tx) => {
        await open(tx).apply(commit)
        await alongside?.(tx)
      }),
    replace,
    async listHeads(after, limit) {
      const rows = await db.query(`SELECT ${columns} FROM repo WHERE did > $1 ORDER BY did LIMIT $2`, [
        after ?? '',
        limit,
      ])
      return rows.map((row) => toHead(row))
    },
    async setStatus(did, status, alongside) {
      await db.transaction(async (tx) => {
        await open(tx).setStatus(did, status)
        await alongside?.(tx)
      })
      await swept()
    },
    async remove(did, alongside) {
      await db.transaction(async (tx) => {
        await open(tx).remove(did)
        await alongside?.(tx)
      })
      await swept()
    },
    open,
    swept,
    async countBlocks(did) {
      const [row] = await db.query(
        'SELECT count(*) AS n FROM repo_block WHERE repo = (SELECT id FROM repo WHERE did = $1)',
        [did],
      )
      return Number(row!['n'])
    },
    async size(did) {
      const [row] = await db.query(
        `SELECT count(*) AS blocks, coalesce(sum(length(bytes)), 0) AS bytes FROM repo_block
         WHERE repo = (SELECT id FROM repo WHERE did = $1)`,
        [did],
      )
      return { blocks: Number(row?.['blocks']), bytes: Number(row?.['bytes']) }
    },
  }
}

/** Writers of one repository take turns, in whichever process they are; those of others do not wait. */
async function lockRepo(tx: Queryable, did: string): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 7))', [did])
}

async function find(target: Queryable, did: string): Promise<StoredRow | null> {
  const [row] = await target.query(`SELECT ${columns} FROM repo WHERE did = $1`, [did])
  return row === undefined ? null : { id: String(row['id']), head: toHead(row) }
}

async function addRepo(
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

async function readBlocks(
  target: Queryable,
  did: string,
  cids: readonly CID[],
  since?: string,
): Promise<BlockMap> {
  const found: BlockMap = new CidMap<Uint8Array>()
  const wanted = cids.filter((cid) => cid.code === 0x71)
  if (wanted.length === 0) return found
  const rows = await target.query(
    `SELECT digest, bytes FROM repo_block WHERE repo = (SELECT id FROM repo WHERE did = $1)
     AND digest = ANY ($2::bytea[]) AND rev > $3`,
    [did, wanted.map((cid) => digestOf(cid)), since ?? ''],
  )
  for (const row of rows)
    found.set(cidFromDigest('dag-cbor', row['digest'] as Uint8Array), row['bytes'] as Uint8Array)
  return found
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

async function applyBlocks(tx: Queryable, repo: string, commit: CommitData): Promise<void> {
  const added: [CID, Uint8Array, number][] = []
  const dropped: CID[] = []
  const counts: number[] = []
  for (const [cid, change] of commit.references) {
    if (change > 0) added.push([cid, commit.newBlocks.get(cid)!, change])
    if (change < 0) {
      dropped.push(cid)
      counts.push(-change)
    }
  }
  await addBlocks(tx, repo, commit.rev, added)
  if (dropped.length === 0) return
  const digests = dropped.map((cid) => digestOf(cid))
  const gone = await tx.query(
    `DELETE FROM repo_block USING unnest($2::bytea[], $3::integer[]) AS d (digest, refs)
     WHERE repo_block.repo = $1 AND repo_block.digest = d.digest AND repo_block.refs <= d.refs RETURNING 1`,
    [repo, digests, counts],
  )
  if (gone.length === dropped.length) return
  await tx.query(
    `UPDATE repo_block SET refs = repo_block.refs - d.refs FROM unnest($2::bytea[], $3::integer[]) AS d (digest, refs)
     WHERE repo_block.repo = $1 AND repo_block.digest = d.digest`,
    [repo, digests, counts],
  )
}

async function stage(
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

/** Makes a repository's row anonymous: its blocks are out of sight at once, and swept later. */
async function abandon(tx: Queryable, id: string): Promise<void> {
  await tx.query('UPDATE repo SET did = NULL, touched = now() WHERE id = $1', [id])
}

/** Deletes the blocks of an anonymous repository, a bounded number in each transaction. */
async function sweep(db: PostgresDatabase, id: string): Promise<void> {
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

async function sweepAbandoned(db: PostgresDatabase): Promise<void> {
  const rows = await db.query("SELECT id FROM repo WHERE did IS NULL AND touched < now() - interval '1 hour'")
  for (const row of rows) await sweep(db, String(row['id']))
}

function toHead(row: Row): StoredHead {
  return {
    did: row['did'] as StoredHead['did'],
    rev: row['rev'] as string,
    data: cidFromBytes(row['data'] as Uint8Array),
    commit: cidFromBytes(row['head'] as Uint8Array),
    status: row['status'] as RepoStatus,
  }
}

function digestOf(cid: CID): Uint8Array {
  return cid.bytes.subarray(4)
}
