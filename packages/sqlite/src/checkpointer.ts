// https://www.sqlite.org/wal.html#ckpt: a checkpoint copies the log back into the database and syncs both. Done by the commit that
// fills the log, it stops the event loop for as long as the disk takes; here a thread does it.
import type { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'

/** Copies the log back beside the event loop, before SQLite would do it in a commit. */
export interface Checkpointer {
  /** Tells of a commit. */
  committed(): void
  /**
   * Whether queued writes should wait a moment. A log starts over only when all of it was copied, so the last part of a
   * checkpoint is done while nobody writes.
   */
  isHolding(): boolean
  close(): void
}

/** A checkpoint is due after so many commits or changed rows: either fills some 4 000 pages of log, 16 MB. */
const DUE_COMMITS = 350
const DUE_ROWS = 2500
/** Rounds of copying beside writers before they are held. */
const ROUNDS = 3
/** Longest time that writes are held, in milliseconds: as long as a disk under load takes to sync. Reads go on meanwhile. */
const HOLD_MS = 2000

const file = import.meta.url.endsWith('.ts') ? './checkpoint-worker.ts' : './checkpoint-worker.js'

/** No checkpoints of our own: the database is in memory, or only read. */
export const NO_CHECKPOINTS: Checkpointer = {
  committed: () => {},
  isHolding: () => false,
  close: () => {},
}

/** @param resume called when writes need not wait any more */
export function createCheckpointer(raw: DatabaseSync, path: string, resume: () => void): Checkpointer {
  const changes = raw.prepare('SELECT total_changes() AS n')
  const rowsNow = (): number => changes.get()!['n'] as number
  let state: 'idle' | 'copying' | 'holding' | 'closed' = 'idle'
  let worker: Worker | undefined
  let timer: NodeJS.Timeout | undefined
  let commits = 0
  let rows = rowsNow()
  let round = 0

  const isDue = (): boolean => commits >= DUE_COMMITS || rowsNow() - rows >= DUE_ROWS

  const ask = (): void => {
    commits = 0
    rows = rowsNow()
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    worker!.postMessage(null)
  }
  const release = (): void => {
    clearTimeout(timer)
    worker?.unref()
    if (state !== 'holding') return
    state = 'idle'
    resume()
  }
  const answered = (): void => {
    if (state === 'holding') return release()
    if (state !== 'copying') return
    if (isDue() && ++round < ROUNDS) return ask()
    state = 'holding'
    // The writes that wait must not be forgotten by a process that has nothing else to do.
    worker!.ref()
    timer = setTimeout(release, HOLD_MS)
    ask()
  }
  const start = (): void => {
    state = 'copying'
    round = 0
    if (worker === undefined) {
      worker = new Worker(new URL(file, import.meta.url), { workerData: path, execArgv: [] })
      worker.on('message', answered)
      worker.on('error', () => {
        release()
        if (state !== 'closed') state = 'copying'
      })
      worker.unref()
    }
    ask()
  }

  return {
    committed() {
      commits++
      if (state === 'idle' && isDue()) start()
    },
    isHolding: () => state === 'holding',
    close() {
      state = 'closed'
      clearTimeout(timer)
      void worker?.terminate()
    },
  }
}
