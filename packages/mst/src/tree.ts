// https://atproto.com/specs/repository#mst-structure
// The tree is synchronous and may be partial: nodes are taken from the source when an operation first descends into
// them, and a node that the source does not have is a typed error. Nothing is encoded or hashed until the root is
// asked for, so a hundred changes hash each node once and no intermediate node ever exists as a block.

import { type BlockMap, type CID, cidEquals, cidKey, CidMap } from '@avocet/data'
import { insert, notFound, remove, split } from './edit.ts'
import { assertValidKey, lowerBound } from './key.ts'
import { keyLayer } from './layer.ts'
import { Link } from './link.ts'
import { type Child, TreeNode } from './node.ts'
import type { NodeSource } from './lookup.ts'
import { NodeKeeper } from './node-keeper.ts'
import { type EntriesOptions, iterate } from './walk.ts'

/** What changed since the tree was made, as blocks. See {@link Tree.changes}. */
export interface TreeChanges {
  /** CID of the root node now. */
  readonly root: CID
  /** Nodes of the tree now that were not in it before, in no particular order. */
  readonly created: BlockMap
  /** Nodes that were in the tree before and are no longer. */
  readonly removed: readonly CID[]
}

const noBlocks: NodeSource = { get: () => undefined }

/** A Merkle search tree from keys (`collection/rkey`) to CIDs. Made by {@link emptyTree} and {@link loadTree}. */
export class Tree {
  readonly #keeper: NodeKeeper
  #root: TreeNode | CID

  /** @internal Use {@link emptyTree} or {@link loadTree}. */
  constructor(root: TreeNode | CID, source: NodeSource) {
    this.#root = root
    this.#keeper = new NodeKeeper(source)
  }

  /** How many nodes have been taken from the source so far: the cost of what was asked of a partial tree. */
  get loads(): number {
    return this.#keeper.loads
  }

  /**
   * The CID at a key, or null where the tree proves that there is none.
   * @throws {MstError} `missing-block`, `malformed-node`
   */
  get(key: string): CID | null {
    let node = this.#rootNode()
    let low = ''
    let high = ''
    for (;;) {
      const at = lowerBound(node.keys, key)
      if (node.keys[at] === key) return node.values[at]!.cid
      if (node.children[at] === null) return null
      const child: TreeNode = this.#keeper.child(node, at, low, high)
      if (at > 0) low = node.keys[at - 1]!
      if (at < node.keys.length) high = node.keys[at]!
      node = child
    }
  }

  /** @throws {MstError} `key-exists`, `invalid-key`, `missing-block`, `malformed-node` */
  insert(key: string, value: CID): void {
    assertValidKey(key)
    const layer = keyLayer(key)
    let root = this.#rootNode()
    if (root.keys.length === 0) {
      this.#keeper.touch(root)
      this.#root = new TreeNode(layer, [key], [Link.of(value)], [null, null])
      return
    }
    if (layer > root.layer) {
      let [left, right]: [Child, Child] = split(this.#keeper, root, key, '', '')
      for (let l = root.layer + 1; l < layer; l++) {
        left = left === null ? null : new TreeNode(l, [], [], [left])
        right = right === null ? null : new TreeNode(l, [], [], [right])
      }
      root = new TreeNode(layer, [key], [Link.of(value)], [left, right])
    } else {
      insert(this.#keeper, root, key, value, layer, '', '')
    }
    this.#root = root
  }

  /**
   * Points an existing key at another CID.
   * @returns the CID before.
   * @throws {MstError} `key-not-found`, `missing-block`, `malformed-node`
   */
  update(key: string, value: CID): CID {
    const path: TreeNode[] = []
    let node = this.#rootNode()
    let low = ''
    let high = ''
    for (;;) {
      path.push(node)
      const at = lowerBound(node.keys, key)
      if (node.keys[at] === key) {
        const before = node.values[at]!.cid
        if (!cidEquals(before, value)) {
          for (const changed of path) this.#keeper.touch(changed)
          const link = Link.of(value)
          const { raw, at: offset } = node.values[at]!
          if (raw === node.template) (node.patches ??= []).push({ at: offset, link })
          else node.template = null
          node.values[at] = link
        }
        return before
      }
      if (node.children[at] === null) throw notFound(key)
      const child: TreeNode = this.#keeper.child(node, at, low, high)
      if (at > 0) low = node.keys[at - 1]!
      if (at < node.keys.length) high = node.keys[at]!
      node = child
    }
  }

  /**
   * Takes a key out.
   * @returns the CID that was there.
   * @throws {MstError} `key-not-found`, `missing-block`, `malformed-node`
   */
  remove(key: string): CID {
    const root = this.#rootNode()
    const value = remove(this.#keeper, root, key, '', '')
    // A root without entries is replaced by its only subtree, again and again.
    let top = root
    while (top.keys.length === 0 && top.children[0] !== null) {
      const child: Child = top.children[0]!
      this.#keeper.touch(top)
      if (!(child instanceof TreeNode) && this.#keeper.source.get(child.cid) === undefined) {
        // Only the CID matters from here on, unless that node has no entries either: then the root computed from a
        // partial tree is not the true one, and comparing it with the expected root tells. Writers leave it out.
        this.#root = child.cid
        return value
      }
      top = this.#keeper.child(top, 0, '', '')
    }
    this.#root = top
    return value
  }

  /**
   * Which nodes must be supplied before the paths to these keys are complete: the next missing one of each path, so
   * call it again after supplying them, until nothing is missing. This is how a tree is loaded from an asynchronous
   * store, with one round trip per layer.
   *
   * @param neighbours also the paths to the keys before and after each, as removing them needs.
   */
  missing(keys: Iterable<string>, neighbours = false): CID[] {
    const wanted = new Map<string, CID>()
    /** Child `at` if it can be had; null where there is none or it was noted as wanted. */
    const down = (node: TreeNode, at: number, low: string, high: string): TreeNode | null => {
      const child = node.children[at]!
      if (child === null || child instanceof TreeNode) return child
      if (this.#keeper.source.get(child.cid) !== undefined) return this.#keeper.child(node, at, low, high)
      wanted.set(cidKey(child.cid), child.cid)
      return null
    }
    if (!(this.#root instanceof TreeNode) && this.#keeper.source.get(this.#root) === undefined)
      return [this.#root]
    for (const key of keys) {
      let node: TreeNode | null = this.#rootNode()
      let low = ''
      let high = ''
      while (node !== null) {
        const at = lowerBound(node.keys, key)
        const lower = at > 0 ? node.keys[at - 1]! : low
        if (node.keys[at] === key) {
          if (!neighbours) break
          const upper = node.keys[at + 1] ?? high
          let left = down(node, at, low, high)
          for (let before = lower; left !== null;) {
            const last: number = left.children.length - 1
            const next = down(left, last, before, key)
            before = left.keys[last - 1] ?? before
            left = next
          }
          let right = down(node, at + 1, low, high)
          for (let after = upper; right !== null;) {
            const next: TreeNode | null = down(right, 0, key, after)
            after = right.keys[0] ?? after
            right = next
          }
          break
        }
        const child = down(node, at, low, high)
        low = lower
        high = node.keys[at] ?? high
        node = child
      }
    }
    return [...wanted.values()]
  }

  /**
   * The entries in key order (or reverse), lazily: nodes are loaded as the iteration reaches them.
   * The tree must not be changed meanwhile.
   * @throws {MstError} `missing-block`, `malformed-node` while iterating
   */
  entries(options: EntriesOptions = {}): Generator<[key: string, value: CID], void> {
    return iterate(
      this.#rootNode(),
      (node, at, low, high) => this.#keeper.child(node, at, low, high),
      options,
    )
  }

  /**
   * The nodes on the paths to some keys, present or not; with `neighbours` also the paths to the keys next to each.
   * Encodes and hashes what changed, as {@link Tree.root} does.
   * @throws {MstError} `missing-block`, `malformed-node`
   */
  proof(keys: Iterable<string>, neighbours = false): BlockMap {
    this.root()
    const read: BlockMap = new CidMap<Uint8Array>()
    const note = (node: TreeNode): TreeNode => {
      read.set(node.cid!, node.bytes!)
      return node
    }
    for (const key of keys) {
      let node = note(this.#rootNode())
      let low = ''
      let high = ''
      for (;;) {
        const at = lowerBound(node.keys, key)
        const lower = at > 0 ? node.keys[at - 1]! : low
        if (node.keys[at] === key) {
          if (neighbours) this.#noteNeighbours(node, at, low, high, note)
          break
        }
        // Where there is nothing, the keys next to it are in nodes that were passed on the way.
        if (node.children[at] === null) break
        const child = note(this.#keeper.child(node, at, low, high))
        low = lower
        high = node.keys[at] ?? high
        node = child
      }
    }
    return read
  }

  /** The right edge of the subtree before key `at`, and the left edge of the one after it. */
  #noteNeighbours(
    node: TreeNode,
    at: number,
    low: string,
    high: string,
    note: (node: TreeNode) => TreeNode,
  ): void {
    const key = node.keys[at]!
    const start = (slot: number): TreeNode | null =>
      node.children[slot] === null ? null : note(this.#keeper.child(node, slot, low, high))
    let left = start(at)
    for (let before = at > 0 ? node.keys[at - 1]! : low; left !== null;) {
      const last: number = left.children.length - 1
      const next = left.children[last] === null ? null : note(this.#keeper.child(left, last, before, key))
      before = left.keys[last - 1] ?? before
      left = next
    }
    let right = start(at + 1)
    for (let after = node.keys[at + 1] ?? high; right !== null;) {
      const next: TreeNode | null =
        right.children[0] === null ? null : note(this.#keeper.child(right, 0, key, after))
      after = right.keys[0] ?? after
      right = next
    }
  }

  /** The CID of the root node. Encodes and hashes what changed since the last call. */
  root(): CID {
    if (!(this.#root instanceof TreeNode)) return this.#root
    return this.#keeper.seal(this.#root)
  }

  /** The nodes that make the difference between the tree as it was made and as it is now. */
  changes(): TreeChanges {
    const root = this.root()
    return { root, ...this.#keeper.changes(this.#root instanceof TreeNode ? this.#root : null) }
  }

  #rootNode(): TreeNode {
    if (this.#root instanceof TreeNode) return this.#root
    this.#root = this.#keeper.load(this.#root, null, '', '')
    return this.#root
  }
}

/** A tree without entries. Its root is the one block that an empty repository has. */
export function emptyTree(): Tree {
  return new Tree(new TreeNode(0, [], [], [null]), noBlocks)
}

/**
 * The tree with this root. Nothing is read yet: nodes are taken from `source` as operations need them.
 *
 * @param source must give only blocks that hash to the CID asked for, as `readCar` and the stores do.
 */
export function loadTree(root: CID, source: NodeSource): Tree {
  return new Tree(root, source)
}
