// https://atproto.com/specs/sync#firehose-validation-best-practices

import type { BlockMap, CID } from '@avocet/data'
import { recordReads } from './source.ts'
import { loadTree, type NodeSource } from './tree.ts'

/**
 * The nodes from the root to where each key is or would be: they prove its presence or absence.
 *
 * @throws {MstError} `missing-block`, `malformed-node`
 */
export function proofNodes(root: CID, source: NodeSource, keys: Iterable<string>): BlockMap {
  const { recording, read } = recordReads(source)
  const tree = loadTree(root, recording)
  for (const key of keys) tree.get(key)
  return read
}

/**
 * The covering proof of some keys: their paths and the paths of their left and right neighbours in the tree. Enough to
 * invert ops on these keys in any order; {@link inversionNodes} is the smaller set for the one order that is usual.
 *
 * @throws {MstError} `missing-block`, `malformed-node`
 */
export function coveringProofNodes(root: CID, source: NodeSource, keys: Iterable<string>): BlockMap {
  const { recording, read } = recordReads(source)
  const tree = loadTree(root, recording)
  for (const key of keys) {
    tree.get(key)
    tree.entries({ after: key }).next()
    tree.entries({ after: key, reverse: true }).next()
  }
  return read
}
