import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { DataDirectoryError } from './secrets.ts'

/** How long to wait for a server that is just ending, in milliseconds. */
const WAIT_MS = 1000
/** The file of the lock, in the data directory. */
export const LOCK = 'pds.lock'
const HOLDER = 'pds.lock.pid'

/**
 * Takes the one lock of a data directory, which is there: a server holds it while it runs, for two would give out the same event numbers, and
 * remove each other's uploads. It is SQLite's lock on a small file of its own, which the operating system lets go when the
 * process ends, however it ends. Commands that read, and backups, do not ask for it.
 * @returns what lets it go
 * @throws DataDirectoryError when another server has it
 */
export function lockDataDirectory(path: string): Disposable {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(join(path, LOCK), { timeout: WAIT_MS })
    lock.exec('BEGIN EXCLUSIVE')
    writeFileSync(join(path, HOLDER), `${process.pid}\n`, { mode: 0o600 })
  } catch (cause) {
    lock?.close()
    const { errstr, message } = cause as { errstr?: string; message?: string }
    const why =
      errstr === 'database is locked'
        ? `another avocet-pds is using it${holder(path)}`
        : (errstr ?? message ?? '')
    throw new DataDirectoryError(`cannot use the data directory; path=${path} reason=${why}`, { cause })
  }
  const held = lock
  return { [Symbol.dispose]: () => held.close() }
}

/** The process that has the lock, as far as it said so. */
function holder(path: string): string {
  try {
    return ` (process ${Number.parseInt(readFileSync(join(path, HOLDER), 'utf8'), 10)})`
  } catch {
    return ''
  }
}
