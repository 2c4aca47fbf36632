// Looks for what is due again and again, one look at a time.

import type { Timers } from './options.ts'

/** What looking needs. */
export type PollerOptions = {
  /** Begins what is due, and waits for none of it. */
  readonly look: () => Promise<void>
  /** Something that a look began is under way. */
  readonly isBusy: () => boolean
  /** Nothing is ever due. */
  readonly isOff: boolean
  /** How often what is due is looked for, ms. */
  readonly pollMs: number
  readonly timers: Timers
  readonly signal: AbortSignal
  readonly onFault: (error: unknown) => void
}

/** Looks once it is started. */
export type Poller = {
  readonly start: () => void
  /** Looks now; once more, if a look is under way. To be called whenever something ends, too. */
  readonly poll: () => void
  /** Resolves when nothing is under way and nothing is due now. */
  readonly idle: () => Promise<void>
}

/** A poller that `start` begins and the signal ends. */
export function createPoller(options: PollerOptions): Poller {
  const { signal } = options
  let cancelTimer: (() => void) | null = null
  let started = false
  let looking: Promise<void> | null = null
  let again = false
  const idleWaiters: (() => void)[] = []

  const poll = (): void => {
    cancelTimer?.()
    if (signal.aborted || !started || options.isOff) return wakeIdle()
    if (looking !== null) {
      again = true
      return
    }
    again = false
    looking = options
      .look()
      .catch(options.onFault)
      .finally(() => {
        looking = null
        if (again) return poll()
        if (!signal.aborted) cancelTimer = options.timers.after(options.pollMs, poll)
        wakeIdle()
      })
  }

  const wakeIdle = (): void => {
    if (options.isBusy() || looking !== null) return
    for (const waiter of idleWaiters.splice(0)) waiter()
  }

  signal.addEventListener('abort', () => cancelTimer?.(), { once: true })

  return {
    start: () => {
      started = true
      poll()
    },
    poll,
    idle: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve)
        poll()
      }),
  }
}
