// What only a relay said of accounts is asked of their hosts, as soon as it is due: also what a process before this one left open.

import type { Did } from '@avocet/syntax'
import type { Lanes } from './lanes.ts'
import type { Timers } from './options.ts'
import { createPoller, type Poller } from './poller.ts'
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
export type Hearings = Pick<Poller, 'start' | 'idle'>

/** Accounts asked about at a time. A host that gets too many questions refuses, and holds none of these places. */
const ASKED_AT_ONCE = 64

/** Makes the hearings of a consumer; `start` begins. */
export function createHearings(options: HearingsOptions): Hearings {
  const { now, signal } = options
  const asking = new Set<Did>()
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

  const { start, poll, idle } = createPoller({
    ...options,
    look,
    isBusy: () => asking.size > 0,
    isOff: !options.canAsk,
  })
  return { start, idle }
}
