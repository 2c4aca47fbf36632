// A commit as one statement: everything it changes goes to the server at once, as a few values.

import type { CID } from '@avocet/data'
import type { CommitData, RepoStatus } from '@avocet/repo'

import { digestOf } from './rows.ts'

/** What else the statement is told. */
export interface CommitOptions {
  /** The statuses in which a repository that exists takes the commit. Default `active`. */
  readonly onlyWhile?: readonly RepoStatus[] | undefined
  /** The status of a repository that it makes. Default `active`. */
  readonly status?: RepoStatus | undefined
}

/** The values of `repo_apply_1` of the schema, in its order. */
export function commitValues(commit: CommitData, { onlyWhile, status }: CommitOptions = {}): unknown[] {
  const added: CID[] = []
  const blocks: Uint8Array[] = []
  const references: number[] = []
  const dropped: CID[] = []
  const counts: number[] = []
  for (const [cid, change] of commit.references) {
    if (change > 0) {
      added.push(cid)
      blocks.push(commit.newBlocks.get(cid)!)
      references.push(change)
    }
    if (change < 0) {
      dropped.push(cid)
      counts.push(-change)
    }
  }
  return [
    commit.did,
    commit.prevCommit?.bytes ?? null,
    commit.rev,
    commit.data.bytes,
    commit.commit.bytes,
    status ?? 'active',
    onlyWhile ?? ['active'],
    Buffer.concat(added.map((cid) => digestOf(cid))),
    references,
    blocks.map((bytes) => bytes.length),
    Buffer.concat(blocks),
    Buffer.concat(dropped.map((cid) => digestOf(cid))),
    counts,
  ]
}

/** How many values that are. */
export const COMMIT_VALUES = 13
