import type { BlockReader, RepoDirectory, RepoSnapshot, RepoStore, StoredHead } from '@avocet/repo'
import type { EventLog } from '@avocet/sequencer'
import type { Did, Nsid } from '@avocet/syntax'

import type { BlobClaim, CommitChange, Outcome, RepoServerChange, Staging } from './change.ts'
import type { AppliedEvent } from './listeners.ts'

/** A value, or the promise of one: SQLite answers at once, Postgres does not. */
export type Awaitable<T> = T | Promise<T>

/** Where a record is and which version of it stands; its bytes are a block of the repository. */
export interface RecordRow {
  readonly collection: string
  readonly rkey: string
  readonly cid: string
  /** The commit that wrote it. */
  readonly rev: string
  readonly takedownRef: string | null
}

/** Where a record is, or may be. */
export type RecordPlace = Pick<RecordRow, 'collection' | 'rkey'>

/** What a commit is built on. */
export interface CommitGround {
  readonly repo: RepoSnapshot
  /** The row at one of the places that were asked for. */
  get(collection: string, rkey: string): RecordRow | null
}

/** The right to write next. It ends with what it applied, when it is disposed of, and some seconds after it was given. */
export interface WriteTurn extends AsyncDisposable {
  /** As that of the store. */
  apply(change: CommitChange): Promise<Outcome>
}

/** One page of a collection: at most `limit` rows after `cursor` (a record key), newest key first unless `reverse`. */
export interface PageOptions {
  readonly limit: number
  readonly cursor?: string | undefined
  readonly reverse?: boolean | undefined
}

/** At most `limit` repositories whose DID is above `after`, of the next `most` that are there. */
export interface RepoPageOptions {
  readonly after: string
  readonly limit: number
  readonly most: number
}

/** Some repositories in the order of their DIDs, maybe none. */
export interface RepoPage {
  readonly dids: readonly Did[]
  /** What the next page comes after; null where there is none. */
  readonly next: Did | null
}

/** The rows of records, to read. */
export interface RecordReads {
  get(did: Did, collection: string, rkey: string): Awaitable<RecordRow | null>
  /** The version that stands, and nothing else of the row. */
  find(did: Did, collection: string, rkey: string): Awaitable<Pick<RecordRow, 'cid' | 'takedownRef'> | null>
  /** Keys and CIDs of the records that were not taken down. */
  page(
    did: Did,
    collection: string,
    options: PageOptions,
  ): Awaitable<readonly (readonly [rkey: string, cid: string])[]>
  collections(did: Did): Awaitable<Nsid[]>
  count(did: Did): Promise<number>
  /** Every row, so many at a time. */
  all(did: Did, size: number): AsyncIterable<RecordRow[]>
  /** Keys of the records in a collection that link to `target`: the lowest, at most `limit`. */
  linking(did: Did, collection: string, target: string, limit: number): Awaitable<string[]>
  /** Active repositories with a record in `collection`. */
  reposWith(collection: string, options: RepoPageOptions): Awaitable<RepoPage>
}

/** What is known of an uploaded blob. */
export interface BlobRow extends BlobClaim {
  /** Whether a record refers to it (or did when it was uploaded anew). */
  readonly permanent: boolean
  readonly takedownRef: string | null
}

/** The rows of blobs and of the records that refer to them, to read. */
export interface BlobReads {
  get(did: Did, cid: string): Awaitable<BlobRow | null>
  /** Referenced blobs above `after`, in order of CID; `since` leaves out those referenced at or before that rev. */
  page(did: Did, options: { since?: string | undefined; after: string; limit: number }): Awaitable<string[]>
  /** References whose blob was never uploaded here, in order of CID. */
  missing(did: Did, after: string, limit: number): Awaitable<{ cid: string; recordUri: `at://${string}` }[]>
  counts(did: Did): Awaitable<{ expected: number; imported: number }>
  /** Bytes of all blobs of a DID, those that no record refers to included. */
  bytes(did: Did): Awaitable<number>
  /** Those of some CIDs that are known. */
  among(did: Did, cids: readonly string[]): Awaitable<Set<string>>
}

/** How processes that share a store of blobs store and remove bytes under one DID: never at the same time. */
export interface BlobTurns {
  /**
   * Before bytes are put under their CID: waits for a removal under way. The ticket goes into the `upload` change that notes the blob.
   * @throws RepoServerError `repo-busy`
   */
  announce(did: Did): Promise<string>
  /** Ends an announcement. One that ended already is none. */
  withdraw(ticket: string): Promise<void>
  /**
   * Calls `work` with those of some CIDs that have no row; no upload puts bytes before it has ended.
   * @returns false where an upload is under way: nothing was done
   */
  remove(
    did: Did,
    cids: readonly string[],
    work: (orphans: readonly string[]) => Promise<void>,
  ): Promise<boolean>
  /** The same for work on all blobs of a DID, whatever rows there are. */
  removeAll(did: Did, work: () => Promise<void>): Promise<boolean>
}

/** Repositories, to read. */
export interface RepoReads
  extends BlockReader, Pick<RepoStore<never>, 'snapshot'>, Pick<RepoDirectory<never>, 'listHeads'> {
  /** Null for a repository the store does not have. */
  getHead(did: Did): Promise<StoredHead | null>
  /** How many blocks it has; zero for an unknown one. */
  countBlocks(did: Did): Promise<number>
}

/** What a store has to do from time to time. */
export interface StoreUpkeep {
  /** Forgets uploads older than `before` (ms since 1970) that no record refers to, and names them. */
  expireUploads(before: number): Promise<{ did: Did; cid: string }[]>
  /** DIDs whose repository went and whose blobs are still here. */
  departed(): Awaitable<Did[]>
  /** Some rows of blobs of a departed DID go, once their bytes are gone; whether there are more. None of one that came back. */
  forgetBlobs(did: Did): Promise<boolean>
  /** Removes what replaced and removed repositories left: rows, and events of the latter. Resolves when nothing is left. */
  sweep(): Promise<void>
  /** Gives up what imports that ended with their process left. */
  discardStaged(): Promise<void>
}

/** Everything a host keeps of repositories: reads of each kind, and one way to change them all. */
export interface RepoServerStore {
  readonly repos: RepoReads
  readonly records: RecordReads
  readonly blobs: BlobReads
  /** To read and to watch: events are appended by `apply`. */
  readonly log: EventLog<never>
  readonly upkeep: StoreUpkeep
  /**
   * Applies a change in one transaction; resolves when it is durable. Nothing is changed unless it was `applied`.
   * @throws SequencerError `frame-too-big`, and what the database throws
   */
  apply(change: RepoServerChange): Promise<Outcome>
  /**
   * What a commit is built on, read at one moment: the newest head with its blocks, and the rows at some places. Unlike those of a
   * snapshot, blocks may be missing once another commit has landed. Absent: a snapshot, and rows read one by one, cost no more.
   */
  ground?(did: Did, places: readonly RecordPlace[]): Promise<CommitGround | null>
  /**
   * A head that is most likely the newest, without asking for it. Who builds a commit on it takes nothing for granted but that it was
   * applied: an error, a refusal or nothing to change may come of a head that has moved since. Null where a guess is not worth it.
   */
  recent?(did: Did): RepoSnapshot | null
  /**
   * Waits until this process may write to a repository before all others; null when that takes too long. For who lost races: nobody
   * else can win the next. Absent: there are no other processes.
   */
  turn?(did: Did): Promise<WriteTurn | null>
  /** Absent: there are no other processes. */
  readonly blobTurns?: BlobTurns
  /** Begins to replace a repository, or to make one of an archive. */
  stage(did: Did): Promise<Staging>
  /**
   * Calls `listener` with each event that was appended through this store, once it is durable; those of
   * one repository come in the order of their numbers.
   * It must not throw. Returns the unsubscriber.
   */
  onEvent(listener: (event: AppliedEvent) => void): () => void
}
