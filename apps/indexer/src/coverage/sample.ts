// Repos chosen at random, each of those that are said to be complete as likely as any other.

import { setImmediate } from 'node:timers/promises'
import type { Database } from '@avocet/sqlite'

/** How many are chosen in one walk over all repos. */
const DRAWN = 64
/** Repos passed in one turn of the event loop: some twenty milliseconds. */
const PER_TURN = 20_000

/** Gives one repo after the other; null: there is none. */
export type Sample = { next(signal: AbortSignal): Promise<string | null> }

/**
 * A sample of the repos that are synchronized and known whole. DIDs are not spread evenly, so that no key drawn at random would do;
 * a walk over all of them costs a second a million, and is made for many draws at once.
 * @param random from 0 to below 1
 */
export function createSample(db: Database, random: () => number = Math.random): Sample {
  let drawn: string[] = []

  const draw = async (signal: AbortSignal): Promise<string[]> => {
    const chosen: string[] = []
    let passed = 0
    for (let after = ''; !signal.aborted;) {
      const rows = db
        .prepare('SELECT did, status, flags FROM repos WHERE did > ? ORDER BY did LIMIT ?')
        .all(after, PER_TURN) as { did: string; status: string; flags: string }[]
      for (const { did, status, flags } of rows) {
        if (status !== 'synchronized' || flags !== '') continue
        // Each that comes takes one of the places with the chance that it should have one.
        const place = passed < DRAWN ? passed : Math.floor(random() * (passed + 1))
        if (place < DRAWN) chosen[place] = did
        passed++
      }
      if (rows.length < PER_TURN) break
      after = rows.at(-1)!.did
      await setImmediate()
    }
    // Their order says nothing about where they stood.
    for (let i = chosen.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1))
      ;[chosen[i], chosen[j]] = [chosen[j]!, chosen[i]!]
    }
    return chosen
  }

  return {
    async next(signal) {
      if (drawn.length === 0) drawn = await draw(signal)
      return drawn.pop() ?? null
    },
  }
}
