// A thread that copies the write-ahead log back into the database, see `checkpointer.ts`.
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'

// A file that is gone meanwhile must not be made again.
const url = pathToFileURL(workerData as string)
url.searchParams.set('mode', 'rw')

parentPort!.on('message', () => {
  try {
    const db = new DatabaseSync(url)
    try {
      db.exec('PRAGMA busy_timeout = 0; PRAGMA synchronous = NORMAL; PRAGMA wal_checkpoint(PASSIVE)')
    } finally {
      db.close()
    }
  } catch {
    // Whatever it was: the log keeps what was not copied, and the connection that writes copies it when it gets too long.
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of a thread has no origins
  parentPort!.postMessage(null)
})
