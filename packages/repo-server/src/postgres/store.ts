import { migrate, type PostgresDatabase, type SchemaPart, type Transaction } from '@avocet/postgres'
import { openRepoStore, REPO_SCHEMA, type PostgresRepoStore } from '@avocet/repo-postgres'
import type { NewEvent } from '@avocet/sequencer'
import {
  EVENT_LOG_SCHEMA,
  openEventLog,
  type PostgresEventLog,
  type PostgresEventLogOptions,
} from '@avocet/sequencer/postgres'

import type { Outcome, RepoServerChange } from '../change.ts'
import { createListeners } from '../listeners.ts'
import type { RepoServerStore } from '../store.ts'
import { applyTo } from './apply.ts'
import { openBlobTurns } from './blob-turns.ts'
import { createCommitQueue } from './queue.ts'
import { openBlobReads, openRecordReads, readGround } from './reads.ts'
import { RECORD_MIGRATIONS } from './schema.ts'
import { beginStaging } from './staging.ts'
import { createSweeping } from './sweeping.ts'
import type { Tables } from './tables.ts'
import { takeTurn } from './turns.ts'
import { openUpkeep } from './upkeep.ts'

/** A store on Postgres, for any number of processes. */
export interface PostgresRepoServerStore extends RepoServerStore, AsyncDisposable {
  readonly ground: NonNullable<RepoServerStore['ground']>
  readonly recent: NonNullable<RepoServerStore['recent']>
  readonly repos: PostgresRepoStore
  readonly log: PostgresEventLog
  /**
   * Applies a change in the transaction that the caller has open. Unless the outcome is `applied` nothing was written, and the
   * caller has to undo its own part. Call it last: from its events on, readers of the log wait for the transaction.
   */
  applyTo(tx: Transaction, change: RepoServerChange): Promise<Outcome>
}

/** All tables, a part each, and their newest versions. */
export const STORE_SCHEMA: readonly SchemaPart[] = [
  REPO_SCHEMA,
  { name: 'records', version: RECORD_MIGRATIONS.length },
  EVENT_LOG_SCHEMA,
]

/** Opens the tables on a database, making them if need be. Closing the database disposes of it. */
export async function openRepoServerStore(
  db: PostgresDatabase,
  options: PostgresEventLogOptions = {},
): Promise<PostgresRepoServerStore> {
  const { readOnly = false } = options
  const repos = await openRepoStore(db, { readOnly })
  if (!readOnly) await migrate(db, 'records', RECORD_MIGRATIONS)
  const log = await openEventLog(db, options)
  const listeners = createListeners()
  const append = async (tx: Transaction, events: readonly NewEvent[]): Promise<number[]> => {
    const seqs: number[] = []
    // Their numbers follow their order.
    for (const event of events) seqs.push(await log.append(tx, event))
    if (events.length > 0 && listeners.any()) tx.afterCommit(() => listeners.tell(events, seqs))
    return seqs
  }
  const tables: Tables = { repos, log, append, tell: (events, seqs) => listeners.tell(events, seqs) }
  const queue = createCommitQueue(db, tables)
  const filling = new Set<string>()
  const sweeping = createSweeping(db)
  return {
    repos,
    records: openRecordReads(db),
    blobs: openBlobReads(db),
    log,
    upkeep: openUpkeep(db, tables, filling),
    applyTo: (tx, change) => applyTo(tables, tx, change),
    apply: (change) =>
      change.type !== 'commit' || change.claims.length > 0
        ? db.transaction((tx) => applyTo(tables, tx, change))
        : queue.apply(change),
    turn: (did) => takeTurn(db, tables, did),
    blobTurns: openBlobTurns(db),
    recent: (did) => repos.recent(did),
    ground: (did, places) => readGround(db, repos, did, places),
    stage: (did) => beginStaging(db, tables, did, filling, () => sweeping.begin()),
    onEvent: (listener) => listeners.add(listener),
    [Symbol.asyncDispose]: async () => {
      await log.close()
      await sweeping.ended()
      await repos.swept()
    },
  }
}
