// https://atproto.com/specs/repository#mst-structure: what a tree has within ranges of keys, read from some of its nodes.

import type { CID } from '@avocet/data'
import { loadNode, type NodeSource } from './lookup.ts'
import type { TreeNode } from './node.ts'

/** Keys from `low` on and below `high` ('' = no end). {@link entryBounds} makes the one of a prefix. */
export interface KeyRange {
  readonly low: string
  readonly high: string
}

/**
 * A walk over the parts of a tree that may hold keys of some ranges. It goes as far as the nodes that were given: those that it
 * needs next are `missing`, and it goes on from there.
 */
export interface RangeWalk {
  /**
   * About how many entries the whole tree has, by its root alone; null until that was given. Each layer has a quarter of the keys of
   * the one below, so each key of the root stands for four to the power of its layer: right by a factor of two, mostly.
   */
  readonly estimate: number | null
  /** Nodes that were not given, from left to right. None: `entries` are all that the tree has within the ranges. */
  readonly missing: readonly CID[]
  /** How many entries were found. */
  readonly count: number
  /**
   * Goes on with what the source has.
   *
   * @param source must give only blocks that hash to the CID asked for, as `readCar` and the stores do.
   * @throws {MstError} `malformed-node`, `too-deep`; the walk is over then
   */
  advance(source: NodeSource): void
  /** The entries found, in order of their keys. */
  entries(): [key: string, value: CID][]
}

/** A node that is needed, and its place. */
interface Place {
  readonly cid: CID
  readonly layer: number | null
  readonly low: string
  readonly high: string
}

/** Begins at the root of a tree, of which nothing is known yet. */
export function walkRanges(data: CID, ranges: readonly KeyRange[]): RangeWalk {
  let places: Place[] = [{ cid: data, layer: null, low: '', high: '' }]
  let root: TreeNode | null = null
  const found: [string, CID][] = []

  const has = (key: string): boolean =>
    ranges.some(({ low, high }) => key >= low && (high === '' || key < high))
  /** Whether a key between these two may be of a range. */
  const mayHave = (after: string, before: string): boolean =>
    ranges.some(({ low, high }) => (before === '' || before > low) && (high === '' || after < high))

  const visit = (place: Place, source: NodeSource, waiting: Place[]): void => {
    if (source.get(place.cid) === undefined) {
      waiting.push(place)
      return
    }
    const node = loadNode(source, place.cid, place.layer, place.low, place.high)
    root ??= node
    const { keys, values, children } = node
    for (let i = 0; i <= keys.length; i++) {
      const child = children[i] ?? null
      const low = i > 0 ? keys[i - 1]! : place.low
      const high = keys[i] ?? place.high
      if (child !== null && mayHave(low, high)) {
        visit({ cid: child.cid!, layer: node.layer - 1, low, high }, source, waiting)
      }
      if (i < keys.length && has(keys[i]!)) found.push([keys[i]!, values[i]!.cid])
    }
  }

  return {
    get estimate() {
      return root === null ? null : root.keys.length * 4 ** root.layer
    },
    get missing() {
      return places.map(({ cid }) => cid)
    },
    get count() {
      return found.length
    },
    advance(source) {
      const waiting: Place[] = []
      for (const place of places) visit(place, source, waiting)
      places = waiting
    },
    entries: () => found.toSorted(([a], [b]) => (a < b ? -1 : 1)),
  }
}
