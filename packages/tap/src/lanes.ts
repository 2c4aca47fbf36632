// Work in order per account, side by side across accounts.

/** Runs work. */
export interface Lanes {
  /** Work waiting or under way. */
  readonly pending: number
  /** Does the work after all that was given for the same key. It must not reject. */
  run(key: string, work: () => Promise<void>): void
  /** Resolves when fewer than `max` wait or run. */
  below(max: number): Promise<void>
  /** Forgets what waits, and resolves when what runs is over. */
  drain(): Promise<void>
}

/** Makes {@link Lanes} with so many at a time. */
export function createLanes(concurrency: number): Lanes {
  /** Work by key; the first of a lane that is in `ready` or running. */
  const lanes = new Map<string, (() => Promise<void>)[]>()
  const ready: string[] = []
  let running = 0
  let pending = 0
  let waiters: { readonly max: number; readonly resolve: () => void }[] = []

  const settle = (): void => {
    const done = waiters.filter(({ max }) => pending < max)
    if (done.length === 0) return
    waiters = waiters.filter(({ max }) => pending >= max)
    for (const { resolve } of done) resolve()
  }
  const start = (): void => {
    const key = running < concurrency ? ready.shift() : undefined
    if (key === undefined) return
    void runNext(key)
    start()
  }
  const runNext = async (key: string): Promise<void> => {
    const lane = lanes.get(key)!
    running += 1
    await lane[0]!()
    running -= 1
    pending -= 1
    lane.shift()
    if (lane.length > 0) ready.push(key)
    else lanes.delete(key)
    settle()
    start()
  }
  const below = (max: number): Promise<void> =>
    pending < max ? Promise.resolve() : new Promise((resolve) => waiters.push({ max, resolve }))

  return {
    get pending() {
      return pending
    },
    run(key, work) {
      pending += 1
      const lane = lanes.get(key)
      if (lane !== undefined) {
        lane.push(work)
        return
      }
      lanes.set(key, [work])
      ready.push(key)
      start()
    },
    below,
    drain() {
      for (const key of ready.splice(0)) {
        pending -= lanes.get(key)!.length
        lanes.delete(key)
      }
      for (const lane of lanes.values()) pending -= lane.splice(1).length
      settle()
      return below(1)
    },
  }
}
