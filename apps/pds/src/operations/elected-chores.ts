import { once } from 'node:events'

import type { Logger } from '../logger.ts'
import type { BelievedClock } from '../stores/rows.ts'
import type { Stores } from '../stores/stores.ts'
import { startChores, type ChoreOptions, type Chores } from './chores.ts'

/**
 * Chores of several processes: one of them does them all, and another takes over when it is gone. Each election begins with a round,
 * so that what the former one left undone is not left for an hour.
 */
export async function startElectedChores(
  elect: Stores['elect'],
  chores: Chores,
  clock: BelievedClock,
  log: Logger,
  options: ChoreOptions = {},
): Promise<AsyncDisposable> {
  if (elect === undefined) return startChores(chores, clock, log, options)
  return elect(async (signal) => {
    log.info({}, 'this process does the chores from now on')
    const running = await startChores(chores, clock, log, options)
    if (!signal.aborted) await once(signal, 'abort')
    await running[Symbol.asyncDispose]()
    log.info({}, 'this process does the chores no more')
  })
}
