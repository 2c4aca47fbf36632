// https://atproto.com/specs/repository#mst-structure
// The tree is synchronous and may be partial: nodes are taken from the source when an operation first descends into
// them, and a node that the source does not have is a typed error. Nothing is encoded or hashed until the root is
// asked for, so a hundred changes hash each node once and no intermediate node ever exists as a block.

import { type BlockMap, type CID, cidEquals, cidForCbor, cidKey, CidMap, formatCid } from '@avocet/data'
import { MstError } from './error.ts'
import { assertValidKey } from './key.ts'
import { keyLayer } from './layer.ts'
import { Link } from './link.ts'
import { type Child, decodeNode, encodeNode, patchNode, TreeNode } from './node.ts'
import { type EntriesOptions, iterate } from './walk.ts'

/** Deepest tree that is read. A key of layer 64 takes 2^128 tries to make, so no real tree comes near. */
export const MAX_DEPTH = 64

/** Where encoded nodes come from: a `BlockMap`, or anything with its `get`. Blocks must hash to their CID. */
export interface NodeSource {
  get(cid: CID): Uint8Array | undefined
}

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
  readonly #source: NodeSource
  #root: TreeNode | CID
  /** Nodes as loaded that have been changed or left out since. */
  readonly #dropped: CID[] = []
  /** Nodes encoded by this tree and still part of it. */
  readonly #fresh = new Set<TreeNode>()
  /** How many nodes were taken from the source so far. */
  #loads = 0

  /** @internal Use {@link emptyTree} or {@link loadTree}. */
  constructor(root: TreeNode | CID, source: NodeSource) {
    this.#root = root
    this.#source = source
  }

  /** How many nodes have been taken from the source so far: the cost of what was asked of a partial tree. */
  get loads(): number {
    return this.#loads
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
      const child: TreeNode = this.#child(node, at, low, high)
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
      this.#touch(root)
      this.#root = new TreeNode(layer, [key], [Link.of(value)], [null, null])
      return
    }
    if (layer > root.layer) {
      let [left, right]: [Child, Child] = this.#split(root, key, '', '')
      for (let l = root.layer + 1; l < layer; l++) {
        left = left === null ? null : new TreeNode(l, [], [], [left])
        right = right === null ? null : new TreeNode(l, [], [], [right])
      }
      root = new TreeNode(layer, [key], [Link.of(value)], [left, right])
    } else {
      this.#insert(root, key, value, layer, '', '')
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
          for (const changed of path) this.#touch(changed)
          const link = Link.of(value)
          const { raw, at: offset } = node.values[at]!
          if (raw === node.template) (node.patches ??= []).push({ at: offset, link })
          else node.template = null
          node.values[at] = link
        }
        return before
      }
      if (node.children[at] === null) throw notFound(key)
      const child: TreeNode = this.#child(node, at, low, high)
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
    const value = this.#remove(root, key, '', '')
    // A root without entries is replaced by its only subtree, again and again.
    let top = root
    while (top.keys.length === 0 && top.children[0] !== null) {
      const child: Child = top.children[0]!
      this.#touch(top)
      if (!(child instanceof TreeNode) && this.#source.get(child.cid) === undefined) {
        // Only the CID matters from here on, unless that node has no entries either: then the root computed from a
        // partial tree is not the true one, and comparing it with the expected root tells. Writers leave it out.
        this.#root = child.cid
        return value
      }
      top = this.#child(top, 0, '', '')
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
      if (this.#source.get(child.cid) !== undefined) return this.#child(node, at, low, high)
      wanted.set(cidKey(child.cid), child.cid)
      return null
    }
    if (!(this.#root instanceof TreeNode) && this.#source.get(this.#root) === undefined) return [this.#root]
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
          while (left !== null) left = down(left, left.children.length - 1, lower, key)
          let right = down(node, at + 1, low, high)
          while (right !== null) right = down(right, 0, key, upper)
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
    return iterate(this.#rootNode(), (node, at, low, high) => this.#child(node, at, low, high), options)
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
          if (neighbours) this.#noteNeighbours(node, at, lower, node.keys[at + 1] ?? high, note)
          break
        }
        // Where there is nothing, the keys next to it are in nodes that were passed on the way.
        if (node.children[at] === null) break
        const child = note(this.#child(node, at, low, high))
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
      node.children[slot] === null ? null : note(this.#child(node, slot, low, high))
    let left = start(at)
    while (left !== null) {
      const last: number = left.children.length - 1
      left = left.children[last] === null ? null : note(this.#child(left, last, low, key))
    }
    let right = start(at + 1)
    while (right !== null) right = right.children[0] === null ? null : note(this.#child(right, 0, key, high))
  }

  /** The CID of the root node. Encodes and hashes what changed since the last call. */
  root(): CID {
    if (!(this.#root instanceof TreeNode)) return this.#root
    return this.#seal(this.#root)
  }

  /** The nodes that make the difference between the tree as it was made and as it is now. */
  changes(): TreeChanges {
    const root = this.root()
    const dropped = new CidMap(this.#dropped.map((cid) => [cid, cid]))
    const created: BlockMap = new CidMap<Uint8Array>()
    for (const { cid, bytes } of this.#fresh) {
      // A node changed to and fro is the one that was there.
      if (!dropped.delete(cid!)) created.set(cid!, bytes!)
    }
    const removed = [...dropped.keys()]
    return { root, created, removed }
  }

  #rootNode(): TreeNode {
    if (this.#root instanceof TreeNode) return this.#root
    this.#root = this.#load(this.#root, null, '', '')
    return this.#root
  }

  #load(cid: CID, layer: number | null, low: string, high: string): TreeNode {
    const bytes = this.#source.get(cid)
    if (bytes === undefined)
      throw new MstError('missing-block', `tree node is missing; cid=${formatCid(cid)}`, { cid })
    this.#loads++
    const node = decodeNode(bytes, layer, cid, low, high)
    if (node.layer > MAX_DEPTH) {
      throw new MstError('too-deep', `tree is too deep; layer=${node.layer} cid=${formatCid(cid)}`, { cid })
    }
    return node
  }

  /**
   * Child `at` of `node`, which must have one, loaded if need be and then kept in place.
   * `low` and `high` ('' = none) bound the keys of `node`; those of the child are checked against the tighter ones.
   */
  #child(node: TreeNode, at: number, low: string, high: string): TreeNode {
    const child = node.children[at]
    if (child instanceof TreeNode) return child
    if (!child) throw new RangeError(`node has no child there; at=${at}`)
    const loaded = this.#load(
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
  #touch(node: TreeNode, isReshaped = false): void {
    if (isReshaped) node.template = null
    const { cid } = node
    if (cid === null) return
    // What this tree encoded itself is an intermediate state and leaves no trace; what it loaded is remembered.
    if (!this.#fresh.delete(node)) this.#dropped.push(cid)
    node.cid = null
    node.bytes = null
  }

  #seal(node: TreeNode): CID {
    if (node.cid !== null) return node.cid
    for (const child of node.children) if (child instanceof TreeNode) this.#seal(child)
    const bytes = patchNode(node) ?? encodeNode(node.keys, node.values, node.children.map(linkOf))
    const cid = cidForCbor(bytes)
    node.cid = cid
    node.bytes = bytes
    this.#fresh.add(node)
    return cid
  }

  #insert(node: TreeNode, key: string, value: CID, layer: number, low: string, high: string): void {
    const at = lowerBound(node.keys, key)
    if (node.keys[at] === key)
      throw new MstError('key-exists', `key is in the tree already; key=${key}`, { key })
    if (layer === node.layer) {
      let left: Child = null
      let right: Child = null
      if (node.children[at] !== null) {
        const child = this.#child(node, at, low, high)
        ;[left, right] = this.#split(child, key, at > 0 ? node.keys[at - 1]! : low, node.keys[at] ?? high)
      }
      this.#touch(node, true)
      node.keys.splice(at, 0, key)
      node.values.splice(at, 0, Link.of(value))
      node.children.splice(at, 1, left, right)
      return
    }
    if (node.children[at] === null) {
      this.#touch(node, true)
      let child = new TreeNode(layer, [key], [Link.of(value)], [null, null])
      for (let l = layer + 1; l < node.layer; l++) child = new TreeNode(l, [], [], [child])
      node.children[at] = child
      return
    }
    const child = this.#child(node, at, low, high)
    this.#insert(child, key, value, layer, at > 0 ? node.keys[at - 1]! : low, node.keys[at] ?? high)
    this.#touch(node)
  }

  /** Divides a subtree that does not hold `key` into what is before and what is after it. */
  #split(node: TreeNode, key: string, low: string, high: string): [TreeNode | null, TreeNode | null] {
    const at = lowerBound(node.keys, key)
    if (node.keys[at] === key)
      throw new MstError('key-exists', `key is in the tree already; key=${key}`, { key })
    let left: Child = null
    let right: Child = null
    if (node.children[at] !== null) {
      const child = this.#child(node, at, low, high)
      ;[left, right] = this.#split(child, key, at > 0 ? node.keys[at - 1]! : low, node.keys[at] ?? high)
    }
    this.#touch(node)
    const { layer, keys, values, children } = node
    return [
      at === 0 && left === null
        ? null
        : new TreeNode(layer, keys.slice(0, at), values.slice(0, at), [...children.slice(0, at), left]),
      at === keys.length && right === null
        ? null
        : new TreeNode(layer, keys.slice(at), values.slice(at), [right, ...children.slice(at + 1)]),
    ]
  }

  #remove(node: TreeNode, key: string, low: string, high: string): CID {
    const at = lowerBound(node.keys, key)
    if (node.keys[at] === key) {
      const value = node.values[at]!.cid
      let merged: Child
      const left = node.children[at]!
      const right = node.children[at + 1]!
      if (left === null) merged = right
      else if (right === null) merged = left
      else {
        const a = this.#child(node, at, low, high)
        const b = this.#child(node, at + 1, low, high)
        merged = this.#merge(a, b, at > 0 ? node.keys[at - 1]! : low, key, node.keys[at + 1] ?? high)
      }
      this.#touch(node, true)
      node.keys.splice(at, 1)
      node.values.splice(at, 1)
      node.children.splice(at, 2, merged)
      return value
    }
    if (node.children[at] === null) throw notFound(key)
    const child = this.#child(node, at, low, high)
    const value = this.#remove(child, key, at > 0 ? node.keys[at - 1]! : low, node.keys[at] ?? high)
    const isGone = child.keys.length === 0 && child.children[0] === null
    this.#touch(node, isGone)
    if (isGone) node.children[at] = null
    return value
  }

  /** Joins two subtrees of one layer, all keys of `a` being before `middle` and all of `b` after. */
  #merge(a: TreeNode, b: TreeNode, low: string, middle: string, high: string): TreeNode {
    const last = a.children.length - 1
    let between: Child
    const left = a.children[last]!
    const right = b.children[0]!
    if (left === null) between = right
    else if (right === null) between = left
    else {
      const c = this.#child(a, last, low, middle)
      const d = this.#child(b, 0, middle, high)
      between = this.#merge(c, d, a.keys[last - 1] ?? low, middle, b.keys[0] ?? high)
    }
    this.#touch(a)
    this.#touch(b)
    return new TreeNode(
      a.layer,
      [...a.keys, ...b.keys],
      [...a.values, ...b.values],
      [...a.children.slice(0, last), between, ...b.children.slice(1)],
    )
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

/** Index of the first key that is not before `key`. Nodes have a handful of keys: a walk is faster than bisection. */
function lowerBound(keys: readonly string[], key: string): number {
  const { length } = keys
  if (length > 32) {
    let from = 0
    let to = length
    while (from < to) {
      const middle = (from + to) >> 1
      if (keys[middle]! < key) from = middle + 1
      else to = middle
    }
    return from
  }
  let at = 0
  while (at < length && keys[at]! < key) at++
  return at
}

function linkOf(child: Child): Link | null {
  return child instanceof TreeNode ? Link.of(child.cid!) : child
}

function notFound(key: string): MstError {
  return new MstError('key-not-found', `key is not in the tree; key=${key}`, { key })
}
