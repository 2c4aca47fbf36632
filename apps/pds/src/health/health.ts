import type { Logger } from '../logger.ts'
import type { Probe } from './probe.ts'
import { storageFailure } from './storage-failure.ts'

/** Whether this server can store data, as it found out by itself. */
export interface Health extends AsyncDisposable {
  /** Why it cannot; null when it can. As of the last probe, or of a failure since. */
  problem(): string | null
  /** Probes now, and tells the same. Calls that come meanwhile share the answer. */
  check(): Promise<string | null>
  /** Told of the failure of a request or a chore: one of the disk counts at once. */
  observe(error: unknown): void
}

/** Settings of `createHealth`. */
export interface HealthOptions {
  readonly probe: Probe
  readonly log: Logger
  /** Milliseconds between probes. Default 10 000. */
  readonly everyMs?: number
  /** A probe that has waited for so many milliseconds counts as failed. Default 5000. */
  readonly timeoutMs?: number
}

/** How many times a probe is looked at before it counts as failed. */
const TICKS = 200

/**
 * Probes at the start and from then on at a steady pace, whoever asks and however often: asking `_health` costs nothing
 * and writes nothing. Each change is logged once.
 */
export function createHealth({ probe, log, everyMs = 10_000, timeoutMs = 5000 }: HealthOptions): Health {
  let problem: string | null = null
  let lasting = false
  let running: Promise<string | null> | null = null

  const become = (next: string | null): void => {
    if (lasting || (next === null) === (problem === null)) return
    problem = next
    if (next === null) log.info({}, 'the server can store data again')
    else log.error({ reason: next }, 'the server cannot store data')
  }

  const observe: Health['observe'] = (error) => {
    const failure = storageFailure(error)
    if (failure === null) return
    const known = lasting
    become(failure.reason)
    if (!failure.lasting || known) return
    lasting = true
    if (problem !== failure.reason) log.error({ reason: failure.reason }, 'the server cannot store data')
    problem = failure.reason
  }

  const run = async (): Promise<string | null> => {
    const timeout = Promise.withResolvers<never>()
    // Time in which this thread served others is none of the disk's: a tick counts as two of itself at most.
    const tickMs = timeoutMs / TICKS
    let [waited, last] = [0, performance.now()]
    const timer = setInterval(() => {
      const now = performance.now()
      waited += Math.min(now - last, 2 * tickMs)
      last = now
      if (waited >= timeoutMs) timeout.reject(new Error(`a write took longer than ${timeoutMs} ms`))
    }, tickMs)
    try {
      await Promise.race([probe(), timeout.promise])
      become(null)
    } catch (error) {
      observe(error)
      become(error instanceof Error ? error.message : String(error))
    } finally {
      clearInterval(timer)
    }
    return problem
  }

  const check: Health['check'] = () => {
    running ??= run().finally(() => {
      running = null
    })
    return running
  }

  void check()
  const timer = setInterval(() => void check(), everyMs)
  timer.unref()

  return {
    problem: () => problem,
    check,
    observe,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      await running
    },
  }
}
