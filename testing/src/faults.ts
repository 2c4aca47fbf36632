import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Faults of the system, put into a process that is started with `env`. */
export interface Faults extends Disposable {
  readonly env: Record<string, string>
  /** What every sync of a file under the folder fails with from now on (an errno, 0: nothing). */
  sync(errno: number): void
  /** What every write to a file under the folder fails with. */
  write(errno: number): void
  /** How many seconds the clock is off. */
  clock(seconds: number): void
}

export const EIO = 5
export const ENOSPC = 28
export const EROFS = 30

/** Faults for a process that keeps its data under `folder`; null, said aloud, where they cannot be made. */
export function makeFaults(folder: string): Faults | null {
  const place = mkdtempSync(join(tmpdir(), 'avocet-faults-'))
  const library = join(place, 'faults.so')
  const source = fileURLToPath(new URL('faults.c', import.meta.url))
  try {
    if (process.platform !== 'linux') throw new Error(`needs Linux, this is ${process.platform}`)
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { stdio: 'pipe' })
  } catch (error) {
    rmSync(place, { recursive: true })
    console.warn(`skipped: faults of the disk and the clock cannot be made here: ${(error as Error).message}`)
    return null
  }
  const control = join(place, 'control')
  const fd = openSync(control, 'w+')
  writeSync(fd, new Uint8Array(16))
  const int32 = (at: number, value: number): void => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value)
    writeSync(fd, bytes, 0, 4, at)
  }
  return {
    env: { LD_PRELOAD: library, FAULTS: control, FAULTS_FOLDER: folder },
    sync: (errno) => int32(0, errno),
    write: (errno) => int32(4, errno),
    clock: (seconds) => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(BigInt(seconds))
      writeSync(fd, bytes, 0, 8, 8)
    },
    [Symbol.dispose]: () => {
      closeSync(fd)
      rmSync(place, { recursive: true })
    },
  }
}
