// https://atproto.com/specs/repository, https://atproto.com/specs/sync#commit

import type { Signer } from '@avocet/crypto'
import { type BlockMap, type CID, cidEquals, CidMap } from '@avocet/data'
import { emptyTree, isValidKey, MstError, type Tree, type TreeOp } from '@avocet/mst'
import { type Did, isTid, type Tid } from '@avocet/syntax'
import { signCommit } from './commit.ts'
import { RepoError } from './error.ts'
import { assertActive } from './inactive.ts'
import { MAX_COMMIT_CAR_SIZE, MAX_WRITES } from './limits.ts'
import { toRepoError, withTree } from './load.ts'
import type { BlockReader, CommitData, RepoHead, RepoOp, RepoStatus, Write } from './types.ts'

/** What {@link applyWrites} takes. */
export interface ApplyOptions {
  readonly did: Did
  /** Null for the first commit. With a `status` (as stores give it) other than `active` the writes are refused. */
  readonly head: (RepoHead & { readonly status?: RepoStatus }) | null
  /** The store, or better a snapshot of it (and its head) where other commits may come in between. */
  readonly store: BlockReader
  /** At most 200, one per path; none makes a commit that only re-signs the tree. */
  readonly writes: readonly Write[]
  readonly signer: Signer
  /** A TID above the head's, from the caller's clock. */
  readonly rev: Tid
}

/**
 * Makes the commit that some writes lead to. Nothing is stored: hand the result to a store's `apply`.
 *
 * @throws {RepoError} `record-exists`, `record-not-found`, `duplicate-path`, `too-many-writes`, `invalid-path`,
 *   `commit-too-large`, `stale-rev`, `inactive-repo`, `missing-block`, `malformed-repo`
 */
export async function applyWrites(options: ApplyOptions): Promise<CommitData> {
  const { did, head, store, writes, signer, rev } = options
  checkWrites(options)
  const change = head === null ? changeTree(emptyTree(), writes) : await changeStored(store, head, writes)
  const { commit, commitBytes } = await signCommit({ did, data: change.data, rev }, signer)

  const newBlocks: BlockMap = new CidMap([[commit, commitBytes]])
  const references = new CidMap<number>()
  const count = (cid: CID, by: number): void => void references.set(cid, (references.get(cid) ?? 0) + by)
  count(commit, 1)
  for (const [cid, bytes] of change.nodes) {
    newBlocks.set(cid, bytes)
    count(cid, 1)
  }
  for (const write of change.written) {
    newBlocks.set(write.cid!, write.bytes!)
    count(write.cid!, 1)
  }
  const removedCids: CID[] = []
  const drop = (cid: CID): void => {
    count(cid, -1)
    removedCids.push(cid)
  }
  if (head !== null) drop(head.commit)
  for (const cid of change.removed) drop(cid)
  for (const op of change.ops) if (op.prev !== undefined) drop(op.prev)
  checkSize(newBlocks, change.proof)
  return {
    did,
    rev,
    since: head?.rev ?? null,
    commit,
    commitBytes,
    data: change.data,
    prevData: head?.data ?? null,
    prevCommit: head?.commit ?? null,
    ops: change.ops,
    newBlocks,
    removedCids,
    references,
    proofBlocks: change.proof,
  }
}

function checkWrites({ did, head, writes, rev }: ApplyOptions): void {
  if (head !== null) {
    if (head.did !== did)
      throw new RepoError('did-mismatch', `head is of another repository; did=${did} head=${head.did}`)
    if (head.status !== undefined) assertActive({ did, status: head.status })
  }
  if (!isTid(rev) || (head !== null && rev <= head.rev)) {
    throw new RepoError(
      'stale-rev',
      `revision is not a TID above the one before; rev=${rev} head=${head?.rev ?? 'none'}`,
    )
  }
  if (writes.length > MAX_WRITES) {
    throw new RepoError('too-many-writes', `too many writes; count=${writes.length} max=${MAX_WRITES}`)
  }
  const paths = new Set<string>()
  for (const { path } of writes) {
    if (!isValidKey(path))
      throw new RepoError('invalid-path', `not a path of a record; path=${path}`, { path })
    if (paths.has(path))
      throw new RepoError('duplicate-path', `two writes to one path; path=${path}`, { path })
    paths.add(path)
  }
}

interface Change {
  readonly data: CID
  readonly ops: readonly RepoOp[]
  /** Writes that brought a record, those without effect left out. */
  readonly written: readonly Write[]
  /** New nodes, parents before children. */
  readonly nodes: readonly (readonly [CID, Uint8Array])[]
  readonly removed: readonly CID[]
  readonly proof: BlockMap
}

async function changeStored(store: BlockReader, head: RepoHead, writes: readonly Write[]): Promise<Change> {
  const keys: string[] = []
  const withNeighbours: string[] = []
  for (const { action, path } of writes) (action === 'delete' ? withNeighbours : keys).push(path)
  try {
    return await withTree(store, head.did, head.data, { keys, withNeighbours }, (tree) =>
      changeTree(tree, writes),
    )
  } catch (error) {
    throw toRepoError(error)
  }
}

function changeTree(tree: Tree, writes: readonly Write[]): Change {
  const ops: RepoOp[] = []
  const written: Write[] = []
  for (const write of writes) {
    const op = applyWrite(tree, write)
    if (op === null) continue
    ops.push(op)
    if (write.cid !== null) written.push(write)
  }
  const { root, created, removed } = tree.changes()
  const paths = ops.map((op) => op.path)
  const read = tree.proof(paths, true)
  const proof: BlockMap = new CidMap<Uint8Array>()
  for (const [cid, bytes] of read) if (!created.has(cid)) proof.set(cid, bytes)
  return { data: root, ops, written, nodes: [...created].toReversed(), removed, proof }
}

/** The op that a write comes to, or null where nothing changes. */
function applyWrite(tree: Tree, { action, path, cid }: Write): RepoOp | null {
  try {
    if (action === 'create') {
      tree.insert(path, cid!)
      return { action, path, cid }
    }
    if (action === 'delete') return { action, path, cid: null, prev: tree.remove(path) }
    const prev = tree.update(path, cid!)
    return cidEquals(prev, cid!) ? null : { action, path, cid, prev }
  } catch (error) {
    if (error instanceof MstError && error.code === 'key-exists') {
      throw new RepoError('record-exists', `record exists already; path=${path}`, { path, cause: error })
    }
    if (error instanceof MstError && error.code === 'key-not-found') {
      throw new RepoError('record-not-found', `no record to ${action}; path=${path}`, { path, cause: error })
    }
    throw error
  }
}

/** An op of an event as the tree has it. */
export function toTreeOp(op: RepoOp): TreeOp {
  return { key: op.path, value: op.cid, prev: op.prev ?? null }
}

/** The event's CAR has, besides the bytes, 36 of CID and up to 3 of length per block, and about 60 of header. */
function checkSize(newBlocks: BlockMap, proof: BlockMap): void {
  let size = 100
  for (const blocks of [newBlocks, proof]) for (const bytes of blocks.values()) size += bytes.length + 39
  if (size > MAX_COMMIT_CAR_SIZE) {
    throw new RepoError(
      'commit-too-large',
      `blocks of the commit are too large; size=${size} max=${MAX_COMMIT_CAR_SIZE}`,
    )
  }
}
