import { RepoServerError } from './error.ts'

/** The end of work that nobody waits for. */
export interface Closing {
  /** Aborted when closing begins. Its reason is what those are told who wait for more: a RepoServerError `repo-busy`. */
  readonly signal: AbortSignal
  /** Notes work under way. */
  during<T>(work: Promise<T>): Promise<T>
  /** Ends it. Resolves when all that was noted is over, whatever became of it. */
  close(): Promise<void>
}

/** For one part of a host. */
export function createClosing(): Closing {
  const stop = new AbortController()
  const running = new Set<Promise<unknown>>()
  return {
    signal: stop.signal,
    during: (work) => {
      running.add(work)
      const over = (): void => void running.delete(work)
      work.then(over, over)
      return work
    },
    close: async () => {
      stop.abort(new RepoServerError('repo-busy', 'The server is closing'))
      await Promise.allSettled(running)
    },
  }
}
