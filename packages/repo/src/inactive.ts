import type { Did } from '@avocet/syntax'
import { RepoError } from './error.ts'
import type { RepoStatus, StoredHead } from './types.ts'

/** A write to a repository that is deactivated, taken down or deleted. */
export class InactiveRepo extends RepoError {
  override readonly name = 'InactiveRepo'
  readonly did: Did
  readonly status: RepoStatus

  constructor(did: Did, status: RepoStatus) {
    super('inactive-repo', `repository is not active; did=${did} status=${status}`)
    this.did = did
    this.status = status
  }
}

/** @throws {InactiveRepo} unless the repository takes commits. */
export function assertActive(head: Pick<StoredHead, 'did' | 'status'>): void {
  if (head.status !== 'active') throw new InactiveRepo(head.did, head.status)
}
