// https://atproto.com/specs/sync#event-stream-data-types, lexicon com.atproto.sync.subscribeRepos

import { writeCar, type CarBlock } from '@avocet/car'
import type { CID } from '@avocet/data'
import type { Datetime, Did, Tid } from '@avocet/syntax'
import type { CommitData } from './types.ts'

/** An op in a `#commit` event. */
export type CommitEventOp = {
  action: 'create' | 'update' | 'delete'
  path: string
  cid: CID | null
  prev?: CID
}

/** The body of a `#commit` event, all but `seq`, which the log gives. */
export type CommitEventBody = {
  repo: Did
  commit: CID
  rev: Tid
  since: Tid | null
  /** Absent for the first commit only. */
  prevData?: CID
  /** A CAR whose only root is the commit. */
  blocks: Uint8Array
  ops: CommitEventOp[]
  time: Datetime
  blobs: CID[]
  tooBig: false
  rebase: false
}

/** The body of a `#sync` event, all but `seq`. */
export type SyncEventBody = { did: Did; rev: Tid; blocks: Uint8Array; time: Datetime }

/** The `#commit` event of a commit. Its CAR is written here, once: commit, new nodes and records, proof. */
export function toCommitEvent(commit: CommitData, time: Datetime): CommitEventBody {
  const blocks: CarBlock[] = []
  for (const [cid, bytes] of commit.newBlocks) blocks.push({ cid, bytes })
  for (const [cid, bytes] of commit.proofBlocks) blocks.push({ cid, bytes })
  return {
    repo: commit.did,
    commit: commit.commit,
    rev: commit.rev,
    since: commit.since,
    ...(commit.prevData === null ? {} : { prevData: commit.prevData }),
    blocks: writeCar([commit.commit], blocks),
    ops: commit.ops.map(({ action, path, cid, prev }) =>
      prev === undefined ? { action, path, cid } : { action, path, cid, prev },
    ),
    time,
    blobs: [],
    tooBig: false,
    rebase: false,
  }
}

/** The `#sync` event that says where a repository is: its commit and nothing else. */
export function toSyncEvent(
  head: { readonly did: Did; readonly rev: Tid; readonly commit: CID; readonly commitBytes: Uint8Array },
  time: Datetime,
): SyncEventBody {
  return {
    did: head.did,
    rev: head.rev,
    blocks: writeCar([head.commit], [{ cid: head.commit, bytes: head.commitBytes }]),
    time,
  }
}
