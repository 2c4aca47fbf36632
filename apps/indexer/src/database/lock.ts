// One indexer per data folder. The lock is SQLite's own lock on a small file beside the database: the operating system lets it
// go when the process ends, however it ends, and other programs may still read the database.

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { IndexerError } from '../errors.ts'
import { diskFailure } from './failure.ts'

/** How long to wait for a process that is just ending. */
const WAIT_MS = 1000

/**
 * Takes the lock of a data folder; dispose to let it go.
 * @throws IndexerError `data-folder` when another indexer has it.
 */
export function lockFolder(folder: string): Disposable {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(join(folder, 'indexer.lock'), { timeout: WAIT_MS })
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock?.close()
    const { errstr, message } = cause as { errstr?: string; message?: string }
    const disk = diskFailure(cause)
    const why =
      errstr === 'database is locked'
        ? 'another avocet-indexer is using it'
        : disk !== null
          ? `${disk.what}. ${disk.next}`
          : (errstr ?? message ?? '')
    throw new IndexerError('data-folder', `Cannot use ${folder}: ${why}`, { cause })
  }
  const held = lock
  return {
    [Symbol.dispose]() {
      held.close()
    },
  }
}
