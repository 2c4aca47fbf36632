import { type CID, formatCid } from '@avocet/data'
import { MstError } from './error.ts'
import { lowerBound } from './key.ts'
import { decodeNode, type TreeNode } from './node.ts'

/** Deepest tree that is read. A key of layer 64 takes 2^128 tries to make, so no real tree comes near. */
export const MAX_DEPTH = 64

/** Where encoded nodes come from: a `BlockMap`, or anything with its `get`. Blocks must hash to their CID. */
export interface NodeSource {
  get(cid: CID): Uint8Array | undefined
}

/** @throws {MstError} `missing-block`, `malformed-node`, `too-deep` */
export function loadNode(
  source: NodeSource,
  cid: CID,
  layer: number | null,
  low: string,
  high: string,
): TreeNode {
  const bytes = source.get(cid)
  if (bytes === undefined)
    throw new MstError('missing-block', `tree node is missing; cid=${formatCid(cid)}`, { cid })
  const node = decodeNode(bytes, layer, cid, low, high)
  if (node.layer > MAX_DEPTH) {
    throw new MstError('too-deep', `tree is too deep; layer=${node.layer} cid=${formatCid(cid)}`, { cid })
  }
  return node
}

/**
 * The value of a key in the tree with this root; null where it has none. For one question: nothing is kept, and a bundle has no
 * more of trees than this needs.
 *
 * @param source must give only blocks that hash to the CID asked for, as `readCar` and the stores do.
 * @throws {MstError} `missing-block`, `malformed-node`, `too-deep`
 */
export function findValue(root: CID, source: NodeSource, key: string): CID | null {
  let node = loadNode(source, root, null, '', '')
  let low = ''
  let high = ''
  for (;;) {
    const at = lowerBound(node.keys, key)
    if (node.keys[at] === key) return node.values[at]!.cid
    const child = node.children[at]!
    if (child === null) return null
    if (at > 0) low = node.keys[at - 1]!
    if (at < node.keys.length) high = node.keys[at]!
    // Just decoded: its children are links.
    node = loadNode(source, child.cid!, node.layer - 1, low, high)
  }
}
