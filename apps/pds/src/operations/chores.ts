import type { Logger } from '../logger.ts'

/** What is done at the start and then every hour; what runs is finished before the database closes. */
export function startChores(chores: readonly (() => Promise<unknown>)[], log: Logger): AsyncDisposable {
  const running = new Set<Promise<void>>()
  const run = (): void => {
    for (const chore of chores) {
      const done = chore().then(
        () => {},
        (error: unknown) => log.error({ err: error }, 'a chore failed'),
      )
      running.add(done)
      void done.then(() => running.delete(done))
    }
  }
  run()
  const timer = setInterval(run, 60 * 60 * 1000)
  timer.unref()
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      await Promise.all(running)
    },
  }
}
