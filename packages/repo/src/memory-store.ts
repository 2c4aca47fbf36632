import { type BlockMap, cidEquals, CidMap } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'
import { RepoError } from './error.ts'
import { assertActive } from './inactive.ts'
import type { Alongside, CommitData, RepoDirectory, RepoHead, RepoStore, StoredHead } from './types.ts'

interface MemoryBlock {
  readonly bytes: Uint8Array
  readonly rev: Tid
  references: number
}

interface MemoryRepo {
  head: StoredHead
  blocks: CidMap<MemoryBlock>
}

/** A {@link RepoStore} in memory. `alongside` gets nothing and may be asynchronous; a throw undoes the commit. */
export function createMemoryRepoStore(): RepoStore & RepoDirectory {
  const repos = new Map<Did, MemoryRepo>()

  const find = (did: Did): MemoryRepo => {
    const repo = repos.get(did)
    if (repo === undefined) throw new RepoError('repo-not-found', `no such repository; did=${did}`)
    return repo
  }
  /** Runs `alongside` with `next` in place, and puts `before` back if it throws. */
  const commit = async (did: Did, next: MemoryRepo | null, alongside?: Alongside<void>): Promise<void> => {
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
    async getBlocks(did, cids, since) {
      const found: BlockMap = new CidMap<Uint8Array>()
      const blocks = repos.get(did)?.blocks
      for (const cid of cids) {
        const block = blocks?.get(cid)
        if (block !== undefined && (since === undefined || block.rev > since)) found.set(cid, block.bytes)
      }
      return found
    },
    async apply(data, alongside) {
      const repo = repos.get(data.did)
      if (repo !== undefined) assertActive(repo.head)
      assertSuccessor(data, repo?.head ?? null)
      const blocks = new CidMap(repo?.blocks ?? [])
      for (const [cid, change] of data.references) {
        const block = blocks.get(cid)
        const references = (block?.references ?? 0) + change
        if (references <= 0) blocks.delete(cid)
        else
          blocks.set(cid, {
            bytes: block?.bytes ?? data.newBlocks.get(cid)!,
            rev: block?.rev ?? data.rev,
            references,
          })
      }
      const { did, rev, data: root, commit: cid } = data
      await commit(did, { head: { did, rev, data: root, commit: cid, status: 'active' }, blocks }, alongside)
    },
    async replace(head, source, alongside) {
      const before = repos.get(head.did)
      if (before?.head.status === 'deleted') assertActive(before.head)
      const blocks = new CidMap<MemoryBlock>()
      for await (const { cid, bytes } of source) {
        const block = blocks.get(cid)
        if (block === undefined) blocks.set(cid, { bytes: bytes.slice(), rev: head.rev, references: 1 })
        else block.references++
      }
      if (repos.get(head.did)?.head !== before?.head) throw headMoved(head)
      await commit(
        head.did,
        { head: { ...head, status: before?.head.status ?? 'active' }, blocks },
        alongside,
      )
    },
    async listHeads(after, limit) {
      return [...repos.keys()]
        .filter((did) => after === null || did > after)
        .toSorted()
        .slice(0, limit)
        .map((did) => find(did).head)
    },
    async setStatus(did, status, alongside) {
      const repo = find(did)
      if (repo.head.status === 'deleted') assertActive(repo.head)
      const blocks = status === 'deleted' ? new CidMap<MemoryBlock>() : repo.blocks
      await commit(did, { head: { ...repo.head, status }, blocks }, alongside)
    },
    async remove(did, alongside) {
      await commit(did, null, alongside)
    },
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
