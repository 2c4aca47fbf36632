// The projections of an indexer as they are declared at its start, and what makes them so while it runs.

import type { Database } from '@avocet/sqlite'
import { createNames } from '../database/names.ts'
import { createJudge } from '../index/validity.ts'
import type { Lexicons } from '../lexicons/load.ts'
import { noteLexicons } from '../lexicons/rejudge.ts'
import type { DeclaredSearch } from '../search/declare.ts'
import { type IndexChoices, openIndexChoices } from './choices.ts'
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
  readonly lexicons: Lexicons
  readonly declared: readonly DeclaredIndexes[]
  readonly searched: readonly DeclaredSearch[]
  readonly onLog: (line: string) => void
  /** ms since the epoch. */
  readonly now: () => number
}): { readonly projections: Projections; readonly indexes: IndexChoices; readonly upkeep: Upkeep } {
  const { db, lexicons, declared, searched, onLog, now } = options
  const { catalog, collections } = lexicons
  const projections = createProjections(db, createNames(db))
  const flags = { declared, searched, own: collections }
  const indexes = openIndexChoices({ db, catalog, projections, flags, onLog, now })
  db.transaction(() => noteLexicons(db, catalog, collections))
  const stopped = new AbortController()
  const judge = createJudge(catalog)
  const done = keepProjections({ db, projections, judge, onLog, signal: stopped.signal })
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
