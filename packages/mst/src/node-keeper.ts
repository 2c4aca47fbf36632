import { type BlockMap, type CID, cidForCbor, CidMap } from '@avocet/data'
import { Link } from './link.ts'
import { loadNode, type NodeSource } from './lookup.ts'
import { type Child, encodeNode, patchNode, TreeNode } from './node.ts'

/** The nodes of one tree: loads them, and knows which have changed since. */
export class NodeKeeper {
  readonly source: NodeSource
  /** How many nodes were taken from the source so far. */
  loads = 0
  /** Nodes as loaded that have been changed or left out since. */
  readonly #dropped: CID[] = []

  constructor(source: NodeSource) {
    this.source = source
  }

  /** @throws {MstError} `missing-block`, `malformed-node`, `too-deep` */
  load(cid: CID, layer: number | null, low: string, high: string): TreeNode {
    const node = loadNode(this.source, cid, layer, low, high)
    this.loads++
    return node
  }

  /**
   * Child `at` of `node`, which must have one, loaded if need be and then kept in place.
   * `low` and `high` ('' = none) bound the keys of `node`; those of the child are checked against the tighter ones.
   */
  child(node: TreeNode, at: number, low: string, high: string): TreeNode {
    const child = node.children[at]
    if (child instanceof TreeNode) return child
    if (!child) throw new RangeError(`node has no child there; at=${at}`)
    const loaded = this.load(
      child.cid,
      node.layer - 1,
      at > 0 ? node.keys[at - 1]! : low,
      at < node.keys.length ? node.keys[at]! : high,
    )
    loaded.origin = child
    node.children[at] = loaded
    return loaded
  }

  /** Marks a node as changed: its present block is no longer part of the tree. */
  touch(node: TreeNode, isReshaped = false): void {
    if (isReshaped) node.template = null
    const { cid } = node
    if (cid === null) return
    // What this tree encoded itself is an intermediate state and leaves no trace; what it loaded is remembered.
    if (!node.isFresh) this.#dropped.push(cid)
    node.cid = null
    node.bytes = null
  }

  /** Encodes and hashes a node and what changed below it. */
  seal(node: TreeNode): CID {
    if (node.cid !== null) return node.cid
    for (const child of node.children) if (child instanceof TreeNode) this.seal(child)
    const bytes = patchNode(node) ?? encodeNode(node.keys, node.values, node.children.map(linkOf))
    const cid = cidForCbor(bytes)
    node.cid = cid
    node.bytes = bytes
    node.isFresh = true
    return cid
  }

  /**
   * Nodes of the tree now that were not in it before, and the other way round. All must be sealed.
   *
   * @param root null where it is not loaded.
   */
  changes(root: TreeNode | null): { created: BlockMap; removed: CID[] } {
    const created: BlockMap = new CidMap<Uint8Array>()
    if (root !== null) collectFresh(root, created)
    // A node changed to and fro is the one that was there.
    const removed = this.#dropped.filter((cid) => !created.delete(cid))
    return { created, removed }
  }
}

/** Adds the nodes that were encoded here, children first. Whatever changes a node changes all those above it. */
function collectFresh(node: TreeNode, into: BlockMap): void {
  if (!node.isFresh) return
  for (const child of node.children) if (child instanceof TreeNode) collectFresh(child, into)
  into.set(node.cid!, node.bytes!)
}

function linkOf(child: Child): Link | null {
  return child instanceof TreeNode ? Link.of(child.cid!) : child
}
