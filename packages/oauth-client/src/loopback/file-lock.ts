import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

import { LOCK_MS } from '../lock.ts'

const WAIT_MS = 20

/**
 * Runs something while no other process, nor another caller in this one, holds the file. It is the system's own lock, taken by
 * SQLite: the holder's death ends it, and nothing stale is left. The file itself stays empty.
 */
export async function withFileLock<T>(path: string, run: () => Promise<T>): Promise<T> {
  closeSync(openSync(path, 'a', 0o600))
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    const end = performance.now() + 2 * LOCK_MS
    for (;;) {
      try {
        database.exec('BEGIN EXCLUSIVE')
        break
      } catch (error) {
        if (!isBusy(error) || performance.now() > end) throw error
        await sleep(WAIT_MS * (0.5 + Math.random()))
      }
    }
    return await run()
  } finally {
    database.close()
  }
}

/** https://sqlite.org/rescode.html#busy */
function isBusy(error: unknown): boolean {
  return (error as { errcode?: unknown } | null)?.errcode === 5
}
