// Events seen lately, to know one that comes again. Bounded: two halves, of which the older is forgotten whole.

/** Remembers keys. */
export interface Recent {
  /** Whether the key is new; remembers it. */
  add(key: string): boolean
}

/** Remembers at least the last `size / 2` keys, and at most `size`. */
export function createRecent(size: number): Recent {
  let current = new Set<string>()
  let previous = new Set<string>()
  return {
    add(key) {
      if (current.has(key) || previous.has(key)) return false
      current.add(key)
      if (current.size >= size / 2) {
        previous = current
        current = new Set()
      }
      return true
    },
  }
}
