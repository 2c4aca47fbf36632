import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * While a backup is made, files of blobs that are to be removed are moved aside: the database was copied first, and what it
 * names has to be there when the files are copied. The backup is another process, so the two meet in the file system: the
 * file below exists, and is touched, as long as the hold lasts.
 */
const HOLD_FILE = 'backup.hold'
/** A hold that was not touched for so long is that of a process that ended. */
const EXPIRES_MS = 60_000
const TOUCH_MS = 5000

/** Folder of the files that were moved aside, within that of the blobs. */
export const HELD_FOLDER = 'held'

/** Folder of what is on its way out, within that of the blobs. */
export const REMOVED_FOLDER = 'removed'

/**
 * Removes the files that were moved aside, once nothing holds them. They are put out of the way in one step: the server may be
 * moving another one aside, for the next backup or because it saw the last one a moment ago.
 */
export async function dropHeld(blobs: string): Promise<void> {
  const target = join(blobs, REMOVED_FOLDER, randomUUID())
  await mkdir(join(blobs, REMOVED_FOLDER), { recursive: true, mode: 0o700 })
  try {
    await rename(join(blobs, HELD_FOLDER), target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  // A file may still come in by a path that was looked up before: what is left goes with the chores of the server.
  await rm(target, { recursive: true, force: true }).catch(() => {})
}

/** Whether removals are held, by the data directory of the server. */
export async function areRemovalsHeld(dataDirectory: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(join(dataDirectory, HOLD_FILE))
    // A time far ahead is that of a clock that was wrong: it must not hold for ever.
    return Math.abs(Date.now() - mtimeMs) < EXPIRES_MS
  } catch {
    // No file: nothing is held.
    return false
  }
}

/** Holds removals until it is disposed of; null when another backup holds them. */
export async function holdRemovals(dataDirectory: string): Promise<AsyncDisposable | null> {
  if (await areRemovalsHeld(dataDirectory)) return null
  const path = join(dataDirectory, HOLD_FILE)
  await writeFile(path, `${process.pid}\n`, { mode: 0o600 })
  const timer = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => {
      // Removed by hand: the check of every file against the database tells what that cost.
    })
  }, TOUCH_MS)
  let ended = false
  return {
    [Symbol.asyncDispose]: async () => {
      // Ended twice, it must not end the hold of another.
      if (ended) return
      ended = true
      clearInterval(timer)
      await rm(path, { force: true })
    },
  }
}
