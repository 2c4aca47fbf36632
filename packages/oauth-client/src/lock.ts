/**
 * Runs something while nobody else runs anything of the same name: other tabs, processes or machines that share the store of
 * sessions. A lock must end by itself when its holder is gone; what runs in it takes up to {@link LOCK_MS}.
 */
export type Lock = <T>(name: string, run: () => Promise<T>) => Promise<T>

/** The longest that a lock is held, in milliseconds: a renewal with all its tries. */
export const LOCK_MS = 180_000

/** A lock within this process. */
export function createLock(): Lock {
  const last = new Map<string, Promise<unknown>>()
  return async (name, run) => {
    const before = last.get(name)
    const mine = (async () => {
      await before?.catch(() => undefined)
      return await run()
    })()
    last.set(name, mine)
    try {
      return await mine
    } finally {
      if (last.get(name) === mine) last.delete(name)
    }
  }
}
