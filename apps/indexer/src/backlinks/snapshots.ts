// Groups of links as they were counted for the first page of a list, for the pages behind it: those cost what they show.

/** How many records, and of how many accounts, point to one thing. `first`: the id of the oldest. */
export type PairGroup = {
  readonly target: string
  readonly first: number
  readonly total: number
  readonly distinct: number
}

/** What was counted lately. */
export type Snapshots = {
  /** Null: it is not kept, or not any more. */
  find(key: string): readonly PairGroup[] | null
  keep(key: string, groups: readonly PairGroup[]): void
  forget(key: string): void
}

/** How long a list may be read on without being counted again, ms. */
const KEPT_MS = 60_000
/** Groups of all that is kept, some hundred bytes each: of the largest source there are half as many. */
const MAX_GROUPS = 100_000

/** Keeps what was counted last, as far as there is room. @param now ms since the epoch */
export function createSnapshots(now: () => number): Snapshots {
  // In the order they were counted.
  const kept = new Map<string, { readonly groups: readonly PairGroup[]; readonly at: number }>()
  return {
    find(key) {
      const found = kept.get(key)
      return found === undefined || now() - found.at >= KEPT_MS ? null : found.groups
    },
    keep(key, groups) {
      kept.delete(key)
      kept.set(key, { groups, at: now() })
      let size = 0
      for (const [other, { groups: some, at }] of [...kept].toReversed()) {
        size += some.length
        if (size > MAX_GROUPS || now() - at >= KEPT_MS) kept.delete(other)
      }
    },
    forget: (key) => void kept.delete(key),
  }
}

/** The index of the first group behind a record, in groups by age. */
export function firstBehind(groups: readonly PairGroup[], record: number): number {
  let [low, high] = [0, groups.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (groups[middle]!.first <= record) low = middle + 1
    else high = middle
  }
  return low
}
