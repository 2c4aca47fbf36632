// Token buckets by name: so many at once, one more each interval.

import { createLru } from './lru.ts'

/** Buckets that fill by themselves. */
export type Buckets<K> = {
  /** Takes one, if there is one. */
  take(key: K): boolean
  /** When there is one again, ms since the epoch; null: now. */
  readyAt(key: K): number | null
}

/** @param burst how many a full bucket has @param intervalMs until there is one more; 0: there always is */
export function createBuckets<K>(
  burst: number,
  intervalMs: number,
  maxEntries: number,
  now: () => number,
): Buckets<K> {
  // When a bucket is full again; not kept: it is full.
  const fullAt = createLru<K, number>(maxEntries)
  const readyAt = (key: K): number | null => {
    const ready = (fullAt.get(key) ?? 0) - (burst - 1) * intervalMs
    return ready <= now() ? null : ready
  }
  return {
    readyAt,
    take(key) {
      if (readyAt(key) !== null) return false
      fullAt.set(key, Math.max(now(), fullAt.get(key) ?? 0) + intervalMs)
      return true
    },
  }
}
