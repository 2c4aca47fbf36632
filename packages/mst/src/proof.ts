// https://atproto.com/specs/sync#firehose-validation-best-practices

import type { BlockMap, CID } from '@avocet/data'
import type { NodeSource } from './lookup.ts'
import { loadTree } from './tree.ts'

/**
 * The nodes from the root to where each key is or would be: they prove its presence or absence.
 *
 * @throws {MstError} `missing-block`, `malformed-node`
 */
export function proofNodes(root: CID, source: NodeSource, keys: Iterable<string>): BlockMap {
  return loadTree(root, source).proof(keys)
}

/**
 * The covering proof of some keys: their paths and the paths of their left and right neighbours in the tree. Enough to
 * invert ops on these keys in any order; {@link inversionNodes} is the smaller set for the one order that is usual.
 *
 * @throws {MstError} `missing-block`, `malformed-node`
 */
export function coveringProofNodes(root: CID, source: NodeSource, keys: Iterable<string>): BlockMap {
  return loadTree(root, source).proof(keys, true)
}
