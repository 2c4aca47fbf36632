import { fdatasync, fdatasyncSync } from 'node:fs'
import type { Disk } from '../src/index.ts'

type Callback = (error: Error | null) => void

/** A disk whose syncs the test ends by hand, each with or without an error; one that fails loses nothing really. */
export interface TestDisk extends Disk {
  /** Syncs under way. */
  readonly pending: { fd: number; end: Callback }[]
  /** Whether syncs end by themselves. */
  automatic: boolean
  /** What the next sync on the calling thread throws. */
  next: Error | null
  syncs: number
}

export function testDisk(): TestDisk {
  const disk: TestDisk = {
    pending: [],
    automatic: true,
    next: null,
    syncs: 0,
    fdatasync: (fd, callback) => {
      disk.syncs++
      if (disk.automatic) fdatasync(fd, callback)
      else disk.pending.push({ fd, end: callback })
    },
    fdatasyncSync: (fd) => {
      disk.syncs++
      const error = disk.next
      disk.next = null
      if (error !== null) throw error
      fdatasyncSync(fd)
    },
  }
  return disk
}
