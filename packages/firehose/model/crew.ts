// A search on several threads.

import { Worker } from 'node:worker_threads'
import type { SearchResult } from './search.ts'
import type { Answer, Block } from './worker.ts'

/** What to search, and for how long. */
export type CrewOptions = {
  readonly first: number
  readonly count: number
  readonly jobs: number
  /** No new block is begun after this many ms. */
  readonly timeMs: number
  readonly onProgress: (played: number) => void
}

const BLOCK = 250

/** Plays seeds until one shows a difference, all are played, or the time is over. */
export async function searchWith(options: CrewOptions): Promise<SearchResult> {
  const { first, count, jobs, timeMs, onProgress } = options
  const deadline = performance.now() + timeMs
  let given = 0
  let played = 0
  let actions = 0
  let finding: SearchResult['finding'] = null

  const next = (): Block | null => {
    if (finding !== null || given >= count || performance.now() > deadline) return null
    const block = { first: first + given, count: Math.min(BLOCK, count - given) }
    given += block.count
    return block
  }
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      // Nearly all that is made dies at once: a large nursery is half the time.
      const worker = new Worker(new URL('worker.ts', import.meta.url), {
        resourceLimits: { maxYoungGenerationSizeMb: 64 },
      })
      const go = (): void => {
        const block = next()
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
        if (block !== null) return worker.postMessage(block)
        void worker.terminate()
        resolve()
      }
      worker.on('error', reject)
      worker.on('message', (answer: Answer) => {
        played += answer.played
        actions += answer.actions
        finding ??= answer.finding
        onProgress(played)
        go()
      })
      go()
    })
  await Promise.all(Array.from({ length: jobs }, work))
  return { played, actions, finding }
}
