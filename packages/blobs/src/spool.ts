import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { BlobError } from './error.ts'
import { createIntake } from './intake.ts'
import type { StoredBlob } from './store.ts'

/** Files that hold blobs until it is known what they are. */
export interface Spool {
  /**
   * Writes what comes to a file, which is there until this is disposed of.
   * @throws BlobError `too-large`, or `busy` when the files of all take too much
   */
  take(source: AsyncIterable<Uint8Array>, limit: number): Promise<Spooled>
  /** Removes what an earlier process left. */
  clean(): Promise<void>
}

/** A blob in a file. */
export interface Spooled extends AsyncDisposable {
  readonly blob: StoredBlob
  readonly path: string
}

/** A spool in a folder of its own, in which all files together take `room` bytes at most. */
export async function openSpool(folder: string, room: number): Promise<Spool> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // Whatever the clock says: nobody ends the uploads of a process that was killed.
  const left = new Set(await readdir(folder))
  let used = 0
  return {
    take: async (source, limit) => {
      const path = join(folder, randomUUID())
      let taken = 0
      const dispose = async (): Promise<void> => {
        await rm(path, { force: true })
        used -= taken
        taken = 0
      }
      try {
        await using file = await open(path, 'wx', 0o600)
        const intake = createIntake(limit)
        for await (const chunk of source) {
          intake.add(chunk)
          if (used + chunk.length > room) {
            throw new BlobError('busy', `the uploads under way take all the room there is; bytes=${room}`)
          }
          taken += chunk.length
          used += chunk.length
          await file.write(chunk)
        }
        return { blob: intake.end(), path, [Symbol.asyncDispose]: dispose }
      } catch (error) {
        await dispose()
        throw error
      }
    },
    clean: async () => {
      for (const name of left) {
        await rm(join(folder, name), { force: true })
        left.delete(name)
      }
    },
  }
}
