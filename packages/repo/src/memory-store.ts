import { type BlockMap, type CID, cidEquals, CidMap } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'
import { RepoError } from './error.ts'
import { assertActive } from './inactive.ts'
import type {
  Alongside,
  BlockReader,
  CommitData,
  RepoDirectory,
  RepoHead,
  RepoStore,
  StoredHead,
} from './types.ts'

interface MemoryBlock {
  readonly bytes: Uint8Array
  readonly rev: Tid
  references: number
}

interface MemoryRepo {
  head: StoredHead
  readonly blocks: CidMap<MemoryBlock>
  /** Open snapshots: while there are any, blocks without references stay. */
  pins: number
  readonly dead: CidMap<MemoryBlock>
}

/** Tells how many blocks a repository has; zero for an unknown one. */
interface BlockCount {
  countBlocks(did: Did): Promise<number>
}

/**
 * A {@link RepoStore} in memory, for tests and tools. `alongside` gets nothing and may be asynchronous; a throw undoes
 * the commit. Writes wait for each other.
 */
export function createMemoryRepoStore(): RepoStore & RepoDirectory & BlockCount {
  const repos = new Map<Did, MemoryRepo>()
  let last: Promise<unknown> = Promise.resolve()

  /** Runs one write after the other, since `alongside` may take its time. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const run = last.then(work, work)
    last = run.catch(() => {})
    return run
  }
  const find = (did: Did): MemoryRepo => {
    const repo = repos.get(did)
    if (repo === undefined) throw new RepoError('repo-not-found', `no such repository; did=${did}`)
    return repo
  }
  /** Puts `next` in place of a repository (null = none) for good once `alongside` went through. */
  const swap = async (did: Did, next: MemoryRepo | null, alongside?: Alongside<void>): Promise<void> => {
    const before = repos.get(did)
    if (next === null) repos.delete(did)
    else repos.set(did, next)
    try {
      await alongside?.()
    } catch (error) {
      if (before === undefined) repos.delete(did)
      else repos.set(did, before)
      throw error
    }
  }

  return {
    async getHead(did) {
      return repos.get(did)?.head ?? null
    },
    countBlocks: (did) => Promise.resolve(repos.get(did)?.blocks.size ?? 0),
    async getBlocks(did, cids, since) {
      return readBlocks(repos.get(did), cids, since)
    },
    apply: (data, alongside) =>
      inTurn(async () => {
        const existing = repos.get(data.did)
        if (existing !== undefined) assertActive(existing.head)
        assertSuccessor(data, existing?.head ?? null)
        const { did, rev, data: root, commit: cid } = data
        const head: StoredHead = { did, rev, data: root, commit: cid, status: 'active' }
        const repo = existing ?? emptyRepo(head)
        const before = existing?.head
        repo.head = head
        const undo = changeBlocks(repo, data)
        try {
          await swap(did, repo, alongside)
        } catch (error) {
          undo()
          if (before !== undefined) repo.head = before
          throw error
        }
      }),
    async replace(head, source, alongside) {
      const before = repos.get(head.did)?.head
      if (before?.status === 'deleted') assertActive(before)
      const repo = emptyRepo({ ...head, status: before?.status ?? 'active' })
      for await (const { cid, bytes } of source) {
        const block = repo.blocks.get(cid)
        if (block === undefined) repo.blocks.set(cid, { bytes: bytes.slice(), rev: head.rev, references: 1 })
        else block.references++
      }
      await inTurn(async () => {
        if (repos.get(head.did)?.head !== before) throw headMoved(head)
        await swap(head.did, repo, alongside)
      })
    },
    async snapshot(did) {
      const repo = repos.get(did)
      if (repo === undefined) return null
      repo.pins++
      const reader: BlockReader = { getBlocks: async (_did, cids, since) => readBlocks(repo, cids, since) }
      const state = { open: true }
      return {
        head: repo.head,
        ...reader,
        async [Symbol.asyncDispose]() {
          if (!state.open) return
          state.open = false
          if (--repo.pins === 0) repo.dead.clear()
        },
      }
    },
    async listHeads(after, limit) {
      return [...repos.keys()]
        .filter((did) => after === null || did > after)
        .toSorted()
        .slice(0, limit)
        .map((did) => find(did).head)
    },
    setStatus: (did, status, alongside) =>
      inTurn(async () => {
        const repo = find(did)
        if (repo.head.status === 'deleted') assertActive(repo.head)
        const head = { ...repo.head, status }
        if (status === 'deleted') return swap(did, emptyRepo(head), alongside)
        const before = repo.head
        repo.head = head
        try {
          await alongside?.()
        } catch (error) {
          repo.head = before
          throw error
        }
      }),
    remove: (did, alongside) => inTurn(() => swap(did, null, alongside)),
  }
}

function emptyRepo(head: StoredHead): MemoryRepo {
  return { head, blocks: new CidMap<MemoryBlock>(), pins: 0, dead: new CidMap<MemoryBlock>() }
}

function readBlocks(repo: MemoryRepo | undefined, cids: readonly CID[], since?: Tid): BlockMap {
  const found: BlockMap = new CidMap<Uint8Array>()
  for (const cid of cids) {
    const block = repo?.blocks.get(cid) ?? repo?.dead.get(cid)
    if (block !== undefined && (since === undefined || block.rev > since)) found.set(cid, block.bytes)
  }
  return found
}

/** Applies a commit's changes and returns how to take them back. */
function changeBlocks(repo: MemoryRepo, data: CommitData): () => void {
  const before: [CID, MemoryBlock | undefined][] = []
  for (const [cid, change] of data.references) {
    const block = repo.blocks.get(cid)
    before.push([cid, block])
    const references = (block?.references ?? 0) + change
    if (references > 0) {
      repo.blocks.set(cid, {
        bytes: block?.bytes ?? data.newBlocks.get(cid)!,
        rev: block?.rev ?? data.rev,
        references,
      })
    } else {
      repo.blocks.delete(cid)
      if (repo.pins > 0 && block !== undefined) repo.dead.set(cid, block)
    }
  }
  return () => {
    for (const [cid, block] of before) {
      if (block === undefined) repo.blocks.delete(cid)
      else repo.blocks.set(cid, block)
    }
  }
}

/** @throws {RepoError} `head-moved` unless `head` is what the commit was made on. */
export function assertSuccessor(commit: CommitData, head: RepoHead | null): void {
  const { prevCommit } = commit
  const same = head === null || prevCommit === null ? head === prevCommit : cidEquals(head.commit, prevCommit)
  if (!same) throw headMoved(commit)
}

/** A `head-moved` error. */
export function headMoved(commit: Pick<RepoHead, 'did' | 'rev'>): RepoError {
  return new RepoError('head-moved', `repository changed meanwhile; did=${commit.did} rev=${commit.rev}`)
}
