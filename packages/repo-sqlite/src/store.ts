import { type BlockMap, type CID, cidEquals, CidMap } from '@avocet/data'
import {
  assertActive,
  createBlockCache,
  createRecentHeads,
  assertSuccessor,
  headMoved,
  InactiveRepo,
  RepoError,
  type Alongside,
  type CommitData,
  type PackedBlocks,
  type RepoDirectory,
  type RepoHead,
  type RepoSnapshot,
  type RepoStatus,
  type RepoStore,
  type StoredBlocks,
  type StoredHead,
} from '@avocet/repo'
import { migrate, type Database, type SchemaPart } from '@avocet/sqlite'
import { setImmediate } from 'node:timers/promises'
import { blockIds } from './block-ids.ts'
import { createBlockTable } from './block-table.ts'
import { refuseAsync, toHead } from './rows.ts'
import { migrations } from './schema.ts'
import { stageBlocks } from './staging.ts'
import { createSweeping } from './sweeping.ts'

/** The tables of this store, and their newest version. */
export const REPO_SCHEMA: SchemaPart = { name: 'repo', version: migrations.length }

/** Options of {@link openRepoStore}. */
export interface RepoStoreOptions {
  /** Bytes of blocks kept in memory, for all repositories together. Default 16 MiB. */
  readonly cacheSize?: number
}

/** What the store of one repository takes up. */
export interface RepoSize {
  readonly blocks: number
  readonly bytes: number
}

/** For who has a transaction of the same database open: each call joins it, and answers at once. */
export interface OpenRepos {
  /** Null for a repository the store does not have. */
  getHead(did: string): StoredHead | null
  /**
   * Applies a commit.
   * @param onlyWhile the statuses in which a repository that exists takes it; `active` if absent
   * @throws {RepoError} `head-moved` unless the head is the commit's predecessor, `inactive-repo` for another status
   */
  apply(commit: CommitData, onlyWhile?: readonly RepoStatus[]): void
  /** @throws {RepoError} `repo-not-found`, `inactive-repo` when it is deleted already */
  setStatus(did: string, status: RepoStatus): void
  /** Forgets a repository, tombstone included. */
  remove(did: string): void
}

/** A {@link RepoStore} on SQLite: `alongside` gets the database and must be synchronous. */
export interface SqliteRepoStore extends RepoStore<Database>, RepoDirectory<Database> {
  /** The same for work that joins a transaction which is open. */
  readonly open: OpenRepos
  /**
   * A view, without a look at its row, of the head that this handle applied last; null unless the commit before was its own, too: then
   * the next one will be most likely. Who builds a commit on it has it checked when it is applied. Blocks may be missing once another
   * commit has landed.
   */
  recent(did: string): RepoSnapshot | null
  /** How many blocks a repository has, and their bytes; reads all of them. Zero for an unknown one. */
  size(did: string): RepoSize
  /** How many blocks a repository has, counted in steps that leave others their turn. Zero for an unknown one. */
  countBlocks(did: string): Promise<number>
  /** Resolves when nothing is left of repositories that were replaced or removed. Nobody needs to wait for it. */
  swept(): Promise<void>
}

interface Row {
  readonly id: number
  readonly head: StoredHead
}

/** Blocks counted before others get their turn. */
const countedAtOnce = 10_000
/** A repository with fewer blocks and bytes than this is exported at once. */
const wholeBlocks = 16_000
const wholeBytes = 4 * 1024 * 1024

/**
 * Opens the repository tables on a database, making them if need be. What an interrupted import or deletion left behind
 * is swept from now on in the background, so open one store per database, before imports begin.
 */
export function openRepoStore(db: Database, options: RepoStoreOptions = {}): SqliteRepoStore {
  migrate(db, REPO_SCHEMA.name, migrations)
  const cache = createBlockCache(options.cacheSize ?? 16 * 1024 * 1024)
  const heads = createRecentHeads<number>()
  const table = createBlockTable(db)

  const find = (did: string): Row | null => {
    const row = db.prepare('SELECT id, did, rev, data, head, status FROM repo WHERE did = ?').get(did)
    return row === undefined ? null : { id: Number(row['id']), head: toHead(row) }
  }

  const addRepo = (did: string | null, head: RepoHead, status: RepoStatus): number => {
    const { lastInsertRowid } = db
      .prepare('INSERT INTO repo (did, rev, data, head, status) VALUES (?, ?, ?, ?, ?)')
      .run(did, head.rev, head.data.bytes, head.commit.bytes, status)
    return Number(lastInsertRowid)
  }

  /** How many snapshots are open per repository: while there are any, blocks without references stay. */
  const pins = new Map<number, number>()
  /** Repositories where that has happened, and those that could not be swept for it. */
  const kept = new Set<number>()
  const unswept = new Set<number>()

  const applyBlocks = (repo: number, commit: CommitData): void => {
    const isPinned = pins.has(repo)
    const areMany = table.apply(repo, commit, isPinned)
    for (const [cid, change] of commit.references) {
      if (change >= 0) continue
      if (isPinned) kept.add(repo)
      else cache.delete(repo, cid)
    }
    db.afterCommit(() => {
      for (const [cid, bytes] of commit.newBlocks) cache.set(repo, cid, bytes)
      heads.remember(commit, repo)
      if (areMany) sweeping.settle(repo)
    })
  }

  /** Makes a repository's row anonymous: its blocks are out of sight at once, and swept later. */
  const abandon = (id: number): void => {
    db.prepare('UPDATE repo SET did = NULL WHERE id = ?').run(id)
  }

  const sweeping = createSweeping(db, table, { pins, kept, unswept })

  /** Takes the blocks of a repository away for good, once the transaction is durable. */
  const drop = (id: number): void => {
    abandon(id)
    db.afterCommit(() => sweeping.sweep(id))
  }

  const replace = async (
    head: RepoHead,
    blocks: StoredBlocks,
    alongside?: Alongside<Database>,
  ): Promise<void> => {
    const before = find(head.did)
    if (before?.head.status === 'deleted') assertActive(before.head)
    const id = await db.write(() => addRepo(null, head, 'active'))
    try {
      const placed = await stageBlocks(db, id, head.rev, blocks)
      await db.write(() => {
        const now = find(head.did)
        const moved =
          now === null || before === null ? now !== before : !cidEquals(now.head.commit, before.head.commit)
        if (moved) throw headMoved(head)
        if (now !== null) abandon(now.id)
        const { changes } = db
          .prepare('UPDATE repo SET did = ?, status = ?, placed = ? WHERE id = ? AND did IS NULL')
          .run(head.did, now?.head.status ?? 'active', placed, id)
        if (changes !== 1) throw headMoved(head)
        refuseAsync(alongside?.(db))
      })
    } catch (error) {
      sweeping.sweep(id)
      throw error
    }
    if (before !== null) sweeping.sweep(before.id)
  }

  const readBlocks = (id: number, cids: readonly CID[], since?: string): BlockMap => {
    const found: BlockMap = new CidMap<Uint8Array>()
    const missing: CID[] = []
    for (const cid of cids) {
      if (cid.code !== 0x71) continue
      const cached = since === undefined ? cache.get(id, cid) : undefined
      if (cached === undefined) missing.push(cid)
      else found.set(cid, cached)
    }
    const readMissing = (): void => {
      for (const cid of missing) {
        const bytes = table.read(id, cid, since ?? '')
        if (bytes === undefined) continue
        found.set(cid, bytes)
        // A walk over everything must not displace what single reads come back for.
        if (since === undefined) cache.set(id, cid, bytes)
      }
    }
    if (missing.length > 1) db.read(readMissing)
    else readMissing()
    return found
  }

  /**
   * All blocks of a small repository in one row, a quarter of what rows of their own cost; null for a large one. SQLite's
   * texts may hold any bytes, zeros included, and a cast changes none of them: https://www.sqlite.org/nulinstr.html
   */
  const readAll = (id: number): PackedBlocks | null => {
    const { first, end } = blockIds(id)
    const inRange = 'FROM repo_block WHERE id >= ? AND id < ?'
    const beyond = db.prepare(`SELECT 1 ${inRange} LIMIT 1 OFFSET ?`).get(first, end, wholeBlocks)
    if (beyond !== undefined) return null
    const total = db.prepare(`SELECT sum(length(bytes)) AS n ${inRange}`).get(first, end)!['n']
    if (total === null || Number(total) > wholeBytes) return null
    const row = db
      .prepare(
        `SELECT CAST(group_concat(digest || bytes, '') AS BLOB) AS packed, json_group_array(length(bytes)) AS lengths
         ${inRange}`,
      )
      .get(first, end)!
    return { bytes: row['packed'] as Uint8Array, lengths: JSON.parse(row['lengths'] as string) as number[] }
  }

  const unpin = (id: number): void => {
    const left = pins.get(id)! - 1
    if (left > 0) {
      pins.set(id, left)
      return
    }
    pins.delete(id)
    if (kept.delete(id)) sweeping.sweepDead(id)
    if (unswept.delete(id)) sweeping.sweep(id)
  }

  const open: OpenRepos = {
    getHead: (did) => find(did)?.head ?? null,
    apply: (commit, onlyWhile = ['active']) => {
      const row = find(commit.did)
      if (row !== null && !onlyWhile.includes(row.head.status)) {
        throw new InactiveRepo(commit.did, row.head.status)
      }
      assertSuccessor(commit, row?.head ?? null)
      const id = row?.id ?? addRepo(commit.did, commit, 'active')
      applyBlocks(id, commit)
      if (row === null) return
      db.prepare('UPDATE repo SET rev = ?, data = ?, head = ? WHERE id = ?').run(
        commit.rev,
        commit.data.bytes,
        commit.commit.bytes,
        id,
      )
    },
    setStatus: (did, status) => {
      const row = find(did)
      if (row === null) throw new RepoError('repo-not-found', `no such repository; did=${did}`)
      if (row.head.status === 'deleted') assertActive(row.head)
      if (status === 'deleted') {
        drop(row.id)
        addRepo(did, row.head, status)
      } else {
        db.prepare('UPDATE repo SET status = ? WHERE id = ?').run(status, row.id)
      }
    },
    remove: (did) => {
      const row = find(did)
      if (row !== null) drop(row.id)
    },
  }

  sweeping.resume()

  return {
    async getHead(did) {
      return find(did)?.head ?? null
    },
    async getBlocks(did, cids, since) {
      const repo = db.prepare('SELECT id FROM repo WHERE did = ?').get(did)
      return repo === undefined ? new CidMap<Uint8Array>() : readBlocks(Number(repo['id']), cids, since)
    },
    async snapshot(did) {
      const row = find(did)
      if (row === null) return null
      const { id, head } = row
      pins.set(id, (pins.get(id) ?? 0) + 1)
      let isOpen = true
      return {
        head,
        getBlocks: async (_did, cids, since) => readBlocks(id, cids, since),
        readAll: async () => readAll(id),
        async [Symbol.asyncDispose]() {
          if (!isOpen) return
          isOpen = false
          unpin(id)
        },
      }
    },
    recent(did) {
      const known = heads.recent(did)
      if (known === null) return null
      const { id, head } = known
      return {
        head,
        getBlocks: async (_did, cids, since) => readBlocks(id, cids, since),
        [Symbol.asyncDispose]: async () => {},
      }
    },
    apply: (commit, alongside) =>
      db.write(() => {
        open.apply(commit)
        refuseAsync(alongside?.(db))
      }),
    replace,
    async listHeads(after, limit) {
      return db
        .prepare('SELECT did, rev, data, head, status FROM repo WHERE did > ? ORDER BY did LIMIT ?')
        .all(after ?? '', limit)
        .map(toHead)
    },
    setStatus: (did, status, alongside) =>
      db.write(() => {
        open.setStatus(did, status)
        refuseAsync(alongside?.(db))
      }),
    remove: (did, alongside) =>
      db.write(() => {
        open.remove(did)
        refuseAsync(alongside?.(db))
      }),
    open,
    async countBlocks(did) {
      const row = find(did)
      if (row === null) return 0
      const { first, end } = blockIds(row.id)
      const step = db.prepare('SELECT id FROM repo_block WHERE id > ? AND id < ? LIMIT 1 OFFSET ?')
      const rest = db.prepare('SELECT count(*) AS n FROM repo_block WHERE id > ? AND id < ?')
      let count = 0
      let last = first - 1
      for (;;) {
        const next = step.get(last, end, countedAtOnce - 1)
        if (next === undefined) return count + Number(rest.get(last, end)!['n'])
        count += countedAtOnce
        last = next['id'] as number
        await setImmediate()
      }
    },
    swept: sweeping.done,
    size(did) {
      const found = find(did)
      if (found === null) return { blocks: 0, bytes: 0 }
      const { first, end } = blockIds(found.id)
      const row = db
        .prepare(
          `SELECT count(*) AS blocks, coalesce(sum(length(bytes)), 0) AS bytes FROM repo_block
           WHERE id >= ? AND id < ?`,
        )
        .get(first, end)!
      return { blocks: Number(row['blocks']), bytes: Number(row['bytes']) }
    },
  }
}
