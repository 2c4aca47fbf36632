// https://www.sqlite.org/wal.html#ckpt: a checkpoint copies the log back into the database and syncs both. Done by the commit that
// fills the log, it stops the event loop for as long as the disk takes; here a thread does it.
import type { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import type { CheckpointFailure } from './checkpoint-worker.ts'
import { isSyncFailure } from './durability.ts'

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

/** A checkpoint is due for so many pages of log that were not copied, 16 MB. */
const DUE_PAGES = 4000
/**
 * Writes are held only for a log of so many pages, 37 MB: one that is held waits for the disk several times over, so that
 * holds should meet fewer than one write in a hundred. SQLite itself would copy at 16 000 pages, in a commit.
 */
const HOLD_PAGES = 9000
/** While the log is half as long, or shorter, so many of its pages left are not looked at for one commit: a look takes as long as a statement. */
const PAGES_A_LOOK = 250
/** Longest time that writes are held, in milliseconds: as long as a disk under load takes to sync. Reads go on meanwhile. */
const HOLD_MS = 2000

const file = import.meta.url.endsWith('.ts') ? './checkpoint-worker.ts' : './checkpoint-worker.js'

/** No checkpoints of our own: the database is in memory, or only read. */
export const NO_CHECKPOINTS: Checkpointer = {
  committed: () => {},
  isHolding: () => false,
  close: () => {},
}

/**
 * @param resume called when writes need not wait any more
 * @param failed called when a sync of the log or the database failed
 */
export function createCheckpointer(
  raw: DatabaseSync,
  path: string,
  resume: () => void,
  failed: (cause: CheckpointFailure) => void,
): Checkpointer {
  const { length, canSkip } = createLogLength(raw)
  let state: 'idle' | 'copying' | 'holding' | 'closed' = 'idle'
  let worker: Worker | undefined
  let timer: NodeJS.Timeout | undefined
  /** Pages of the log when a copy was asked for: one that readers hold up is not asked for again and again. */
  let asked = 0
  /** Commits to come that are not looked at. */
  let skipped = 0

  const isDue = (): boolean => {
    const { log, copied } = length()
    // It started over.
    if (log < asked) asked = 0
    const pages = log - Math.max(copied, asked)
    if (canSkip) skipped = Math.max(0, Math.floor((DUE_PAGES / 2 - pages) / PAGES_A_LOOK))
    return pages >= DUE_PAGES
  }

  const ask = (): void => {
    asked = length().log
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    worker!.postMessage(null)
  }
  const release = (): void => {
    clearTimeout(timer)
    if (state !== 'holding') return
    state = 'idle'
    resume()
  }
  const answered = (failure: CheckpointFailure | null): void => {
    if (failure !== null && isSyncFailure(failure)) failed(failure)
    if (state === 'holding') return release()
    if (state !== 'copying') return
    if (length().log < HOLD_PAGES) {
      // If more is due by now, the next commit sees it.
      state = 'idle'
      return
    }
    state = 'holding'
    // The timer, other than the thread, keeps a process that has nothing else to do: the writes that wait are done first.
    timer = setTimeout(release, HOLD_MS)
    ask()
  }
  const start = (): void => {
    state = 'copying'
    if (worker === undefined) {
      worker = new Worker(new URL(file, import.meta.url), { workerData: path, execArgv: [] })
      worker.on('message', answered)
      worker.on('error', () => {
        release()
        // As if it never answered: another one would end the same way.
        state = 'copying'
      })
      worker.unref()
    }
    ask()
  }

  return {
    committed() {
      if (state !== 'idle') return
      if (skipped > 0) skipped--
      else if (isDue()) start()
    },
    isHolding: () => state === 'holding',
    close() {
      state = 'closed'
      clearTimeout(timer)
      void worker?.terminate()
    },
  }
}

/** Whether this version of SQLite says how long its log is without copying it. */
export function tellsLogLength(version: string): boolean {
  const [major, minor] = version.split('.').map(Number) as [number, number]
  return major > 3 || (major === 3 && minor >= 51)
}

/** How to learn how many pages the log has, and how many of them were copied; `canSkip`: whether not at each commit. */
function createLogLength(raw: DatabaseSync): {
  readonly length: () => { log: number; copied: number }
  readonly canSkip: boolean
} {
  const { version } = raw.prepare('SELECT sqlite_version() AS version').get() as { version: string }
  if (tellsLogLength(version)) {
    // Copies nothing, and waits for nobody.
    const look = raw.prepare('PRAGMA wal_checkpoint(NOOP)')
    const length = (): { log: number; copied: number } => {
      const { log, checkpointed } = look.get()!
      return { log: log as number, copied: checkpointed as number }
    }
    return { length, canSkip: true }
  }
  // An SQLite before 3.51 does not tell. Scattered rows fill a page and more each.
  const changes = raw.prepare('SELECT total_changes() AS n')
  let commits = 0
  const length = (): { log: number; copied: number } => ({
    log: Math.max(11 * commits++, 1.6 * (changes.get()!['n'] as number)),
    copied: 0,
  })
  return { length, canSkip: false }
}
