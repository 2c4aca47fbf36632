import type { BlockMap, CID, CidMap } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'

/** What a write does to its path. https://atproto.com/specs/sync#commit */
export type WriteAction = 'create' | 'update' | 'delete'

/** One write, with its record encoded and hashed. Made by `prepareWrite`. */
export interface Write {
  readonly action: WriteAction
  /** `collection/rkey`. */
  readonly path: string
  /** Null for a delete. */
  readonly cid: CID | null
  /** The encoded record; null for a delete. */
  readonly bytes: Uint8Array | null
}

/** Where a repository is: its newest commit. */
export interface RepoHead {
  readonly did: Did
  readonly rev: Tid
  /** Root of the tree. */
  readonly data: CID
  /** The signed commit. */
  readonly commit: CID
}

/** Whether a repository takes commits. https://atproto.com/specs/account#hosting-status */
export type RepoStatus = 'active' | 'deactivated' | 'suspended' | 'takendown' | 'deleted'

/** A head as a store has it. */
export interface StoredHead extends RepoHead {
  readonly status: RepoStatus
}

/** One op of a commit, as in the `#commit` event. */
export interface RepoOp {
  readonly action: WriteAction
  readonly path: string
  /** Null for a delete. */
  readonly cid: CID | null
  /** What was at the path before; absent for a create. */
  readonly prev?: CID
}

/** A new commit, complete: what a store writes and an event says. Made by `applyWrites`. */
export interface CommitData {
  readonly did: Did
  readonly rev: Tid
  /** The revision before; null for the first commit. */
  readonly since: Tid | null
  readonly commit: CID
  readonly commitBytes: Uint8Array
  /** Root of the tree now. */
  readonly data: CID
  /** Root of the tree before; null for the first commit. */
  readonly prevData: CID | null
  /** The commit before; null for the first commit. */
  readonly prevCommit: CID | null
  /** In the order of the writes; an update that changes nothing is left out. */
  readonly ops: readonly RepoOp[]
  /** The commit, new nodes and new records, in the order an event carries them. */
  readonly newBlocks: BlockMap
  /**
   * Blocks the commit points at no more: the former commit, nodes and records. A record may still be referenced from
   * another path: stores count by `references`.
   */
  readonly removedCids: readonly CID[]
  /** By how much the number of references to each block changes. A block without references is no longer stored. */
  readonly references: CidMap<number>
  /**
   * Nodes that were there before and belong to the covering proof of the changed keys (their paths and their
   * neighbours'): what a reader of the event needs besides `newBlocks` to invert the ops, in whatever order.
   */
  readonly proofBlocks: BlockMap
}

/** Reads blocks of a repository. Those it does not have are absent from the result. */
export interface BlockReader {
  /**
   * @param since only blocks that were added by a later revision than this. With '' that is all of them, and tells a
   *   store that a walk over everything is under way, whose blocks are not worth remembering.
   */
  getBlocks(did: Did, cids: readonly CID[], since?: Tid): Promise<BlockMap>
}

/** A block of a repository that is loaded whole, with the number of places that point at it. */
export interface StoredBlock {
  readonly cid: CID
  readonly bytes: Uint8Array
}

/**
 * Keeps repositories. `Tx` is what `alongside` gets to join its own writes to the store's transaction: on SQLite the
 * database, and `alongside` must be synchronous; on Postgres a client, and a promise is awaited.
 */
export interface RepoStore<Tx = void> extends BlockReader {
  /** Null for a repository the store does not have. */
  getHead(did: Did): Promise<StoredHead | null>
  /**
   * Applies a commit in one transaction: adds blocks, deletes those without references, moves the head, then runs
   * `alongside`. All of it happens or none.
   * @throws {RepoError} `head-moved` unless the head is the commit's predecessor, `inactive-repo`
   */
  apply(commit: CommitData, alongside?: Alongside<Tx>): Promise<void>
  /**
   * Replaces a repository's content with another, or makes it: blocks come in as a stream and are kept aside until all
   * are there, then the head changes in one transaction with `alongside`. A block that several places point at comes
   * several times. A crash or a throwing stream leaves the repository as it was.
   * @throws {RepoError} `head-moved` when another commit was applied meanwhile, `inactive-repo` for a deleted one
   */
  replace(head: RepoHead, blocks: StoredBlocks, alongside?: Alongside<Tx>): Promise<void>
  /** A view that stays as it is while commits go on; null for a repository the store does not have. Dispose of it. */
  snapshot(did: Did): Promise<RepoSnapshot | null>
}

/** Blocks as they come. */
export interface StoredBlocks extends AsyncIterable<StoredBlock> {
  /** The same, many at a time, which costs a large repository less; a store iterates one or the other, once. */
  readonly batches?: AsyncIterable<readonly StoredBlock[]>
}

/** A repository at one commit, for work that takes many reads. */
export interface RepoSnapshot extends BlockReader, AsyncDisposable {
  readonly head: StoredHead
  /** All blocks at once; null for more than a few megabytes of them, which are better read as a walk comes by. */
  readonly readAll?: () => Promise<PackedBlocks | null>
}

/** Many blocks in one piece, in any order: for each its sha-256, then its bytes. All are dag-cbor. */
export interface PackedBlocks {
  readonly bytes: Uint8Array
  /** How long each block is, without its hash. */
  readonly lengths: readonly number[]
}

/** Work that joins a store's transaction. */
export type Alongside<Tx> = (tx: Tx) => void | Promise<void>

/** The accounts' side of a store. */
export interface RepoDirectory<Tx = void> {
  /** Heads by DID after a cursor, in the order of DIDs. */
  listHeads(after: Did | null, limit: number): Promise<StoredHead[]>
  /**
   * Changes the status. `deleted` drops the content in the same transaction and leaves a tombstone.
   * @throws {RepoError} `repo-not-found`, `inactive-repo` when it is deleted already
   */
  setStatus(did: Did, status: RepoStatus, alongside?: Alongside<Tx>): Promise<void>
  /** Forgets a repository, tombstone included. */
  remove(did: Did, alongside?: Alongside<Tx>): Promise<void>
}
