import type { CID } from '@avocet/data'
import { TreeNode } from './node.ts'

/** Which entries, and in which order. */
export interface EntriesOptions {
  /** Only keys that start with this, for example `app.bsky.feed.post/`. */
  readonly prefix?: string
  /** First key (inclusive), in the order of iteration: the smallest, or with `reverse` the largest. */
  readonly from?: string
  /** Like `from`, but exclusive: where the last page ended. */
  readonly after?: string
  /** Last first. */
  readonly reverse?: boolean
}

/** Gives child `at` of a node, loading it if need be; `low` and `high` bound the node's keys ('' = none). */
export type ChildLoader = (node: TreeNode, at: number, low: string, high: string) => TreeNode

/** Keys from `low` on and below `high` ('' = no end), without `excluded`. */
export interface EntryBounds {
  readonly low: string
  readonly high: string
  readonly excluded: string | undefined
}

/** The bounds that options come to; null where no key is within. */
export function entryBounds({
  prefix = '',
  from,
  after,
  reverse = false,
}: EntriesOptions): EntryBounds | null {
  const start = after ?? from
  // No key is before the empty one.
  if (reverse && start === '') return null
  let low = prefix
  let high =
    prefix === '' ? '' : prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
  if (start !== undefined) {
    if (!reverse && start > low) low = start
    // The smallest string above `start` is it with a zero character: that makes the bound inclusive.
    if (reverse && (high === '' || start < high)) high = after === undefined ? `${start}\0` : start
  }
  return { low, high, excluded: reverse ? undefined : after }
}

/** The entries of a subtree within a range, loading only what overlaps it. */
export function* iterate(
  root: TreeNode,
  load: ChildLoader,
  options: EntriesOptions,
): Generator<[key: string, value: CID], void> {
  const bounds = entryBounds(options)
  if (bounds === null) return
  const { low, high, excluded } = bounds
  yield* options.reverse === true
    ? backward(root, load, low, high, '', '')
    : forward(root, load, low, high, excluded, '', '')
}

function* forward(
  node: TreeNode,
  load: ChildLoader,
  low: string,
  high: string,
  excluded: string | undefined,
  above: string,
  below: string,
): Generator<[string, CID], void> {
  const { keys, values, children } = node
  const count = keys.length
  for (let i = 0; i <= count; i++) {
    // Child i holds keys before keys[i]: skipped when those are all below the range.
    if (children[i]! !== null && (i === count || keys[i]! > low)) {
      const lower = i > 0 ? keys[i - 1]! : above
      yield* forward(load(node, i, above, below), load, low, high, excluded, lower, keys[i] ?? below)
    }
    if (i === count) return
    const key = keys[i]!
    if (high !== '' && key >= high) return
    if (key >= low && key !== excluded) yield [key, values[i]!.cid]
  }
}

function* backward(
  node: TreeNode,
  load: ChildLoader,
  low: string,
  high: string,
  above: string,
  below: string,
): Generator<[string, CID], void> {
  const { keys, values, children } = node
  for (let i = keys.length; i >= 0; i--) {
    if (i < keys.length) {
      const key = keys[i]!
      if (key < low) return
      if (high === '' || key < high) yield [key, values[i]!.cid]
    }
    if (children[i]! !== null) {
      const lower = i > 0 ? keys[i - 1]! : above
      const upper = i < keys.length ? keys[i]! : below
      if ((high === '' || lower < high) && (upper === '' || upper > low)) {
        yield* backward(load(node, i, above, below), load, low, high, lower, upper)
      }
    }
  }
}
