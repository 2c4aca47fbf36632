import { type BlockMap, type CID, cidForCbor, CidMap } from '@avocet/data'
import { MstError } from './error.ts'
import { assertValidKey } from './key.ts'
import { keyLayer } from './layer.ts'
import { Link } from './link.ts'
import { encodeNode } from './node.ts'

/** A node still open at the right edge of the tree under construction. */
interface Open {
  keys: string[]
  values: Link[]
  links: (Link | null)[]
}

/**
 * Builds the tree of sorted entries in one pass, in memory that grows with its depth only: each node is handed to
 * `write` when its last key has been seen, children before parents.
 *
 * @param entries in strictly ascending key order.
 * @returns the CID of the root.
 * @throws {MstError} `unsorted`, `invalid-key`
 */
export function buildTreeInto(
  entries: Iterable<readonly [key: string, value: CID]>,
  write: (cid: CID, bytes: Uint8Array) => void,
): CID {
  // One open node per layer from 0 up; null where the right edge passes through none yet.
  const open: (Open | null)[] = []

  const seal = (node: Open): CID => {
    const bytes = encodeNode(node.keys, node.values, node.links)
    const cid = cidForCbor(bytes)
    write(cid, bytes)
    return cid
  }
  const at = (layer: number): Open => {
    while (open.length <= layer) open.push(null)
    return (open[layer] ??= { keys: [], values: [], links: [null] })
  }
  /** Closes every open node below `layer` into the one above it. */
  const closeBelow = (layer: number): void => {
    for (let l = 0; l < layer; l++) {
      const node = open[l]
      if (!node) continue
      open[l] = null
      const parent = at(l + 1)
      parent.links[parent.links.length - 1] = Link.of(seal(node))
    }
  }

  let previous = ''
  for (const [key, value] of entries) {
    if (key <= previous)
      throw new MstError('unsorted', `entries are not in ascending order; key=${key}`, { key })
    assertValidKey(key)
    previous = key
    const layer = keyLayer(key)
    closeBelow(layer)
    const node = at(layer)
    node.keys.push(key)
    node.values.push(Link.of(value))
    node.links.push(null)
  }
  if (open.length === 0) return seal({ keys: [], values: [], links: [null] })
  closeBelow(open.length - 1)
  return seal(open[open.length - 1]!)
}

/**
 * Builds the tree of sorted entries and keeps its nodes.
 *
 * @throws {MstError} `unsorted`, `invalid-key`
 */
export function buildTree(entries: Iterable<readonly [key: string, value: CID]>): {
  root: CID
  blocks: BlockMap
} {
  const blocks: BlockMap = new CidMap<Uint8Array>()
  const root = buildTreeInto(entries, (cid, bytes) => blocks.set(cid, bytes))
  return { root, blocks }
}
