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

/** A tree that is built entry by entry, in memory that grows with its depth only. */
export interface TreeBuilder {
  /** Adds an entry, whose key is above all before it. @throws {MstError} `unsorted`, `invalid-key` */
  add(key: string, value: CID): void
  /** Seals what is open; the CID of the root. */
  finish(): CID
}

/** @param write gets each node when its last key has been seen, children before parents */
export function createTreeBuilder(write: (cid: CID, bytes: Uint8Array) => void): TreeBuilder {
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
  return {
    add(key, value) {
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
    },
    finish() {
      if (open.length === 0) return seal({ keys: [], values: [], links: [null] })
      closeBelow(open.length - 1)
      return seal(open[open.length - 1]!)
    },
  }
}

/**
 * Builds the tree of sorted entries in one pass: each node is handed to `write` as {@link createTreeBuilder} does.
 *
 * @param entries in strictly ascending key order.
 * @returns the CID of the root.
 * @throws {MstError} `unsorted`, `invalid-key`
 */
export function buildTreeInto(
  entries: Iterable<readonly [key: string, value: CID]>,
  write: (cid: CID, bytes: Uint8Array) => void,
): CID {
  const builder = createTreeBuilder(write)
  for (const [key, value] of entries) builder.add(key, value)
  return builder.finish()
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
