/** Runs tasks of the same key one after another, of different keys side by side. */
export interface KeyedLock {
  run<T>(key: string, task: () => Promise<T>): Promise<T>
  /** Waits for its turn and keeps it until the function it answers with is called. */
  acquire(key: string): Promise<() => void>
}

/** A lock whose keys take no memory while nobody waits for them. */
export function createKeyedLock(): KeyedLock {
  const tails = new Map<string, Promise<unknown>>()
  const run: KeyedLock['run'] = (key, task) => {
    const before = tails.get(key)
    const result = before === undefined ? task() : before.then(task, task)
    tails.set(key, result)
    const release = (): void => {
      if (tails.get(key) === result) tails.delete(key)
    }
    result.then(release, release)
    return result
  }
  return {
    run,
    acquire: (key) =>
      new Promise((resolve) => {
        void run(key, () => new Promise<void>((release) => resolve(release)))
      }),
  }
}
