import type { CommitData, RepoStatus, StoredHead } from '@avocet/repo'

/** For who has a transaction of the same database open: each call joins it. */
export interface OpenRepos {
  /** Null for a repository the store does not have. */
  getHead(did: string): Promise<StoredHead | null>
  /**
   * Applies a commit.
   * @param onlyWhile the statuses in which a repository that exists takes it; `active` if absent
   * @throws {RepoError} `head-moved` unless the head is the commit's predecessor, `inactive-repo` for another status
   */
  apply(commit: CommitData, onlyWhile?: readonly RepoStatus[]): Promise<void>
  /** @throws {RepoError} `repo-not-found`, `inactive-repo` when it is deleted already */
  setStatus(did: string, status: RepoStatus): Promise<void>
  /** Forgets a repository, tombstone included. */
  remove(did: string): Promise<void>
}
