import type { LogChange } from './types.ts'

/** The listeners of a log. */
export type Watchers = {
  readonly add: (listener: (change: LogChange) => void) => () => void
  readonly notify: (change: LogChange) => void
}

export function createWatchers(): Watchers {
  const listeners = new Set<(change: LogChange) => void>()
  return {
    add(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    notify(change) {
      for (const listener of listeners) listener(change)
    },
  }
}
