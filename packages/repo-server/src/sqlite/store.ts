import { openRepoStore, type RepoStoreOptions, type SqliteRepoStore } from '@avocet/repo-sqlite'
import type { NewEvent, SyncEventLog } from '@avocet/sequencer'
import { openEventLog } from '@avocet/sequencer/sqlite'
import { migrate, type Database, type SchemaPart } from '@avocet/sqlite'

import type { Did } from '@avocet/syntax'

import type { Outcome, RepoServerChange } from '../change.ts'
import { createListeners } from '../listeners.ts'
import type { RepoServerStore } from '../store.ts'
import { applyTo, type Tables } from './apply.ts'
import { openBlobIndex, type BlobIndex } from './blob-index.ts'
import { openDepartures } from './departures.ts'
import { openRecordIndex, type RecordIndex } from './record-index.ts'
import { openRecordSets } from './record-sets.ts'
import { RECORD_MIGRATIONS } from './schema.ts'
import { createStagings, type SqliteStaging } from './staging.ts'

/** The tables of records and blobs, and their newest version. Those of repositories and events are parts of their own. */
export const RECORD_SCHEMA: SchemaPart = { name: 'records', version: RECORD_MIGRATIONS.length }

/** A store on SQLite. Reads answer at once, and writes of many callers share a commit. */
export interface SqliteRepoServerStore extends RepoServerStore {
  readonly repos: SqliteRepoStore
  readonly records: RecordIndex
  readonly blobs: BlobIndex
  readonly log: SyncEventLog<Database>
  stage(did: Did): Promise<SqliteStaging>
  /**
   * Applies a change in the transaction that the caller has open, at once. Unless the outcome is `applied` nothing was written,
   * and the caller has to undo its own part.
   */
  applyTo(change: RepoServerChange): Outcome
}

/**
 * Opens the tables on a database, making them if need be. What an interrupted import or removal left is given up, so open
 * one store per database.
 */
export function openRepoServerStore(db: Database, options: RepoStoreOptions = {}): SqliteRepoServerStore {
  migrate(db, RECORD_SCHEMA.name, RECORD_MIGRATIONS)
  const repos = openRepoStore(db, options)
  const log = openEventLog(db)
  const sets = openRecordSets(db)
  const blobs = openBlobIndex(db, sets)
  const records = openRecordIndex(db, sets)
  const departures = openDepartures(db, blobs, log)
  const listeners = createListeners()
  const append = (events: readonly NewEvent[]): number[] => {
    const seqs = events.map((event) => log.append(db, event))
    if (events.length > 0 && listeners.any()) db.afterCommit(() => listeners.tell(events, seqs))
    return seqs
  }
  const newest = (): number => log.bounds().newest
  const stagings = createStagings({ db, repos, sets, append })
  const tables: Tables = { repos: repos.open, records, blobs, sets, departures, append, newest }
  return {
    repos,
    records,
    blobs,
    log,
    applyTo: (change) => applyTo(tables, change),
    apply: (change) => db.write(() => applyTo(tables, change)),
    recent: (did) => repos.recent(did),
    stage: (did) => stagings.begin(did),
    onEvent: (listener) => listeners.add(listener),
    upkeep: {
      expireUploads: (before) => db.write(() => blobs.expire(before)),
      departed: () => departures.withBlobs(),
      forgetBlobs: (did) => departures.forgetBlobs(did),
      sweep: async () => {
        await Promise.all([departures.removeEvents(), sets.sweep()])
      },
      discardStaged: () => stagings.discardOthers(),
    },
  }
}
