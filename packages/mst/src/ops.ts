// https://github.com/bluesky-social/proposals/tree/main/0006-sync-iteration#commit-validation-mst-operation-inversion

import { type BlockMap, type CID, cidEquals, formatCid } from '@avocet/data'
import { MstError } from './error.ts'
import { recordReads } from './source.ts'
import type { NodeSource } from './lookup.ts'
import { loadTree, type Tree } from './tree.ts'

/** A change of one key: from `prev` (null = was absent) to `value` (null = is absent). */
export interface TreeOp {
  readonly key: string
  readonly value: CID | null
  readonly prev: CID | null
}

/** The order in which ops are inverted: deletions first, then by key. All writers and verifiers share it. */
export function inversionOrder(a: TreeOp, b: TreeOp): number {
  const deleteFirst = Number(b.value === null) - Number(a.value === null)
  if (deleteFirst !== 0) return deleteFirst
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}

/**
 * Takes ops back, so that the tree is as it was before them.
 *
 * @param order in which they are taken back. The root reached is the same in any order; on a partial tree, which nodes
 *   are needed on the way is not.
 * @throws {MstError} `key-not-found` or `key-exists` where the tree is not what the ops claim (also when another value
 *   is at the key), `missing-block` where it is too partial to tell, `malformed-node`
 */
export function invertTreeOps(
  tree: Tree,
  ops: readonly TreeOp[],
  order: (a: TreeOp, b: TreeOp) => number = inversionOrder,
): void {
  const ordered = ops.length > 1 ? ops.toSorted(order) : ops
  for (const { key, value, prev } of ordered) {
    if (value === null) {
      if (prev !== null) tree.insert(key, prev)
      continue
    }
    const present = prev === null ? tree.remove(key) : tree.update(key, prev)
    if (!cidEquals(present, value)) {
      throw new MstError(
        'key-not-found',
        `tree has another value at the key; key=${key} value=${formatCid(present)}`,
        {
          key,
        },
      )
    }
  }
}

/**
 * The nodes of the tree after some ops that inverting them reads: the least that somebody without the repository needs
 * to check them in that order. They also prove that each created or updated key is there and each deleted one is not.
 *
 * @param root of the tree after the ops.
 * @param order as in {@link invertTreeOps}.
 * @throws as {@link invertTreeOps}
 */
export function inversionNodes(
  root: CID,
  source: NodeSource,
  ops: readonly TreeOp[],
  order?: (a: TreeOp, b: TreeOp) => number,
): BlockMap {
  const { recording, read } = recordReads(source)
  invertTreeOps(loadTree(root, recording), ops, order)
  return read
}
