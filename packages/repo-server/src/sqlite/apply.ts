import { InactiveRepo, RepoError } from '@avocet/repo'
import type { OpenRepos } from '@avocet/repo-sqlite'
import type { NewEvent } from '@avocet/sequencer'

import type { CommitChange, Outcome, RemovalChange, RepoServerChange, UploadChange } from '../change.ts'
import { refuseBytes, refuseClaim, refuseStatus } from '../refusals.ts'
import type { BlobIndex } from './blob-index.ts'
import type { RecordIndex } from './record-index.ts'
import type { RecordSets } from './record-sets.ts'
import type { Departures } from './departures.ts'

/** The tables that changes go to. */
export interface Tables {
  readonly repos: OpenRepos
  readonly records: RecordIndex
  readonly blobs: BlobIndex
  readonly sets: RecordSets
  readonly departures: Departures
  /** Appends events, and returns their numbers. */
  append(events: readonly NewEvent[]): number[]
  /** The newest number of the log. */
  newest(): number
}

/** Applies a change in the transaction that is open. Unless the outcome is `applied`, nothing was written. */
export function applyTo(tables: Tables, change: RepoServerChange): Outcome {
  switch (change.type) {
    case 'commit':
      return applyCommit(tables, change)
    case 'status':
      if (tables.repos.getHead(change.did) !== null) tables.repos.setStatus(change.did, change.status)
      return applied(tables.append(change.events))
    case 'removal':
      return applyRemoval(tables, change)
    case 'upload':
      return applyUpload(tables, change)
    case 'takedown': {
      const { did, subject, ref } = change
      const found =
        'cid' in subject
          ? tables.blobs.takedown(did, subject.cid, ref)
          : tables.records.takedown(did, subject.collection, subject.rkey, ref)
      if (found) return applied([])
      const code = 'cid' in subject ? 'blob-not-found' : 'record-not-found'
      return { status: 'refused', code, message: 'Subject not found' }
    }
    default:
      return applied(tables.append(change.events))
  }
}

const applied = (seqs: readonly number[], orphans: readonly string[] = []): Outcome => ({
  status: 'applied',
  seqs,
  orphans,
})

function applyCommit(tables: Tables, change: CommitChange): Outcome {
  const { repos, records, blobs } = tables
  const { did, commit, claims, status } = change
  // An upload that nobody referred to for a day may have been collected since the commit was made.
  for (const claim of claims) {
    const refusal = refuseClaim(claim, blobs.get(did, claim.cid))
    if (refusal !== null) return refusal
  }
  try {
    repos.apply(commit, change.onlyWhile)
  } catch (error) {
    if (error instanceof InactiveRepo) return refuseStatus(error.status, did, change.onlyWhile)!
    if (error instanceof RepoError && error.code === 'head-moved') return { status: 'stale' }
    throw error
  }
  if (status !== undefined && status !== 'active' && commit.prevCommit === null) repos.setStatus(did, status)
  const dropped: string[] = []
  for (const { collection, rkey, cid, links, blobs: cids, replaces } of change.records) {
    if (cid === null) {
      records.remove(did, collection, rkey)
    } else {
      records.put(did, { collection, rkey, cid, rev: commit.rev }, links, replaces)
      if (!replaces && cids.length === 0) continue
    }
    dropped.push(...blobs.refer(did, collection, rkey, commit.rev, cids))
  }
  // Only now: what one record of the commit no longer refers to, another may.
  const orphans = blobs.release(did, new Set(dropped))
  return applied(tables.append(change.events), orphans)
}

function applyRemoval(tables: Tables, { did, events }: RemovalChange): Outcome {
  const { repos, sets, departures } = tables
  repos.remove(did)
  sets.drop(did)
  const seqs = tables.append(events)
  departures.note(did, seqs.at(-1) ?? tables.newest() + 1)
  return applied(seqs)
}

function applyUpload({ blobs }: Tables, { did, blob, now, maxBytes }: UploadChange): Outcome {
  const before = blobs.get(did, blob.cid)
  // Uploads side by side each found room.
  const bytes = maxBytes === Infinity ? 0 : blobs.bytes(did) + (before === null ? blob.size : 0)
  if (bytes > maxBytes) return refuseBytes(maxBytes)
  blobs.add(did, { ...blob, now })
  return applied([])
}
