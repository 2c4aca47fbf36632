// The projections of an indexer as they are declared at its start, and what makes them so while it runs.

import type { Database } from '@avocet/sqlite'
import { createNames } from '../database/names.ts'
import type { Editions } from '../lexicons/editions.ts'
import { noteLexicons } from '../lexicons/rejudge.ts'
import type { DeclaredSearch } from '../search/declare.ts'
import type { Labels } from '../queries/labels.ts'
import { type OpenedIndexes, openIndexChoices } from './choices.ts'
import type { DeclaredIndexes } from './declare.ts'
import { createProjections, type Projections } from './store.ts'
import { keepProjections } from './upkeep.ts'

/** Work that goes on until it is stopped. */
export type Upkeep = {
  /** Resolves when it was stopped; rejects when the database fails. */
  readonly done: Promise<void>
  stop(): Promise<void>
}

/**
 * Makes the indexes of a database those that are declared, and begins to build, drop and judge anew what that takes.
 * @throws IndexerError `bad-config` for an index that does not fit its lexicon
 */
export function openProjections(options: {
  readonly db: Database
  readonly editions: Pick<Editions, 'now'>
  readonly labels: Labels
  readonly declared: readonly DeclaredIndexes[]
  readonly searched: readonly DeclaredSearch[]
  readonly onLog: (line: string) => void
  /** ms since the epoch. */
  readonly now: () => number
}): { readonly projections: Projections; readonly indexes: OpenedIndexes; readonly upkeep: Upkeep } {
  const { db, editions, labels, declared, searched, onLog, now } = options
  const { lexicons } = editions.now()
  const projections = createProjections(db, createNames(db))
  const flags = { declared, searched }
  const indexes = openIndexChoices({ db, lexicons, projections, flags, onLog, now })
  db.transaction(() => noteLexicons(db, lexicons.catalog, lexicons.collections))
  labels.refresh()
  const stopped = new AbortController()
  const done = keepProjections({
    db,
    projections,
    judge: () => editions.now().judge,
    onJudged: () => labels.refresh(),
    onLog,
    signal: stopped.signal,
  })
  // Whoever awaits it hears of it; nobody has to.
  done.catch(() => {})
  return {
    projections,
    indexes,
    upkeep: {
      done,
      stop: () => {
        stopped.abort()
        return done.catch(() => {})
      },
    },
  }
}
