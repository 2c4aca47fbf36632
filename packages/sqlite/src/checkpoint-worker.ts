// A thread that copies the write-ahead log back into the database, see `checkpointer.ts`.
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'

// A file that is gone meanwhile must not be made again.
const url = pathToFileURL(workerData as string)
url.searchParams.set('mode', 'rw')

/** What copying failed with, as far as it tells; null when nothing failed. */
export interface CheckpointFailure {
  /** A result code of SQLite, extended. */
  readonly errcode: unknown
  readonly message: string
}

parentPort!.on('message', () => {
  let failure: CheckpointFailure | null = null
  try {
    const db = new DatabaseSync(url)
    try {
      db.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_checkpoint(PASSIVE)')
    } finally {
      db.close()
    }
  } catch (error) {
    // The log keeps what was not copied, and the connection that writes copies it when it gets too long. But of a sync that
    // failed nobody else may ever hear.
    const { errcode, message } = error as Error & { errcode?: unknown }
    failure = { errcode, message }
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of a thread has no origins
  parentPort!.postMessage(failure)
})
