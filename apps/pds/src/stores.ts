import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { openAccountStore, type SqliteAccountStore } from '@avocet/accounts/sqlite'
import type { BlobError, BlobStore, BlobUpkeep } from '@avocet/blobs'
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

import { openBlobs, refuseFilledBucket } from './blobs/blob-place.ts'
import { POWER_LOSS_WARNING, type PdsConfig } from './config/config.ts'
import { DATABASE_FILE, refuseForeignData } from './config/data-directory.ts'
import { DataDirectoryError, prepareDataDirectory } from './config/secrets.ts'
import { SILENT, type Logger } from './logger.ts'
import { migrateSchema, prepareUpgrade } from './upgrade.ts'

/** Everything this server keeps: one database, on which every store works, and the files of blobs. */
export interface Stores {
  readonly db: Database
  readonly accountStore: SqliteAccountStore
  /** Their rows alone. */
  readonly accounts: SqliteAccountStore['accounts']
  /** Repositories, records, rows of blobs, and the log: what `@avocet/repo-server` works on. */
  readonly server: SqliteRepoServerStore
  readonly records: RecordIndex
  readonly blobs: BlobIndex
  readonly files: BlobStore & BlobUpkeep
  readonly repos: SqliteRepoStore
  readonly log: SyncEventLog<Database>
}

/**
 * Opens, and on first use makes, the stores in the data directory; one of an older version is upgraded, after a copy.
 * @throws DataDirectoryError
 */
export async function openStores(config: PdsConfig, log: Logger = SILENT): Promise<Stores> {
  prepareDataDirectory(config.dataDirectory)
  refuseForeignData(config)
  const path = join(config.dataDirectory, DATABASE_FILE)
  if (!existsSync(path)) await refuseFilledBucket(config)
  // SQLite removes the log when the last handle closes.
  const wasCutOff = existsSync(`${path}-wal`)
  let db: Database | undefined
  try {
    db = openDatabase({ path, synchronous: config.sqliteSynchronous })
    await prepareUpgrade(db, config, log)
    if (config.sqliteSynchronous === 'normal') {
      log.warn({}, POWER_LOSS_WARNING)
      // Subscribers may have seen events that went with the power: their numbers are not given to others.
      if (wasCutOff) advanceSeq(db)
    }
    return await openStoresOn(db, config, (error) =>
      log.warn({ err: error }, 'the blobs cannot be reached for now'),
    )
  } catch (cause) {
    db?.close()
    if (cause instanceof DataDirectoryError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DataDirectoryError(
      `cannot open the data directory; path=${config.dataDirectory} reason=${reason}`,
      {
        cause,
      },
    )
  }
}

/** The stores on a database that is open, brought to the newest version of its tables; `onUnavailable` as in `openBlobs`. */
export async function openStoresOn(
  db: Database,
  config: PdsConfig,
  onUnavailable?: (error: BlobError) => void,
): Promise<Stores> {
  const server = openRepoServerStore(db)
  migrateSchema(db)
  const accountStore = openAccountStore(db)
  const { repos, records, blobs, log } = server
  return {
    db,
    server,
    repos,
    records,
    blobs,
    log,
    accountStore,
    accounts: accountStore.accounts,
    files: await openBlobs(config, onUnavailable),
  }
}
