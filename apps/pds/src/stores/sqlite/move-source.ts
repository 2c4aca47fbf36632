import { statSync } from 'node:fs'
import { join } from 'node:path'

import { openDatabase, schemaVersions } from '@avocet/sqlite'

import type { PdsConfig } from '../../config/config.ts'
import { DATABASE_FILE } from '../../config/data-directory.ts'
import { DataDirectoryError } from '../../config/secrets.ts'
import { lockDataDirectory } from '../../config/server-lock.ts'
import type { MoveSource } from '../move-end.ts'
import { countRows, foreignTables, readCounters, readPages } from './move-rows.ts'
import { SCHEMA } from './upgrade.ts'

/** The database of a data directory, to move away; the directory is locked. @throws DataDirectoryError */
export function openSqliteSource({
  dataDirectory,
  sqliteSynchronous,
}: Pick<PdsConfig, 'dataDirectory' | 'sqliteSynchronous'>): MoveSource {
  const path = join(dataDirectory, DATABASE_FILE)
  if (sizeOf(path) === 0) {
    throw new DataDirectoryError(
      `there is no database to move; path=${path}\nGive the data directory of the server: PDS_DATA_DIRECTORY, or --data`,
    )
  }
  using opened = new DisposableStack()
  opened.use(lockDataDirectory(dataDirectory))
  // Subscribers may have seen events that went with the power. A start leaves out their numbers.
  if (sqliteSynchronous === 'normal' && sizeOf(`${path}-wal`) > 0) {
    throw new DataDirectoryError(
      `the server was cut off, and did not wait for the disk (PDS_SQLITE_SYNCHRONOUS=normal); path=${path}\n` +
        'Start it once, and stop it, before it is moved',
    )
  }
  const db = opened.use(openDatabase({ path, readOnly: true }))
  const versions = schemaVersions(db)
  const other = SCHEMA.find(({ name, version }) => versions.get(name) !== version)
  if (other !== undefined) {
    const found = versions.get(other.name) ?? 0
    const next =
      found > other.version
        ? 'Move it with the newer version of this program that wrote it'
        : 'Start a server of this version on it once, which upgrades it, and stop that'
    throw new DataDirectoryError(
      `the database is of another version of this program (${other.name} ${found}, known ${other.version}); path=${path}\n${next}`,
    )
  }
  const kept = opened.move()
  const tables = new Set(foreignTables(db))
  return {
    name: path,
    count: (table) => Promise.resolve(countRows(db, table)),
    bytes: () => Promise.resolve(sizeOf(path) + sizeOf(`${path}-wal`)),
    pages: (table, after) => readPages(db, table, after),
    counters: () => Promise.resolve(readCounters(db)),
    foreignTables: () => Promise.resolve([...tables]),
    // Every server that starts writes: the log is empty, or another one, or copied into the file.
    fingerprint: () => {
      const { newest, audit } = readCounters(db)
      return Promise.resolve(`sqlite ${stateOf(path)} ${stateOf(`${path}-wal`)} ${newest} ${audit}`)
    },
    [Symbol.asyncDispose]: () => Promise.resolve(kept.dispose()),
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** Size and time of a file; an empty one is as none. */
function stateOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined || found.size === 0 ? '-' : `${found.size}@${found.mtimeMs}`
}
