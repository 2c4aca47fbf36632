import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { openAccountStore, type SqliteAccountStore } from '@avocet/accounts/sqlite'
import type { BlobError, BlobStore, BlobUpkeep } from '@avocet/blobs'
import type { Staging } from '@avocet/repo-server'
import {
  openRepoServerStore,
  type BlobIndex,
  type RecordIndex,
  type SqliteRepoServerStore,
} from '@avocet/repo-server/sqlite'
import type { SqliteRepoStore } from '@avocet/repo-sqlite'
import type { SyncEventLog } from '@avocet/sequencer'
import { advanceSeq } from '@avocet/sequencer/sqlite'
import { openDatabase, type Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { openBlobs, refuseFilledBucket } from '../../blobs/blob-place.ts'
import { CUT_OFF_WARNING, POWER_LOSS_WARNING, type PdsConfig } from '../../config/config.ts'
import { DATABASE_FILE, refuseForeignData } from '../../config/data-directory.ts'
import { DataDirectoryError, prepareDataDirectory } from '../../config/secrets.ts'
import { SILENT, type Logger } from '../../logger.ts'
import { NotApplied, type AppChange, type AppOutcome } from '../app-change.ts'
import type { Stores } from '../stores.ts'
import { openAudit } from './audit.ts'
import { openDevices } from './devices.ts'
import { endingApps, openOAuth } from './oauth.ts'
import { openOperatorRows } from './operator.ts'
import { applyRow, openClock, openQuotas, openRecent, openRotations, openVitals } from './rows.ts'
import { openTotals } from './totals.ts'
import { migrateSchema, prepareUpgrade } from './upgrade.ts'

/** Everything on one SQLite database. Reads answer at once, and writes of many requests share a commit. */
export interface SqliteStores extends Stores {
  readonly db: Database
  readonly accountStore: SqliteAccountStore
  readonly accounts: SqliteAccountStore['accounts']
  readonly server: SqliteRepoServerStore
  readonly records: RecordIndex
  readonly blobs: BlobIndex
  readonly repos: SqliteRepoStore
  readonly log: SyncEventLog<Database>
  /** Begins to make a repository of an archive. `more` is applied with it, in its transaction. @throws NotApplied from `adopt` */
  stageWith(did: Did, more: AppChange): Promise<Staging>
}

/**
 * Opens, and on first use makes, the stores in the data directory; one of an older version is upgraded, after a copy.
 * @throws DataDirectoryError
 */
export async function openSqliteStores(
  config: PdsConfig,
  log: Logger = SILENT,
  files?: BlobStore & BlobUpkeep,
): Promise<SqliteStores> {
  prepareDataDirectory(config.dataDirectory)
  refuseForeignData(config, { ownBlobs: files === undefined })
  const path = join(config.dataDirectory, DATABASE_FILE)
  if (!existsSync(path) && files === undefined) await refuseFilledBucket(config)
  // SQLite removes the log when the last handle closes.
  const wasCutOff = existsSync(`${path}-wal`)
  let db: Database | undefined
  try {
    db = openDatabase({ path, synchronous: config.sqliteSynchronous })
    await prepareUpgrade(db, config, log)
    if (config.sqliteSynchronous === 'normal') {
      log.warn({}, POWER_LOSS_WARNING)
      // Subscribers may have seen events that went with the power: their numbers are not given to others.
      if (wasCutOff) {
        advanceSeq(db)
        log.warn({}, CUT_OFF_WARNING)
      }
    }
    return await openStoresOn(db, config, {
      files,
      onUnavailable: (error) => log.warn({ err: error }, 'the blobs cannot be reached for now'),
    })
  } catch (cause) {
    db?.close()
    if (cause instanceof DataDirectoryError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DataDirectoryError(
      `cannot open the data directory; path=${config.dataDirectory} reason=${reason}`,
      { cause },
    )
  }
}

/** Where the bytes of blobs are. */
export interface BlobFiles {
  /** Somebody else opened them; else the settings say where they are. */
  readonly files?: (BlobStore & BlobUpkeep) | undefined
  /** As in `openBlobs`. */
  readonly onUnavailable?: (error: BlobError) => void
}

/** The stores on a database that is open, brought to the newest version of its tables. */
export async function openStoresOn(
  db: Database,
  config: PdsConfig,
  { files, onUnavailable }: BlobFiles = {},
): Promise<SqliteStores> {
  const server = openRepoServerStore(db)
  migrateSchema(db)
  const accountStore = endingApps(openAccountStore(db), db)
  const { repos, records, blobs, log } = server
  const quotas = openQuotas(db)

  /** In the transaction that is open. @throws NotApplied to undo it */
  const applyAll = (change: AppChange): AppOutcome => {
    const { accounts = [], rows = [], repos: changes = [] } = change
    if (accounts.length > 0) {
      const outcome = accountStore.applyIn(db, accounts)
      if (outcome.status === 'stale') throw new NotApplied(outcome)
      if (outcome.status === 'refused') throw new NotApplied({ ...outcome, by: 'accounts' })
    }
    for (const row of rows) {
      applyRow(db, row)
      db.afterCommit(() => quotas.drop(row.did))
    }
    const seqs: number[] = []
    for (const item of changes) {
      const outcome = server.applyTo(item)
      if (outcome.status === 'stale') throw new NotApplied(outcome)
      if (outcome.status === 'refused') throw new NotApplied({ ...outcome, by: 'repositories' })
      seqs.push(...outcome.seqs)
    }
    return { status: 'applied', seqs }
  }

  return {
    isShared: false,
    db,
    server,
    repos,
    records,
    blobs,
    log,
    accountStore,
    accounts: accountStore.accounts,
    files: files ?? (await openBlobs(config, onUnavailable)),
    quotas,
    rotations: openRotations(db),
    audit: openAudit(db),
    operator: openOperatorRows(db),
    clock: openClock(db),
    devices: openDevices(db),
    oauth: openOAuth(db),
    recent: openRecent(db),
    vitals: openVitals(db),
    totals: openTotals(db),
    notes: null,
    apply: async (change) => {
      try {
        return await db.write(() => applyAll(change))
      } catch (error) {
        if (error instanceof NotApplied) return error.outcome
        throw error
      }
    },
    stageWith: async (did, more) => {
      const staging = await server.stage(did)
      return { ...staging, adopt: (replacement) => staging.adopt(replacement, () => void applyAll(more)) }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(db.close()),
  }
}
