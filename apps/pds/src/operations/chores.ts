import type { Logger } from '../logger.ts'
import type { BelievedClock } from '../stores/rows.ts'
import type { ChoreRounds } from './chore-rounds.ts'

/** Work that nobody waits for. */
export type Chore = () => Promise<unknown>

/** What is done at the start and then every hour. */
export interface Chores {
  /** Removes what is old by the clock of this machine: not done while that is in doubt. */
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
  /** Told of each round. */
  readonly rounds?: Pick<ChoreRounds, 'begin'>
}

const HOUR_MS = 60 * 60 * 1000
/** A clock that left the steady one by more than this was set, and one of both times was wrong. */
const MAX_DRIFT_MS = HOUR_MS
/** A server that stood still for longer looks like one whose clock was set ahead. */
const MAX_PAUSE_MS = 7 * 24 * HOUR_MS
/** How long a clock has to go on steadily before it is believed again: time for the operator to see what the log says. */
const DOUBT_MS = 24 * HOUR_MS

/**
 * Runs the chores now and every hour; what runs is finished before the database closes. A year ahead everything would be old,
 * so nothing is removed by age while the clock is in doubt. When it jumps, ahead or back, nobody knows which time is right: that
 * lasts until a restart. (A machine that slept looks the same.) At a start it is in doubt for a day when it is behind the time
 * that was believed last, or a week ahead.
 */
export async function startChores(
  chores: Chores,
  clock: BelievedClock,
  log: Logger,
  options: ChoreOptions = {},
): Promise<AsyncDisposable> {
  const { everyMs = HOUR_MS, now = Date.now, steady = () => performance.now(), rounds } = options
  const begun = { now: now(), steady: steady() }
  const running = new Set<Promise<boolean>>()
  let jumped = false
  const last = await clock.last()
  let doubted = last !== null && (begun.now < last - MAX_DRIFT_MS || begun.now > last + MAX_PAUSE_MS)
  if (doubted) {
    const times = { last: new Date(last!).toISOString(), now: new Date(begun.now).toISOString() }
    log.error(
      times,
      'the clock is far from when this server ran last: nothing is removed for its age for a day',
    )
  }

  const run = (): void => {
    const time = now()
    const passed = steady() - begun.steady
    const drift = time - begun.now - passed
    if (!jumped && Math.abs(drift) > MAX_DRIFT_MS) {
      jumped = true
      const seconds = Math.round(drift / 1000)
      log.error({ seconds }, 'the clock jumped: nothing is removed for its age until the server is restarted')
    }
    if (passed >= DOUBT_MS) doubted = false
    const isBelieved = !jumped && !doubted
    const due = isBelieved ? [() => clock.believe(time), ...chores.byAge, ...chores.others] : chores.others
    const round = due.map(async (chore): Promise<boolean> => {
      try {
        await chore()
        return true
      } catch (error) {
        log.error({ err: error }, 'a chore failed')
        return false
      }
    })
    rounds?.begin(round, !isBelieved)
    for (const done of round) {
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
