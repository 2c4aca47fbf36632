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
  /** Notes a sync that failed elsewhere (SQLite's own, in a COMMIT or a checkpoint), and fails everything that waits. */
  fail(cause: unknown): SqliteError
  close(): void
}

/**
 * The calls that make a file durable, those of `node:fs` by default. Another one lets a test stand in for a disk that
 * fails, which no file system does on demand.
 */
export interface Disk {
  /** Syncs without blocking; the callback gets the error, or null. */
  readonly fdatasync: (fd: number, callback: (error: Error | null) => void) => void
  /** Syncs on this thread. */
  readonly fdatasyncSync: (fd: number) => void
}

const NODE_DISK: Disk = { fdatasync, fdatasyncSync }

/**
 * No disk to wait for: an in-memory database, one that is only read, or one opened with `synchronous: 'normal'`. SQLite
 * itself syncs the last kind when it copies the log; when that fails it is as for `createWalDurability`.
 *
 * @param onFailure called once, when the first sync fails
 */
export function createNoDurability(path: string, onFailure: () => void): Durability {
  let failure: SqliteError | null = null
  const check = (): void => {
    if (failure !== null) throw failure
  }
  return {
    wait: (waiter) => waiter.done(),
    // Closing asks for it: the log of a handle that failed must not be copied.
    flush: check,
    check,
    fail(cause) {
      if (failure) return failure
      failure = syncFailed(path, cause)
      onFailure()
      return failure
    },
    close: () => {},
  }
}

/** Whether SQLite failed by SQLITE_IOERR_FSYNC or SQLITE_IOERR_DIR_FSYNC: https://www.sqlite.org/rescode.html#ioerr_fsync */
export function isSyncFailure(error: unknown): boolean {
  const { errcode } = error as { errcode?: unknown }
  return errcode === 1034 || errcode === 1290
}

function syncFailed(path: string, cause: unknown): SqliteError {
  return new SqliteError('sync-failed', `commit could not be made durable; path=${path}`, { cause })
}

/**
 * After a sync that failed, nothing is told to be durable any more: the system counts the pages that it could not write
 * as written, so the next sync succeeds and proves nothing.
 *
 * @param walPath the path of the -wal file, which SQLite has made. Opening and closing it aside of SQLite is safe:
 *   SQLite's POSIX locks are on the database and -shm files.
 * @param onFailure called once, when the first sync fails
 * @throws what `open` throws
 */
export function createWalDurability(
  walPath: string,
  disk: Disk = NODE_DISK,
  onFailure: () => void = () => {},
): Durability {
  // Two descriptors: the system tells an error to each of them once. A sync on this thread that overtakes one under way
  // would else succeed although the other one was told that the disk failed.
  const aside = openSync(walPath, 'r')
  const here = openSync(walPath, 'r')
  let waiting: Waiter[] = []
  let syncing: Waiter[] | null = null
  let failure: SqliteError | null = null
  let closed = false

  /** Remembers that a sync failed, and tells everybody who waits for one. */
  const fail = (cause: unknown): SqliteError => {
    if (failure === null) {
      failure = syncFailed(walPath, cause)
      onFailure()
    }
    const lost = [...(syncing?.splice(0) ?? []), ...waiting.splice(0)]
    for (const waiter of lost) waiter.failed(failure)
    return failure
  }

  const start = (): void => {
    if (syncing !== null || waiting.length === 0) return
    const batch = waiting
    waiting = []
    syncing = batch
    const finish = (error: unknown): void => {
      // flush() may have served this batch meanwhile: it takes the array's content out.
      if (error) fail(error)
      syncing = null
      if (closed) closeSync(aside)
      else if (!error) {
        for (const waiter of batch.splice(0)) waiter.done()
        start()
      }
    }
    try {
      disk.fdatasync(aside, finish)
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
      try {
        disk.fdatasyncSync(here)
      } catch (error) {
        throw fail(error)
      }
      const batch = [...(syncing?.splice(0) ?? []), ...waiting.splice(0)]
      for (const waiter of batch) waiter.done()
    },
    check() {
      if (failure) throw failure
    },
    fail,
    close() {
      closed = true
      closeSync(here)
      // A sync under way closes its descriptor when it ends.
      if (syncing === null) closeSync(aside)
    },
  }
}
