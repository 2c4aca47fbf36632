import type { CommitData, RepoHead, RepoStatus, StoredBlocks } from '@avocet/repo'
import type { NewEvent } from '@avocet/sequencer'
import type { Did, Tid } from '@avocet/syntax'

import type { RepoServerErrorCode } from './error.ts'

/** What a commit does to one record. */
export interface RecordChange {
  readonly collection: string
  readonly rkey: string
  /** The version that stands afterwards; null for a record that goes. */
  readonly cid: string | null
  /** What it points at, if its collection has one record for each subject. */
  readonly links: readonly string[]
  /** CIDs of the blobs it refers to. */
  readonly blobs: readonly string[]
  /** Whether there is a record at this place already. */
  readonly replaces: boolean
}

/** A blob as a record describes it. */
export interface BlobClaim {
  readonly cid: string
  readonly mimeType: string
  /** Bytes. */
  readonly size: number
}

/**
 * Everything a write changes in one repository. It names the commit it was built on (`commit.prevCommit`, null for the first of
 * a repository): on another head it is stale.
 */
export interface CommitChange {
  readonly type: 'commit'
  readonly did: Did
  readonly commit: CommitData
  readonly records: readonly RecordChange[]
  /** Blobs that must be here, not taken down, and be as they are described, when the commit lands. */
  readonly claims: readonly BlobClaim[]
  /** Appended last, in this order. */
  readonly events: readonly NewEvent[]
  /** Refused unless the repository has one of these statuses, where there is one. Default: `active`. */
  readonly onlyWhile?: readonly LivingStatus[]
  /** The status of a repository that this makes. Default `active`. */
  readonly status?: LivingStatus
}

/** A status that a repository can leave again. */
export type LivingStatus = Exclude<RepoStatus, 'deleted'>

/** A repository that takes writes from now on, or does not any more. One that is not there has no status to change. */
export interface StatusChange {
  readonly type: 'status'
  readonly did: Did
  readonly status: LivingStatus
  readonly events: readonly NewEvent[]
}

/**
 * A repository that goes with all that was under its DID. It is out of sight at once; `sweep` of the store removes what it left,
 * its events below the last of `events` included.
 */
export interface RemovalChange {
  readonly type: 'removal'
  readonly did: Did
  readonly events: readonly NewEvent[]
}

/** A blob whose bytes are stored. */
export interface UploadChange {
  readonly type: 'upload'
  readonly did: Did
  readonly blob: BlobClaim
  /** When, in ms since 1970. */
  readonly now: number
  /** Bytes that the blobs of this DID may have together; `Infinity` without a bound. */
  readonly maxBytes: number
  /** Of the announcement of these bytes, where the store has turns: refused (`repo-busy`) once it stands no more. */
  readonly ticket?: string | undefined
}

/** A decision about one record or blob: it is not served while `ref` is not null. */
export interface TakedownChange {
  readonly type: 'takedown'
  readonly did: Did
  readonly subject: { readonly collection: string; readonly rkey: string } | { readonly cid: string }
  /** The reference of the decision; null takes it back. */
  readonly ref: string | null
}

/** Events that come with no change here: an identity that may be another now. */
export interface Announcement {
  readonly type: 'announcement'
  readonly did: Did
  readonly events: readonly NewEvent[]
}

/** A value that a store applies in one transaction. */
export type RepoServerChange =
  | CommitChange
  | StatusChange
  | RemovalChange
  | UploadChange
  | TakedownChange
  | Announcement

/** What became of a change. All of it happened, or none. */
export type Outcome =
  | {
      readonly status: 'applied'
      /** Numbers of its events, in their order. */
      readonly seqs: readonly number[]
      /** CIDs of the blobs that nothing refers to any more: their rows are gone, their bytes are still there. */
      readonly orphans: readonly string[]
    }
  /** Built on a head that is not the newest any more: build it again. */
  | { readonly status: 'stale' }
  | { readonly status: 'refused'; readonly code: RepoServerErrorCode; readonly message: string }

/** A record that is brought in with others, on its way to a repository that is not served yet. */
export interface StagedRecord {
  readonly collection: string
  readonly rkey: string
  readonly cid: string
  readonly links: readonly string[]
  readonly blobs: Iterable<string>
  /** The commit that wrote it, where that is known and is another than what all are added with. */
  readonly rev?: Tid
}

/** The content that takes the place of another, records staged before. */
export interface Replacement {
  readonly head: RepoHead
  readonly blocks: StoredBlocks
  /** Refused unless the repository has one of these statuses. Absent: whatever it is. */
  readonly onlyWhile?: readonly LivingStatus[]
  /** The status where there was no repository before. */
  readonly status: LivingStatus
  /** Appended if the repository is active. */
  readonly events: readonly NewEvent[]
}

/** Records that nobody sees until the repository is put in place. Ends with `adopt` or `discard`. */
export interface Staging {
  /** Adds records. Resolves when more may come, which is before they are durable. @throws what an earlier call threw */
  add(rev: Tid, records: readonly StagedRecord[]): Promise<void>
  /**
   * Takes in the blocks, then puts records and blocks in the place of what was there: at once, or not at all.
   * @throws RepoError `head-moved` when another commit landed since this began, `inactive-repo` for a deleted repository
   */
  adopt(replacement: Replacement): Promise<Outcome>
  /** Gives up what was added. After `adopt` it does nothing. */
  discard(): Promise<void>
}
