/** Work that is done again and again, one round after the other. */
export interface Rounds {
  /** Begins no more; resolves when the one under way is over. */
  end(): Promise<void>
}

/** Does `work` every so many milliseconds, if the round before is over by then; never with 0. Keeps no process alive. */
export function startRounds(
  work: () => Promise<void>,
  everyMs: number,
  onError: (error: unknown) => void,
): Rounds {
  let round: Promise<void> | null = null
  const begin = (): void => {
    round ??= work()
      .catch(onError)
      .finally(() => (round = null))
  }
  const timer = everyMs === 0 ? undefined : setInterval(begin, everyMs)
  timer?.unref()
  return {
    end: async () => {
      clearInterval(timer)
      await round
    },
  }
}

/** Does all tasks at once. @throws what failed first, once all are over */
export async function doAll(tasks: readonly (Promise<unknown> | undefined)[]): Promise<void> {
  const outcomes = await Promise.allSettled(tasks.filter((task) => task !== undefined))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
