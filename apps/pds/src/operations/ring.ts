/** The last of something, up to a bound. */
export interface Ring<T> {
  add(item: T): void
  /** The newest first. */
  list(): readonly T[]
}

/** A ring of `max` items, in memory. */
export function createRing<T>(max: number): Ring<T> {
  const items: T[] = []
  let next = 0
  return {
    add: (item) => {
      items[next] = item
      next = (next + 1) % max
    },
    list: () => [...items.slice(next), ...items.slice(0, next)].toReversed(),
  }
}
