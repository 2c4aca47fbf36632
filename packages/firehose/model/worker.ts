// Plays the seeds that it is given, a block at a time.

import { parentPort } from 'node:worker_threads'
import { search, type SearchResult } from './search.ts'

/** A block of seeds. */
export type Block = { readonly first: number; readonly count: number }

/** What came of it. */
export type Answer = SearchResult

// Stacks cost more than all else where errors are answers.
Error.stackTraceLimit = 0

parentPort!.on('message', ({ first, count }: Block) => {
  search(first, count).then(
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    (answer: Answer) => parentPort!.postMessage(answer),
    (error: unknown) => {
      throw error
    },
  )
})
