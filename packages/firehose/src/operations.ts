// Steps 6 to 8: the operations against the tree after the commit, and the tree before it.
// Spec: https://atproto.com/specs/sync#commit-validation-and-operation-inversion

import { type CID, cidEquals, formatCid } from '@avocet/data'
import { emptyTree, invertTreeOps, loadTree, MstError, type Tree } from '@avocet/mst'
import { isNsid, isRecordKey } from '@avocet/syntax'
import { type ContentReader, createContentReader } from './content.ts'
import type { VerifiedOp } from './events.ts'
import type { VerifyPolicy } from './policy.ts'
import { type Checked, type ClaimedOp, fail, type ParsedCommit } from './parse.ts'
import type { CommitBlocks } from './blocks.ts'
import type { ProvedOps } from './proof.ts'

/** Checks each operation against the tree, then undoes them all and compares the root reached with `prevData`. */
export function proveOperations(
  event: ParsedCommit,
  content: CommitBlocks,
  policy: VerifyPolicy,
): Checked<ProvedOps> {
  const tree = loadTree(content.commit.data, content.blocks)
  const seen = new Set<string>()
  const reader = createContentReader(policy)
  const ops: VerifiedOp[] = []
  let legacy = event.prevData === undefined && event.since !== null
  try {
    for (const claimed of event.ops) {
      if (seen.has(claimed.path)) {
        return fail('op-duplicate-path', `two operations on one path; path=${claimed.path.slice(0, 600)}`)
      }
      seen.add(claimed.path)
      const op = proveOperation(claimed, tree, content, reader, policy)
      if (!op.ok) return op
      ops.push(op.value)
      if (claimed.action !== 'create' && claimed.prev === undefined) legacy = true
    }
  } catch (error) {
    return treeFailure(error)
  }
  if (legacy) return { ok: true, value: { ops, legacy } }
  return invert(tree, event, ops)
}

function proveOperation(
  claimed: ClaimedOp,
  tree: Tree,
  content: CommitBlocks,
  reader: ContentReader,
  policy: VerifyPolicy,
): Checked<VerifiedOp> {
  const { action, path, cid, prev = null } = claimed
  const slash = path.indexOf('/')
  const collection = path.slice(0, Math.max(slash, 0))
  const rkey = path.slice(slash + 1)
  if (!isNsid(collection) || !isRecordKey(rkey)) {
    return fail('op-path-invalid', `path is not collection/rkey; path=${path.slice(0, 600)}`)
  }
  if (action === 'delete') return proveDelete(claimed, collection, rkey, tree)
  const found = tree.get(path)
  if (found === null) return fail('op-not-in-tree', `tree holds nothing at this path; path=${path}`)
  if (cid === null || !cidEquals(found, cid)) {
    return fail('op-cid-mismatch', `tree holds another record at this path; path=${path}`)
  }
  const bytes = content.blocks.get(cid)
  if (bytes === undefined) return fail('record-missing', `record block is missing; path=${path}`)
  if (bytes.length > policy.maxRecordBytes) {
    return fail('record-too-big', `record too big; bytes=${bytes.length} max=${policy.maxRecordBytes}`)
  }
  const { record, unread, isRepeat } = reader.read(cid, bytes)
  if (unread === 'malformed') {
    return fail('record-malformed', `record is not a DAG-CBOR object; path=${path}`)
  }
  const op = { action, path, collection, rkey, cid, record, recordBytes: bytes, prev }
  if (unread === null && !isRepeat) return { ok: true, value: op }
  return { ok: true, value: { ...op, ...(unread && { unread }), ...(isRepeat && { isRepeat }) } }
}

function proveDelete(claimed: ClaimedOp, collection: string, rkey: string, tree: Tree): Checked<VerifiedOp> {
  const { path, prev = null } = claimed
  let found: CID | null
  try {
    found = tree.get(path)
  } catch (error) {
    if (!(error instanceof MstError) || error.code !== 'missing-block') throw error
    return fail('delete-not-proved', `blocks do not show that the record is gone; path=${path}`)
  }
  if (found !== null) return fail('delete-still-present', `deleted record is in the tree; path=${path}`)
  return {
    ok: true,
    value: { action: 'delete', path, collection, rkey, cid: null, record: null, recordBytes: null, prev },
  }
}

const EMPTY_ROOT: CID = emptyTree().root()

/** Undoes the operations on the partial tree: deletions first, then by path. */
function invert(tree: Tree, event: ParsedCommit, ops: readonly VerifiedOp[]): Checked<ProvedOps> {
  let before: CID
  try {
    invertTreeOps(
      tree,
      ops.map(({ path, cid, prev }) => ({ key: path, value: cid, prev })),
    )
    before = tree.root()
  } catch (error) {
    if (error instanceof MstError && error.code === 'missing-block') {
      return fail('inversion-incomplete', `blocks do not cover the operations; ${error.message}`)
    }
    return treeFailure(error)
  }
  // The first commit of a repo has no prevData: before it the tree was empty.
  const expected = event.prevData ?? EMPTY_ROOT
  if (!cidEquals(before, expected)) {
    return fail(
      'inversion-mismatch',
      `undone, the operations do not lead to prevData; reached=${formatCid(before)} prevData=${formatCid(expected)}`,
    )
  }
  return { ok: true, value: { ops, legacy: false } }
}

function treeFailure<T>(error: unknown): Checked<T> {
  if (!(error instanceof MstError)) throw error
  return fail(error.code === 'missing-block' ? 'node-missing' : 'node-malformed', error.message)
}
