// Commits as one statement: everything they change goes to the server at once, as a few values.

import type { CommitData, RepoStatus } from '@avocet/repo'

import { digestOf } from './rows.ts'

/** A commit, and what else the statement is told of it. */
export interface CommitToApply {
  readonly commit: CommitData
  /** The statuses in which a repository that exists takes the commit. Default `active`. */
  readonly onlyWhile?: readonly RepoStatus[] | undefined
  /** The status of a repository that it makes. Default `active`. */
  readonly status?: RepoStatus | undefined
}

/** The values of `repo_apply_2` of the schema after its first, in its order. Commits are of different repositories. */
export function commitValues(commits: readonly CommitToApply[]): unknown[] {
  const of: number[] = []
  const digests: Uint8Array[] = []
  const references: number[] = []
  const starts: number[] = []
  const sizes: number[] = []
  const blocks: Uint8Array[] = []
  let start = 1
  for (const [i, { commit }] of commits.entries()) {
    for (const [cid, change] of commit.references) {
      if (change === 0) continue
      const bytes = change > 0 ? commit.newBlocks.get(cid)! : null
      of.push(i + 1)
      digests.push(digestOf(cid))
      references.push(change)
      starts.push(start)
      sizes.push(bytes?.length ?? 0)
      if (bytes === null) continue
      blocks.push(bytes)
      start += bytes.length
    }
  }
  const areUsual = commits.every(({ status, onlyWhile }) => status === undefined && onlyWhile === undefined)
  return [
    commits.map(({ commit }) => commit.did),
    commits.map(({ commit }) => commit.prevCommit?.bytes ?? null),
    commits.map(({ commit }) => commit.rev),
    commits.map(({ commit }) => commit.data.bytes),
    commits.map(({ commit }) => commit.commit.bytes),
    areUsual ? null : commits.map(({ status }) => status ?? 'active'),
    areUsual ? null : commits.map(({ onlyWhile }) => (onlyWhile ?? ['active']).join(',')),
    of,
    Buffer.concat(digests),
    references,
    starts,
    sizes,
    Buffer.concat(blocks),
  ]
}

/** How many values that are. */
export const COMMIT_VALUES = 13
