/** So many values, those used last. */
export interface Lru<T> {
  get(key: string): T | undefined
  set(key: string, value: T): void
  delete(key: string): void
}

/** @param max how many are kept */
export function createLru<T>(max: number): Lru<T> {
  const values = new Map<string, T>()
  return {
    get: (key) => {
      const value = values.get(key)
      if (value === undefined) return undefined
      values.delete(key)
      values.set(key, value)
      return value
    },
    set: (key, value) => {
      values.delete(key)
      if (values.size >= max) {
        const [oldest] = values.keys()
        if (oldest !== undefined) values.delete(oldest)
      }
      values.set(key, value)
    },
    delete: (key) => {
      values.delete(key)
    },
  }
}
