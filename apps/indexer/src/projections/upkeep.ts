// What indexes and labels lack is made good beside everything else, in half of the time at most.

import type { Database } from '@avocet/sqlite'
import { createNames } from '../database/names.ts'
import type { Judge } from '../index/validity.ts'
import { rejudgeSlice } from '../lexicons/rejudge.ts'
import { sleep } from '../sync/discover.ts'
import { buildSlice } from './build.ts'
import { searchText } from '../search/declare.ts'
import { declarationOf } from './declare.ts'
import type { Projections } from './store.ts'

/** How often to look whether there is something to do. */
const EVERY_MS = 1000

/** Builds and drops indexes and judges records anew until `signal`; rejects when the database fails. */
export async function keepProjections(options: {
  readonly db: Database
  readonly projections: Projections
  /** That of the lexicons in force. */
  readonly judge: () => Judge
  /** Told when it is known of more records what the lexicons in force say of them. */
  readonly onJudged: () => void
  /** Told of what begins and what is done, a line each. */
  readonly onLog: (line: string) => void
  readonly signal: AbortSignal
}): Promise<void> {
  const { db, projections, judge, onJudged, onLog, signal } = options
  const names = createNames(db)
  let busyWith: string | null = null
  while (!signal.aborted) {
    const started = performance.now()
    const index = await buildSlice(db, names, projections)
    const judged = index === null ? await rejudgeSlice(db, names, projections, judge) : null
    if (judged !== null) onJudged()
    const what =
      index !== null
        ? `${'fields' in index ? 'search' : 'index'} ${index.collection}:${'fields' in index ? searchText(index) : declarationOf(index)} ${index.state}`
        : judged !== null
          ? `records of ${judged.collection} judged by other lexicons`
          : null
    if (what !== busyWith) {
      if (busyWith !== null) onLog(`${busyWith}: done`)
      if (what !== null) onLog(what)
      busyWith = what
    }
    // As long as the slice took, the thread belongs to the others.
    await sleep(what === null ? EVERY_MS : Math.max(1, performance.now() - started), signal)
  }
}
