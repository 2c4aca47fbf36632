import type { Logger } from '../logger.ts'

/** Work that nobody waits for. */
export type Chore = () => Promise<unknown>

/** What is done at the start and then every hour. */
export interface Chores {
  /** Removes what is old by the clock of this machine: not done once that has jumped. */
  readonly byAge: readonly Chore[]
  readonly others: readonly Chore[]
}

/** Settings of `startChores`. */
export interface ChoreOptions {
  readonly everyMs?: number
  /** The clock of this machine, ms since 1970. */
  readonly now?: () => number
  /** A clock that nobody sets, in ms. */
  readonly steady?: () => number
}

const HOUR_MS = 60 * 60 * 1000
/** A clock that left the steady one by more than this was set, and one of both times was wrong. */
const MAX_DRIFT_MS = HOUR_MS

/**
 * Runs the chores now and every hour; what runs is finished before the database closes. When the clock jumps, ahead or back,
 * nobody knows which time is right, and a year ahead everything would be old: nothing is removed by age until a restart. A machine
 * that slept looks the same.
 */
export function startChores(chores: Chores, log: Logger, options: ChoreOptions = {}): AsyncDisposable {
  const { everyMs = HOUR_MS, now = Date.now, steady = () => performance.now() } = options
  const offset = now() - steady()
  const running = new Set<Promise<void>>()
  let jumped = false

  const run = (): void => {
    const drift = now() - steady() - offset
    if (!jumped && Math.abs(drift) > MAX_DRIFT_MS) {
      jumped = true
      const seconds = Math.round(drift / 1000)
      log.error({ seconds }, 'the clock jumped: nothing is removed for its age until the server is restarted')
    }
    for (const chore of [...(jumped ? [] : chores.byAge), ...chores.others]) {
      const done = chore().then(
        () => {},
        (error: unknown) => log.error({ err: error }, 'a chore failed'),
      )
      running.add(done)
      void done.then(() => running.delete(done))
    }
  }
  run()
  const timer = setInterval(run, everyMs)
  timer.unref()
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      await Promise.all(running)
    },
  }
}
