// What only a relay said of accounts is asked of their hosts, as soon as it is due: also what a process before this one left open.

import type { Did } from '@avocet/syntax'
import type { Lanes } from './lanes.ts'
import type { Timers } from './options.ts'
import type { RepoStateStore } from './state.ts'

/** What the hearings need. */
export type HearingsOptions = {
  readonly state: Pick<RepoStateStore<never>, 'find'>
  readonly lanes: Pick<Lanes, 'run'>
  /** Hosts can be asked; without, what is open stays open. */
  readonly canAsk: boolean
  /** Asks about one account. Only inside its lane. */
  readonly hear: (did: Did) => Promise<void>
  readonly now: () => number
  /** How often what is due is looked for, ms. */
  readonly pollMs: number
  readonly timers: Timers
  readonly signal: AbortSignal
  readonly onFault: (error: unknown) => void
}

/** The questions that are open. */
export type Hearings = {
  start(): void
  /** Resolves when nobody is asked and nothing is due now. */
  idle(): Promise<void>
}

/** Accounts asked about at a time. A host that gets too many questions refuses, and holds none of these places. */
const ASKED_AT_ONCE = 64

/** Makes the hearings of a consumer; `start` begins. */
export function createHearings(options: HearingsOptions): Hearings {
  const { now, signal } = options
  const asking = new Set<Did>()
  let cancelTimer: (() => void) | null = null
  let started = false
  let looking: Promise<void> | null = null
  let again = false
  let idleWaiters: (() => void)[] = []

  const look = async (): Promise<void> => {
    // Those that are asked about are still due, and come first.
    for (const { did } of await options.state.find({ hearsay: now() }, ASKED_AT_ONCE)) {
      if (asking.size >= ASKED_AT_ONCE || signal.aborted) return
      if (asking.has(did)) continue
      asking.add(did)
      void hear(did)
    }
  }

  const hear = async (did: Did): Promise<void> => {
    try {
      await options.lanes.run(did, () => options.hear(did))
    } catch (error) {
      if (!signal.aborted) options.onFault(error)
    } finally {
      asking.delete(did)
      poll()
    }
  }

  const poll = (): void => {
    cancelTimer?.()
    if (signal.aborted || !started || !options.canAsk) return wakeIdle()
    if (looking !== null) {
      again = true
      return
    }
    again = false
    looking = look()
      .catch(options.onFault)
      .finally(() => {
        looking = null
        if (again) return poll()
        if (!signal.aborted) cancelTimer = options.timers.after(options.pollMs, poll)
        wakeIdle()
      })
  }

  const wakeIdle = (): void => {
    if (asking.size > 0 || looking !== null) return
    for (const waiter of idleWaiters.splice(0)) waiter()
  }

  signal.addEventListener('abort', () => cancelTimer?.(), { once: true })

  return {
    start() {
      started = true
      poll()
    },
    idle: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve)
        poll()
      }),
  }
}
