// Time in a simulation: nothing happens between two entries of its calendar.

import type { Timers } from '../src/index.ts'

type Entry = { readonly at: number; readonly order: number; call: (() => void) | null }

/** A calendar that is worked off by hand. */
export type Clock = Timers & {
  now(): number
  /** Works off what falls into the next `ms`. After each entry all promises have settled. */
  run(ms: number): Promise<void>
  /** Forgets the entries of a group that were made by `scope`. */
  scope(): Timers & { end(): void }
}

/** All promises that can settle have settled: Node works off its ticks when no promise is left to react to. */
const settle = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))

/** A clock that starts at `start`, ms since the epoch. */
export function createClock(start: number): Clock {
  let now = start
  let order = 0
  // A binary heap by time, then by order of entry.
  const heap: Entry[] = []
  const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

  const push = (entry: Entry): void => {
    heap.push(entry)
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1
      if (!before(heap[i]!, heap[parent]!)) break
      ;[heap[i], heap[parent]] = [heap[parent]!, heap[i]!]
      i = parent
    }
  }
  const pop = (): Entry => {
    const top = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) {
      heap[0] = last
      for (let i = 0; ;) {
        let least = i
        for (const child of [2 * i + 1, 2 * i + 2]) {
          if (child < heap.length && before(heap[child]!, heap[least]!)) least = child
        }
        if (least === i) break
        ;[heap[i], heap[least]] = [heap[least]!, heap[i]!]
        i = least
      }
    }
    return top
  }

  const after = (ms: number, call: () => void): (() => void) => {
    const entry: Entry = { at: now + Math.max(0, ms), order: order++, call }
    push(entry)
    return () => {
      entry.call = null
    }
  }

  return {
    now: () => now,
    after,
    scope() {
      let ended = false
      return {
        after: (ms, call) =>
          after(ms, () => {
            if (!ended) call()
          }),
        end() {
          ended = true
        },
      }
    },
    async run(ms) {
      const end = now + ms
      await settle()
      while (heap.length > 0 && heap[0]!.at <= end) {
        const { at, call } = pop()
        now = at
        if (call === null) continue
        call()
        await settle()
      }
      now = end
    },
  }
}
