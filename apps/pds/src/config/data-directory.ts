import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import type { PdsConfig } from './config.ts'
import { ROTATION_KEY_NOTE } from './rotation-key.ts'
import { DataDirectoryError } from './secrets.ts'

/** The database of this server, in its data directory. */
export const DATABASE_FILE = 'pds.sqlite'
/** One that is being moved there: it gets the name above when all of it is there. */
export const MOVING_FILE = 'pds.sqlite.moving'
/** Where an operator puts the database that was moved to Postgres. */
export const MOVED_FOLDER = 'before-move'

/** What a reference PDS keeps in its data directory. */
const REFERENCE = ['account.sqlite', 'sequencer.sqlite', 'did_cache.sqlite', 'actors'] as const

/** What may lie in the data directory of a server that was never started: its settings, a front server's files, ours. */
const HARMLESS: ReadonlySet<string> = new Set([
  'backup.hold',
  'backups',
  'before-move',
  'before-upgrade',
  'blobs',
  'caddy',
  'lost+found',
  'mail',
  'pds.env',
  'pds.lock',
  'pds.lock-journal',
  'pds.lock.pid',
  'secrets.json',
])

/** Folders of blobs that are not an account's. */
const NO_ACCOUNT: ReadonlySet<string> = new Set([
  'temporary',
  'held',
  'removed',
  'temp',
  'tempt',
  'quarantine',
  'lost+found',
])

/** Where the blobs are. */
export function blobFolder(config: PdsConfig): string {
  return config.blobDirectory ?? join(config.dataDirectory, 'blobs')
}

/** What is right in a data directory without a database. */
export interface DataExpected {
  /** Whether the settings say where the blobs are; else somebody else keeps them. */
  readonly ownBlobs?: boolean
  /** Whether a server on Postgres may have used it, and its database is to be moved there. */
  readonly beforeMove?: boolean
}

/**
 * Refuses a data directory that is another program's, or that lost its database: to begin anew there would show the world
 * an empty server under the same name, and relays would take all its accounts for gone.
 * @throws DataDirectoryError that says what to do
 */
export function refuseForeignData(
  config: PdsConfig,
  { ownBlobs = true, beforeMove = false }: DataExpected = {},
): void {
  const { dataDirectory } = config
  const names = namesIn(dataDirectory)
  const foreign = REFERENCE.filter((name) => names.includes(name))
  const isNew = !names.includes(DATABASE_FILE)
  if (foreign.length > 0 && (isNew || isEmpty(join(dataDirectory, DATABASE_FILE)))) {
    throw new DataDirectoryError(
      `the data directory holds the data of a reference PDS (${foreign.join(', ')}); path=${dataDirectory}\n` +
        `To take it over into an empty directory, run: avocet-pds --data <new directory> adopt ${resolve(dataDirectory)}`,
    )
  }
  if (!isNew) return
  if (names.includes(MOVING_FILE) && !beforeMove) {
    throw new DataDirectoryError(
      `a move to this data directory has not ended; path=${join(dataDirectory, MOVING_FILE)}\n` +
        'Run the same avocet-pds move again, which goes on, or remove the file and start the server where it was',
    )
  }
  if (names.includes(MOVED_FOLDER) && !beforeMove) {
    throw new DataDirectoryError(
      `the accounts of this server were moved to Postgres; path=${join(dataDirectory, MOVED_FOLDER)}\n` +
        'Set PDS_DB_POSTGRES_URL, or bring them back with: avocet-pds move --to <data directory>',
    )
  }
  const blobs = blobFolder(config)
  if (ownBlobs && !beforeMove && hasBlobs(config)) {
    throw new DataDirectoryError(
      `there are blobs of accounts but no database; blobs=${blobs} database=${join(dataDirectory, DATABASE_FILE)}\n` +
        `Check PDS_DATA_DIRECTORY; put a lost database back with: avocet-pds restore <backup>; ` +
        `take a reference PDS over with: avocet-pds --data <new directory> adopt <its data directory>`,
    )
  }
  if (names.includes(ROTATION_KEY_NOTE) && !beforeMove) {
    throw new DataDirectoryError(
      `a server ran here, but its database is missing; path=${join(dataDirectory, DATABASE_FILE)}\n` +
        'Put it back, or empty the data directory and run: avocet-pds restore <backup>',
    )
  }
  const known = (name: string): boolean =>
    HARMLESS.has(name) || (beforeMove && (name === ROTATION_KEY_NOTE || name.startsWith(MOVING_FILE)))
  const others = names.filter((name) => !known(name) && resolve(dataDirectory, name) !== resolve(blobs))
  if (others.length > 0) {
    throw new DataDirectoryError(
      `the data directory is not empty and not that of this server (${others.slice(0, 5).join(', ')}); path=${dataDirectory}\n` +
        `Give an empty directory, or take a reference PDS over with: avocet-pds --data <new directory> adopt ${resolve(dataDirectory)}`,
    )
  }
}

/** Whether the folder of blobs holds those of accounts. */
export function hasBlobs(config: PdsConfig): boolean {
  return namesIn(blobFolder(config)).some((name) => !NO_ACCOUNT.has(name))
}

/**
 * Refuses a data directory with a database in it while the settings name one elsewhere: that would show the world an empty
 * server in the place of the one here.
 * @throws DataDirectoryError that says what to do
 */
export function refuseOwnDatabase({ dataDirectory }: PdsConfig): void {
  const path = join(dataDirectory, DATABASE_FILE)
  if (!existsSync(path) || isEmpty(path)) return
  throw new DataDirectoryError(
    `the accounts of this server are in its data directory, and PDS_DB_POSTGRES_URL names another database; path=${path}\n` +
      'Remove PDS_DB_POSTGRES_URL to go on with them, or give a new directory with PDS_DATA_DIRECTORY',
  )
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    const { message } = error as Error
    throw new DataDirectoryError(`cannot read a folder; path=${folder} reason=${message}`, { cause: error })
  }
}

/** Whether a database of ours was made but never had an account: a start beside foreign data left it there. */
function isEmpty(path: string): boolean {
  if (!existsSync(path)) return true
  try {
    const db = new DatabaseSync(path, { readOnly: true })
    try {
      return db.prepare('SELECT 1 FROM account LIMIT 1').get() === undefined
    } finally {
      db.close()
    }
  } catch {
    // Not a database, or none with accounts: opening it says so in its own words.
    return false
  }
}
