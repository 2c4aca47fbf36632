// How a file is opened and closed: https://www.sqlite.org/pragma.html, https://www.sqlite.org/wal.html
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createNoDurability, createWalDurability, type Disk, type Durability } from './durability.ts'

/** Options of `openDatabase`. */
export interface DatabaseOptions {
  /** A file, or `':memory:'`. Missing folders are made (mode 0700). */
  readonly path: string
  /** Opens an existing file without write access. */
  readonly readOnly?: boolean
  /**
   * `'full'` (default): a commit is acknowledged when it is on the disk. `'normal'`: when the operating system has
   * it: safe against a crash of the process, the last commits may be lost (never torn) if the machine loses power.
   */
  readonly synchronous?: 'full' | 'normal'
  /** Size of SQLite's page cache, in bytes. Default 16 MiB. */
  readonly cacheSize?: number
  /** What makes a commit durable. Default: `fdatasync` of `node:fs`; a test gives a disk that fails. */
  readonly disk?: Disk
  /** Called when an `afterCommit` hook throws. Default: the error is thrown from a microtask of its own. */
  readonly onHookError?: (error: unknown) => void
}

/** Opens a file, or memory, with the settings that everything here relies on. */
export function openHandle(options: DatabaseOptions): DatabaseSync {
  const { path, readOnly = false, cacheSize = 16 * 1024 * 1024 } = options
  if (path !== ':memory:' && !readOnly) mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const raw = new DatabaseSync(path, { readOnly })
  raw.exec(
    `PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
     PRAGMA cache_size = -${Math.ceil(cacheSize / 1024)};`,
  )
  if (!readOnly) {
    // A thread copies the log back (`checkpointer.ts`). SQLite does it in a commit only where that does not keep up.
    raw.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000;
      PRAGMA journal_size_limit = 67108864;`)
  }
  return raw
}

/** How commits of a handle become durable; `onFailure` is called once, when a sync fails. */
export function openDurability(
  raw: DatabaseSync,
  options: DatabaseOptions,
  onFailure: () => void,
): Durability {
  const { path, readOnly = false, synchronous = 'full', disk } = options
  if (path === ':memory:' || readOnly || synchronous === 'normal') {
    return createNoDurability(path, onFailure)
  }
  // Reading makes SQLite open, and if need be make, the log. What an earlier process left there may be in memory alone
  // although the system calls it written (after a failed sync): copied into the database it is written anew.
  raw.exec('PRAGMA schema_version; PRAGMA wal_checkpoint(PASSIVE)')
  return createWalDurability(`${path}-wal`, disk, onFailure)
}

/**
 * Closes a handle after a failed sync. The last handle that closes copies the log into the database. After a failed sync the log's pages in memory may be
 * replaced at any moment by what the disk has, and would overwrite good ones. A handle that may not write, and closes
 * last, leaves the log to the next process, which checks it from its start.
 */
export function closeWithoutCheckpoint(raw: DatabaseSync, path: string): void {
  const last = new DatabaseSync(path, { readOnly: true })
  try {
    last.prepare('SELECT count(*) FROM sqlite_schema').get()
    raw.close()
  } finally {
    last.close()
  }
}
