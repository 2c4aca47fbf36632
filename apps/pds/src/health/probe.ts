import { open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import type { EventLog } from '@avocet/sequencer'

import type { Vitals } from '../stores/rows.ts'

/** Finds out whether this server can store data. Throws when it cannot. */
export type Probe = () => Promise<void>

/** Below this many free bytes a disk counts as full: a log of the database could not grow for the next few writes. */
export const MIN_FREE_BYTES: number = 1024 * 1024

const FILE_BYTES = 4096

/**
 * A probe that does what a write does: a row is committed and synced, an event is read, and a file is written, synced
 * and removed where uploads go. It is the server's clock that runs it, never a caller: it costs two syncs.
 */
export function createProbe(
  vitals: Pick<Vitals, 'touch' | 'file'>,
  log: Pick<EventLog<never>, 'bounds' | 'read'>,
  blobFolder: string,
  freeBytes: (path: string) => Promise<number> = freeOnDisk,
): Probe {
  return async () => {
    await vitals.touch()
    const { newest, oldest } = await log.bounds()
    if (newest >= oldest) await log.read(newest - 1, { count: 1, bytes: 1 })
    await writeFile(join(blobFolder, 'temporary', `probe-${process.pid}`))
    for (const path of [blobFolder, vitals.file]) {
      if (path === null) continue
      const free = await freeBytes(path)
      if (free < MIN_FREE_BYTES) {
        throw Object.assign(new Error(`${free} bytes are free; path=${path}`), { code: 'ENOSPC' })
      }
    }
  }
}

async function freeOnDisk(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

async function writeFile(path: string): Promise<void> {
  try {
    await using file = await open(path, 'w', 0o600)
    await file.write(new Uint8Array(FILE_BYTES))
    await file.datasync()
  } finally {
    await rm(path, { force: true })
  }
}
