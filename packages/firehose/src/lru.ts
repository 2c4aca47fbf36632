/** A map of bounded size that forgets what was not used for longest. */
export type Lru<K, V> = {
  get(key: K): V | undefined
  set(key: K, value: V): void
  delete(key: K): void
}

/** At most about `maxSize` entries. */
export function createLru<K, V>(maxSize: number): Lru<K, V> {
  // Two generations: an entry used since the last turn is in `young`. Cheaper per use than reordering one map.
  let young = new Map<K, V>()
  let old = new Map<K, V>()
  const half = Math.max(1, Math.floor(maxSize / 2))

  const put = (key: K, value: V): void => {
    young.set(key, value)
    if (young.size >= half) {
      old = young
      young = new Map()
    }
  }

  return {
    get(key) {
      const fresh = young.get(key)
      if (fresh !== undefined) return fresh
      const kept = old.get(key)
      if (kept === undefined) return undefined
      old.delete(key)
      put(key, kept)
      return kept
    },
    set: put,
    delete(key) {
      young.delete(key)
      old.delete(key)
    },
  }
}
