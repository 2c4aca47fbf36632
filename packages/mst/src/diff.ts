import { type BlockMap, type CID, cidEquals, CidMap, formatCid } from '@avocet/data'
import { MstError } from './error.ts'
import { decodeNode, TreeNode } from './node.ts'
import { inversionNodes, type TreeOp } from './ops.ts'
import { proofNodes } from './proof.ts'
import { MAX_DEPTH, type NodeSource } from './lookup.ts'

/** What lies between two trees. */
export interface TreeDiff {
  /** Changes of keys that lead from the first tree to the second, in key order. */
  readonly recordOps: readonly TreeOp[]
  /** Nodes of the second tree that the first does not have. */
  readonly createdNodes: BlockMap
  /** Nodes of the first tree that the second does not have. */
  readonly deletedNodes: BlockMap
  /**
   * Nodes of the second tree that prove each op: that created and updated keys are there, deleted ones are not.
   * Computed when it is asked for.
   */
  readonly proofNodes: BlockMap
  /**
   * Nodes of the second tree that taking the ops back to the first reads, in the order of `inversionOrder`. Computed
   * when it is asked for.
   */
  readonly inversionNodes: BlockMap
}

/** A subtree not looked into yet, or an entry. */
type Item =
  | { readonly cid: CID; readonly layer: number | null; readonly low: string; readonly high: string }
  | { readonly key: string; readonly value: CID }

/**
 * Compares two trees. Subtrees that both have are not read: the cost grows with what differs, not with the trees.
 *
 * @param before root of the first tree; null for none at all.
 * @param after root of the second tree.
 * @param source of both trees' nodes.
 * @throws {MstError} `missing-block`, `malformed-node`, `too-deep`
 */
export function diff(before: CID | null, after: CID, source: NodeSource): TreeDiff {
  const deleted: BlockMap = new CidMap<Uint8Array>()
  const created: BlockMap = new CidMap<Uint8Array>()
  const a = createWalker(before, source, deleted)
  const b = createWalker(after, source, created)
  const recordOps: TreeOp[] = []
  for (;;) {
    const left = a.front()
    const right = b.front()
    if (left === undefined && right === undefined) break
    const leftTree = left !== undefined && 'cid' in left ? left : null
    const rightTree = right !== undefined && 'cid' in right ? right : null
    if (leftTree !== null && rightTree !== null) {
      if (cidEquals(leftTree.cid, rightTree.cid)) {
        a.skip()
        b.skip()
        continue
      }
      // The higher one first: its keys lie around those of the lower one. Roots have a layer once they are read.
      const [l, r] = [leftTree.layer ?? Infinity, rightTree.layer ?? Infinity]
      if (l >= r) a.descend()
      if (r >= l) b.descend()
      continue
    }
    if (leftTree !== null) a.descend()
    else if (rightTree !== null) b.descend()
    else compareEntries(left as Entry | undefined, right as Entry | undefined)
  }
  for (const cid of deleted.keys()) {
    if (!created.has(cid)) continue
    created.delete(cid)
    deleted.delete(cid)
  }
  let proof: BlockMap | undefined
  let inversion: BlockMap | undefined
  return {
    recordOps,
    createdNodes: created,
    deletedNodes: deleted,
    get proofNodes() {
      proof ??= proofNodes(
        after,
        source,
        recordOps.map((op) => op.key),
      )
      return proof
    },
    get inversionNodes() {
      inversion ??= inversionNodes(after, source, recordOps)
      return inversion
    },
  }

  function compareEntries(left: Entry | undefined, right: Entry | undefined): void {
    if (right === undefined || (left !== undefined && left.key < right.key)) {
      recordOps.push({ key: left!.key, value: null, prev: left!.value })
      a.skip()
    } else if (left === undefined || right.key < left.key) {
      recordOps.push({ key: right.key, value: right.value, prev: null })
      b.skip()
    } else {
      if (!cidEquals(left.value, right.value)) {
        recordOps.push({ key: left.key, value: right.value, prev: left.value })
      }
      a.skip()
      b.skip()
    }
  }
}

type Entry = Extract<Item, { key: string }>

interface Walker {
  /** The next item in key order; undefined at the end. */
  front(): Item | undefined
  /** Goes past it. */
  skip(): void
  /** Replaces it, a subtree, by what is in its node. */
  descend(): void
}

/** Walks a tree from left to right; nodes that are descended into go to `read`. */
function createWalker(root: CID | null, source: NodeSource, read: BlockMap): Walker {
  // Last in, first out: the front is at the end.
  const items: Item[] = root === null ? [] : [{ cid: root, layer: null, low: '', high: '' }]
  return {
    front: () => items[items.length - 1],
    skip: () => void items.pop(),
    descend() {
      const item = items.pop()
      if (item === undefined || !('cid' in item)) return
      const { cid, layer, low, high } = item
      const bytes = source.get(cid)
      if (bytes === undefined) {
        throw new MstError('missing-block', `tree node is missing; cid=${formatCid(cid)}`, { cid })
      }
      read.set(cid, bytes)
      const node = decodeNode(bytes, layer, cid, low, high)
      if (node.layer > MAX_DEPTH)
        throw new MstError('too-deep', `tree is too deep; layer=${node.layer}`, { cid })
      for (let i = node.keys.length; i >= 0; i--) {
        // Child i lies before key i, so it is pushed after it.
        if (i < node.keys.length) items.push({ key: node.keys[i]!, value: node.values[i]!.cid })
        const child = node.children[i]!
        if (child === null || child instanceof TreeNode) continue
        const from = i > 0 ? node.keys[i - 1]! : low
        items.push({ cid: child.cid, layer: node.layer - 1, low: from, high: node.keys[i] ?? high })
      }
    },
  }
}
