// One process that measures its share of the groups, and tells how far it is.

import { startHost } from './host.ts'
import { createBench, newTally, type Tally } from './run.ts'

/** What is to be done. */
export type Job = {
  /** How many of each, at least: a group is done to its end. */
  readonly frames: number
  readonly exports: number
  readonly seed: number
  /** The first group, how many of them, and how far apart: several processes share the groups of one seed. */
  readonly first: number
  readonly groups: number
  readonly step: number
  /** Threads that verify frames. */
  readonly workers: number
}

/** Does it. @param onProgress called behind each group */
export async function runJob(job: Job, onProgress: (tally: Tally) => void): Promise<Tally> {
  const { frames, exports, seed, first, groups, step, workers } = job
  if (typeof (globalThis as { gc?: unknown }).gc !== 'function') throw new Error('needs node --expose-gc')
  await using host = await startHost()
  {
    // The first of everything is slow: code is compiled, tables are made.
    using warm = createBench(newTally(), host, workers)
    for (let group = 0; group < 4; group++) {
      await warm.frames(0, group)
      await warm.exports(0, group)
    }
  }
  const tally = newTally()
  using bench = createBench(tally, host, workers)
  if (first === 0) await bench.worst(seed)
  for (const kind of ['frames', 'exports'] as const) {
    const most = kind === 'frames' ? frames : exports
    for (let n = 0; n < groups && tally[kind] < most; n++) {
      await bench[kind](seed, first + n * step)
      onProgress(tally)
    }
  }
  return tally
}
