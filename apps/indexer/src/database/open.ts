// One database file for everything, and clear words when it cannot be used.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, SqliteError, migrate, openDatabase } from '@avocet/sqlite'
import { IndexerError } from '../errors.ts'
import { convertFirstSchema } from './convert.ts'
import { countLinks } from './count-links.ts'
import { diskFailure } from './failure.ts'
import { migrations } from './schema.ts'

/**
 * Opens `<folder>/indexer.sqlite` (or a database in memory for null) and brings its tables up to date.
 * @param onProgress told how many rows of an older schema were moved or counted, which takes a minute a few million
 * @throws IndexerError `data-folder`
 */
export function openIndexDatabase(folder: string | null, onProgress?: (rows: number) => void): Database {
  const path = folder === null ? ':memory:' : databasePath(folder)
  try {
    if (folder !== null) mkdirSync(folder, { recursive: true, mode: 0o700 })
    const db = openDatabase({ path, cacheSize: 64 * 1024 * 1024 })
    try {
      // 64 MB of log before a checkpoint: rows arrive in random places, so each page is written back less often.
      db.raw.exec('PRAGMA wal_autocheckpoint = 16000')
      migrate(db, 'indexer', migrations)
      convertFirstSchema(db, onProgress)
      countLinks(db, onProgress)
    } catch (error) {
      db.close()
      throw error
    }
    return db
  } catch (cause) {
    throw new IndexerError('data-folder', `Cannot use ${path}: ${explain(cause)}`, { cause })
  }
}

/** The file of a data folder that holds everything. */
export function databasePath(folder: string): string {
  return join(folder, 'indexer.sqlite')
}

function explain(cause: unknown): string {
  if (cause instanceof SqliteError && cause.code === 'newer-schema') {
    return 'it was written by a newer avocet-indexer'
  }
  const disk = diskFailure(cause)
  if (disk !== null && disk.what !== 'the disk is read-only') return `${disk.what}. ${disk.next}`
  const { code, message, errstr } = cause as { code?: string; message?: string; errstr?: string }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'no permission to write there'
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'a part of the path is a file, not a folder'
  if (errstr === 'file is not a database' || errstr === 'database disk image is malformed') {
    return `${errstr}. Move it away to start with an empty index`
  }
  if (errstr === 'database is locked') return 'another process is using it'
  return errstr ?? message ?? String(cause)
}
