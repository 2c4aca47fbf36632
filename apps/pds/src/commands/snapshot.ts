import { open, stat } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'

/** What runs beside: as text, since a worker's file would have another name once compiled. */
const COPY = `
  const { workerData } = require('node:worker_threads')
  const { DatabaseSync } = require('node:sqlite')
  const database = new DatabaseSync(workerData.source, { readOnly: true })
  database.exec('PRAGMA busy_timeout = 5000')
  database.prepare('VACUUM INTO ?').run(workerData.target)
  database.close()
`
const EVERY_MS = 2000

/**
 * Copies a database as it is at one moment, also while another process writes to it: one read transaction, which waits for
 * no writer and holds none up. A copy in steps would begin anew at each commit.
 * @param progress is told the bytes written so far, every two seconds
 */
export async function snapshotDatabase(
  source: string,
  target: string,
  progress: (bytes: number) => void,
): Promise<void> {
  const worker = new Worker(COPY, { eval: true, workerData: { source, target } })
  const timer = setInterval(() => {
    stat(target).then(
      ({ size }) => progress(size),
      () => {
        // Not there yet.
      },
    )
  }, EVERY_MS)
  try {
    await new Promise<void>((resolve, reject) => {
      worker.once('error', reject)
      worker.once('exit', () => resolve())
    })
  } finally {
    clearInterval(timer)
  }
  await using file = await open(target, 'r')
  await file.sync()
}
