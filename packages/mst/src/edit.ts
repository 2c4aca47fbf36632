// What inserting and removing a key does to nodes. `low` and `high` are the keys around the subtree at hand ('' = none):
// nodes that are loaded on the way must lie between them.

import type { CID } from '@avocet/data'
import { MstError } from './error.ts'
import { lowerBound } from './key.ts'
import { Link } from './link.ts'
import { type Child, TreeNode } from './node.ts'
import type { NodeKeeper } from './node-keeper.ts'

/** Inserts a key of layer `layer` in a subtree of that layer or above. @throws {MstError} `key-exists` */
export function insert(
  keeper: NodeKeeper,
  node: TreeNode,
  key: string,
  value: CID,
  layer: number,
  low: string,
  high: string,
): void {
  const at = lowerBound(node.keys, key)
  if (node.keys[at] === key)
    throw new MstError('key-exists', `key is in the tree already; key=${key}`, { key })
  if (layer === node.layer) {
    let left: Child = null
    let right: Child = null
    if (node.children[at] !== null) {
      const child = keeper.child(node, at, low, high)
      ;[left, right] = split(keeper, child, key, at > 0 ? node.keys[at - 1]! : low, node.keys[at] ?? high)
    }
    keeper.touch(node, true)
    node.keys.splice(at, 0, key)
    node.values.splice(at, 0, Link.of(value))
    node.children.splice(at, 1, left, right)
    return
  }
  if (node.children[at] === null) {
    keeper.touch(node, true)
    let child = new TreeNode(layer, [key], [Link.of(value)], [null, null])
    for (let l = layer + 1; l < node.layer; l++) child = new TreeNode(l, [], [], [child])
    node.children[at] = child
    return
  }
  const child = keeper.child(node, at, low, high)
  insert(keeper, child, key, value, layer, at > 0 ? node.keys[at - 1]! : low, node.keys[at] ?? high)
  keeper.touch(node)
}

/** Divides a subtree that does not hold `key` into what is before and what is after it. */
export function split(
  keeper: NodeKeeper,
  node: TreeNode,
  key: string,
  low: string,
  high: string,
): [TreeNode | null, TreeNode | null] {
  const at = lowerBound(node.keys, key)
  if (node.keys[at] === key)
    throw new MstError('key-exists', `key is in the tree already; key=${key}`, { key })
  let left: Child = null
  let right: Child = null
  if (node.children[at] !== null) {
    const child = keeper.child(node, at, low, high)
    ;[left, right] = split(keeper, child, key, at > 0 ? node.keys[at - 1]! : low, node.keys[at] ?? high)
  }
  keeper.touch(node)
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

/** Takes a key out of a subtree, which may have nothing left then. @throws {MstError} `key-not-found` */
export function remove(keeper: NodeKeeper, node: TreeNode, key: string, low: string, high: string): CID {
  const at = lowerBound(node.keys, key)
  if (node.keys[at] === key) {
    const value = node.values[at]!.cid
    let merged: Child
    const left = node.children[at]!
    const right = node.children[at + 1]!
    if (left === null) merged = right
    else if (right === null) merged = left
    else {
      const a = keeper.child(node, at, low, high)
      const b = keeper.child(node, at + 1, low, high)
      merged = merge(keeper, a, b, at > 0 ? node.keys[at - 1]! : low, key, node.keys[at + 1] ?? high)
    }
    keeper.touch(node, true)
    node.keys.splice(at, 1)
    node.values.splice(at, 1)
    node.children.splice(at, 2, merged)
    return value
  }
  if (node.children[at] === null) throw notFound(key)
  const child = keeper.child(node, at, low, high)
  const value = remove(keeper, child, key, at > 0 ? node.keys[at - 1]! : low, node.keys[at] ?? high)
  const isGone = child.keys.length === 0 && child.children[0] === null
  keeper.touch(node, isGone)
  if (isGone) node.children[at] = null
  return value
}

/** Joins two subtrees of one layer, all keys of `a` being before `middle` and all of `b` after. */
function merge(
  keeper: NodeKeeper,
  a: TreeNode,
  b: TreeNode,
  low: string,
  middle: string,
  high: string,
): TreeNode {
  const last = a.children.length - 1
  let between: Child
  const left = a.children[last]!
  const right = b.children[0]!
  if (left === null) between = right
  else if (right === null) between = left
  else {
    const c = keeper.child(a, last, low, middle)
    const d = keeper.child(b, 0, middle, high)
    between = merge(keeper, c, d, a.keys[last - 1] ?? low, middle, b.keys[0] ?? high)
  }
  keeper.touch(a)
  keeper.touch(b)
  return new TreeNode(
    a.layer,
    [...a.keys, ...b.keys],
    [...a.values, ...b.values],
    [...a.children.slice(0, last), between, ...b.children.slice(1)],
  )
}

/** A `key-not-found` error. */
export function notFound(key: string): MstError {
  return new MstError('key-not-found', `key is not in the tree; key=${key}`, { key })
}
