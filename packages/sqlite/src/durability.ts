// https://www.sqlite.org/wal.html: in WAL mode a commit is durable once the frames it appended to the -wal file are.
// SQLite's own `synchronous = FULL` syncs that file inside COMMIT, on the calling thread. Here COMMIT only writes
// (`synchronous = NORMAL`) and the sync is done on the side, so that the event loop keeps serving while the disk works,
// and one sync serves every transaction committed before it began.
import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs'
import { SqliteError } from './error.ts'

/** What waits for a commit to reach the disk. Exactly one of the two is called, once. */
export interface Waiter {
  readonly done: () => void
  readonly failed: (error: SqliteError) => void
}

/** Makes commits durable, in order, several at a time. */
export interface Durability {
  /** Calls the waiter after a sync that began after this call. */
  wait(waiter: Waiter): void
  /** Syncs now, on this thread, and calls everything that waits. @throws {SqliteError} `sync-failed` */
  flush(): void
  /** Throws if an earlier sync failed. @throws {SqliteError} `sync-failed` */
  check(): void
  close(): void
}

/** No disk to wait for: an in-memory database, or one opened with `synchronous: 'normal'`. */
export function createNoDurability(): Durability {
  return { wait: (waiter) => waiter.done(), flush: () => {}, check: () => {}, close: () => {} }
}

/**
 * @param walPath the path of the -wal file. Opening and closing it aside of SQLite is safe: SQLite's POSIX locks are
 *   on the database and -shm files. It is opened at first need, since SQLite makes it at the first write.
 */
export function createWalDurability(walPath: string): Durability {
  let fd: number | undefined
  let waiting: Waiter[] = []
  let syncing: Waiter[] | null = null
  let failure: SqliteError | null = null
  let closed = false

  const handle = (): number => (fd ??= openSync(walPath, 'r'))

  const fail = (cause: unknown): SqliteError => {
    failure ??= new SqliteError('sync-failed', `commit could not be made durable; path=${walPath}`, { cause })
    return failure
  }

  const start = (): void => {
    if (syncing !== null || waiting.length === 0 || closed) return
    const batch = waiting
    waiting = []
    syncing = batch
    const finish = (error: unknown): void => {
      // flush() may have served this batch meanwhile: it takes the array's content out.
      syncing = null
      if (error) for (const waiter of batch.splice(0)) waiter.failed(fail(error))
      else for (const waiter of batch.splice(0)) waiter.done()
      start()
    }
    try {
      fdatasync(handle(), finish)
    } catch (error) {
      finish(error)
    }
  }

  return {
    wait(waiter) {
      if (failure) return waiter.failed(failure)
      waiting.push(waiter)
      start()
    },
    flush() {
      if (failure) throw failure
      const batch = [...(syncing?.splice(0) ?? []), ...waiting.splice(0)]
      try {
        fdatasyncSync(handle())
      } catch (error) {
        const typed = fail(error)
        for (const waiter of batch) waiter.failed(typed)
        throw typed
      }
      for (const waiter of batch) waiter.done()
    },
    check() {
      if (failure) throw failure
    },
    close() {
      closed = true
      // A sync in flight holds the descriptor: closing it under the thread pool would race, so that one closes it.
      if (fd !== undefined) {
        const open = fd
        fd = undefined
        if (syncing === null) closeSync(open)
        else fdatasync(open, () => closeSync(open))
      }
    },
  }
}
