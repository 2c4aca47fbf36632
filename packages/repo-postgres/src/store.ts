import { type BlockMap, type CID, cidEquals, CidMap } from '@avocet/data'
import type { PostgresDatabase, Queryable, Row, SchemaPart, Transaction } from '@avocet/postgres'
import { migrate } from '@avocet/postgres'
import {
  assertActive,
  createBlockCache,
  createRecentHeads,
  headMoved,
  InactiveRepo,
  RepoError,
  type Alongside,
  type CommitData,
  type RepoDirectory,
  type RepoHead,
  type RepoSnapshot,
  type RepoStatus,
  type RepoStore,
  type StoredBlock,
  type StoredHead,
} from '@avocet/repo'
import { COMMIT_VALUES, commitValues, type CommitToApply } from './commit.ts'
import type { OpenRepos } from './open-repos.ts'
import { addRepo, findRepo, listHeads, lockRepo, readBlocks, toHead } from './rows.ts'
import { migrations } from './schema.ts'
import { abandon, stage, sweep, sweepAbandoned } from './staging.ts'

/** Options of {@link openRepoStore}. */
export interface RepoStoreOptions {
  /** Bytes of blocks kept in memory for the next commit. Default 16 MiB. */
  readonly cacheSize?: number
  /** Nothing is made, upgraded or swept: the tables must be there, in the newest version. */
  readonly readOnly?: boolean
}

/** The tables, and their newest version. */
export const REPO_SCHEMA: SchemaPart = { name: 'repo', version: migrations.length }

/** A {@link RepoStore} on Postgres: `alongside` gets the transaction and is awaited. */
export interface PostgresRepoStore extends RepoStore<Transaction>, RepoDirectory<Transaction> {
  /**
   * A view of the head in a row of the table `repo`, without a transaction: for building a commit, which is checked against the
   * head when it is applied. Blocks may be missing once another commit has landed.
   */
  viewOf(row: Row): RepoSnapshot
  /** The same for work that joins a transaction which is open. Writers of one repository take turns in it, also across processes. */
  open(tx: Transaction): OpenRepos
  /** A repository in a snapshot of the database, for who reads more than the repository. Disposing of it leaves `view` open. */
  snapshotIn(view: Queryable, did: string): Promise<RepoSnapshot | null>
  /** For a statement that applies commits beside other things: the values of `repo_apply_2` of the schema after its first. */
  commitValues(commits: readonly CommitToApply[]): unknown[]
  /** Keeps the blocks of a commit that such a statement applied, and its head, once it is durable. @param id of the repository, as it answered */
  remember(commit: CommitData, id: string): void
  /** What `remember` kept of a head is not the newest any more. */
  forget(did: string): void
  /**
   * A view, without asking the server, of the head that this process applied last; null unless the commit before was its own, too: then
   * the next one will be most likely. Another process may have moved the head since: as `viewOf`.
   */
  recent(did: string): RepoSnapshot | null
  /** Resolves when nothing is left of repositories that were removed through `open`. Nobody needs to wait for it. */
  swept(): Promise<void>
  /** How many blocks a repository has. Zero for an unknown one. */
  countBlocks(did: string): Promise<number>
  /** How many blocks a repository has, and their bytes. Zero for an unknown one. */
  size(did: string): Promise<{ readonly blocks: number; readonly bytes: number }>
}

const BY_DID = '(SELECT id FROM repo WHERE did = $1)'
const PLACES = Array.from({ length: COMMIT_VALUES }, (_, i) => `$${i + 1}`).join(', ')

/**
 * Opens the repository tables on a database, making them if need be. Imports and deletions that broke off more than an
 * hour ago, in whichever process, are swept now.
 */
export async function openRepoStore(
  db: PostgresDatabase,
  options: RepoStoreOptions = {},
): Promise<PostgresRepoStore> {
  if (options.readOnly !== true) {
    await migrate(db, REPO_SCHEMA.name, migrations)
    await sweepAbandoned(db)
  }
  const cache = createBlockCache(options.cacheSize ?? 16 * 1024 * 1024)

  const heads = createRecentHeads<string>()
  const remember = (commit: CommitData, id: string): void => {
    heads.remember(commit, id)
    const repo = Number(id)
    for (const cid of commit.removedCids) cache.delete(repo, cid)
    for (const [cid, bytes] of commit.newBlocks) cache.set(repo, cid, bytes)
  }
  const readRemembered = async (id: string, cids: readonly CID[], since?: string): Promise<BlockMap> => {
    if (since !== undefined) return readBlocks(db, '$1', id, cids, since)
    const repo = Number(id)
    const found: BlockMap = new CidMap<Uint8Array>()
    const unknown: CID[] = []
    for (const cid of cids) {
      const bytes = cache.get(repo, cid)
      if (bytes === undefined) unknown.push(cid)
      else found.set(cid, bytes)
    }
    for (const [cid, bytes] of await readBlocks(db, '$1', id, unknown)) {
      found.set(cid, bytes)
      cache.set(repo, cid, bytes)
    }
    return found
  }

  const replace = async (
    head: RepoHead,
    blocks: AsyncIterable<StoredBlock>,
    alongside?: Alongside<Transaction>,
  ): Promise<void> => {
    const before = await findRepo(db, head.did)
    if (before?.head.status === 'deleted') assertActive(before.head)
    const id = await addRepo(db, null, head, 'active')
    try {
      await stage(db, id, head.rev, blocks)
      await db.transaction(async (tx) => {
        await lockRepo(tx, head.did)
        const now = await findRepo(tx, head.did)
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
    getHead: async (did) => (await findRepo(tx, did))?.head ?? null,
    apply: async (commit, onlyWhile) => {
      const id = await applyCommit(tx, commit, onlyWhile)
      tx.afterCommit(() => remember(commit, id))
    },
    setStatus: async (did, status) => {
      await lockRepo(tx, did)
      const row = await findRepo(tx, did)
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
      const row = await findRepo(tx, did)
      if (row !== null) await drop(tx, row.id)
    },
  })

  const snapshotIn: PostgresRepoStore['snapshotIn'] = async (view, did) => {
    const row = await findRepo(view, did)
    if (row === null) return null
    return {
      head: row.head,
      getBlocks: (_did, cids, since) => readBlocks(view, '$1', row.id, cids, since),
      [Symbol.asyncDispose]: async () => {},
    }
  }

  const viewAt = (id: string, head: StoredHead): RepoSnapshot => ({
    head,
    getBlocks: (_did, cids, since) => readRemembered(id, cids, since),
    [Symbol.asyncDispose]: async () => {},
  })

  return {
    getHead: async (did) => (await findRepo(db, did))?.head ?? null,
    getBlocks: (did, cids, since) => readBlocks(db, BY_DID, did, cids, since),
    viewOf: (row) => viewAt(String(row['id']), toHead(row)),
    recent(did) {
      const known = heads.recent(did)
      return known === null ? null : viewAt(known.id, known.head)
    },
    forget: (did) => heads.forget(did),
    async snapshot(did) {
      const opened = await db.snapshot()
      const snapshot = await snapshotIn(opened, did)
      if (snapshot === null) {
        await opened[Symbol.asyncDispose]()
        return null
      }
      return { ...snapshot, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() }
    },
    snapshotIn,
    apply: async (commit, alongside) => {
      if (alongside === undefined) return remember(commit, await applyCommit(db, commit))
      await db.transaction(async (tx) => {
        await open(tx).apply(commit)
        await alongside(tx)
      })
    },
    replace,
    listHeads: (after, limit) => listHeads(db, after, limit),
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
    commitValues,
    remember,
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

/** In one statement. Returns the id of the repository. @throws RepoError as `OpenRepos.apply` */
async function applyCommit(
  target: Queryable,
  commit: CommitData,
  onlyWhile?: readonly RepoStatus[],
): Promise<string> {
  const [row] = await target.query(
    `SELECT outcomes[1] AS outcome, repo_ids[1] AS repo_id FROM repo_apply_2(false, ${PLACES})`,
    commitValues([{ commit, onlyWhile }]),
  )
  const outcome = row!['outcome'] as 'applied' | 'stale' | RepoStatus
  if (outcome === 'stale') throw headMoved(commit)
  if (outcome !== 'applied') throw new InactiveRepo(commit.did, outcome)
  return String(row!['repo_id'])
}
