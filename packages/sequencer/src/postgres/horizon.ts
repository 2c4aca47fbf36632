// Numbers are given in one order, and transactions end in another: how far the log can be read without missing what comes late.

import { setTimeout as sleep } from 'node:timers/promises'

import type { PostgresDatabase } from '@avocet/postgres'
import { SequencerError } from '../errors.ts'

/** What is known of the numbers that were given. */
export interface Horizon {
  /** Every event up to here can be read, or will never be. */
  settled(): number
  /** All up to `seq` were seen, one after the other from `settled` on. */
  note(seq: number): void
  /** Looks at the transactions under way, once: after it, `settled` is as far as can be known. */
  look(): Promise<void>
  /**
   * Waits for the transactions that have a number given before this call, then answers with the newest of those numbers.
   * @throws SequencerError `closed`
   */
  reach(): Promise<number>
}

interface Given {
  readonly newest: number
  readonly writers: readonly string[]
}

/** The horizon of the log in `db`. @param signal ends waits */
export function openHorizon(db: PostgresDatabase, signal: AbortSignal): Horizon {
  let settled = 0
  /** Numbers up to `newest` are settled when none of `writers` is under way any more. */
  let waiting: Given | null = null
  let looking: Promise<void> | null = null

  const note = (seq: number): void => {
    if (seq > settled) settled = seq
  }
  const ask = async (): Promise<Given> => {
    const [row] = await db.query('SELECT newest, writers FROM event_horizon_1()')
    return { newest: Number(row!['newest']), writers: row!['writers'] as string[] }
  }
  const areOver = (given: Given, now: Given): boolean =>
    !given.writers.some((one) => now.writers.includes(one))

  const look = async (): Promise<void> => {
    const now = await ask()
    if (waiting !== null && areOver(waiting, now)) {
      note(waiting.newest)
      waiting = null
    }
    if (now.writers.length === 0) {
      note(now.newest)
      waiting = null
    } else {
      waiting ??= now
    }
  }

  return {
    settled: () => settled,
    note,
    look: () =>
      (looking ??= look().finally(() => {
        looking = null
      })),
    reach: async () => {
      const given = await ask()
      let now = given
      for (let ms = 1; !areOver(given, now); ms = Math.min(ms * 2, 50)) {
        await sleep(ms, undefined, { signal }).catch(() => {
          throw new SequencerError('closed', 'event log is closed')
        })
        now = await ask()
      }
      note(given.newest)
      return Math.max(settled, given.newest)
    },
  }
}
