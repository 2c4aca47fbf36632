// The event log in memory: for tests and for services that keep nothing.

import { encodeEvent } from './frame.ts'
import { createWatchers } from './watchers.ts'
import type { LoggedEvent, NewEvent, Removal, SyncEventLog } from './types.ts'

/** Options of {@link createMemoryEventLog}. */
export type MemoryEventLogOptions = {
  /** The log's first seq is this plus one. Default 0. */
  readonly newest?: number
  /** Clock, ms since the epoch. */
  readonly now?: () => number
}

type Entry = LoggedEvent & { readonly did: string; readonly time: number }

/** An event log in memory. Every call is a transaction of its own. */
export function createMemoryEventLog(options: MemoryEventLogOptions = {}): SyncEventLog {
  const now = options.now ?? Date.now
  const watchers = createWatchers()
  let entries: Entry[] = []
  let newest = options.newest ?? 0
  let oldest = newest + 1
  let bytes = 0

  const firstAfter = (seq: number): number => {
    let low = 0
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (entries[middle]!.seq > seq) high = middle
      else low = middle + 1
    }
    return low
  }

  /** How many entries at the front fell out of the window. */
  const expired = (window: { olderThan?: number; maxBytes?: number }): number => {
    let count = 0
    let left = bytes
    while (count < entries.length) {
      const entry = entries[count]!
      const old = window.olderThan !== undefined && entry.time < window.olderThan
      if (!old && !(window.maxBytes !== undefined && left > window.maxBytes)) break
      left -= entry.frame.length
      count++
    }
    return count
  }

  return {
    append(_tx: void, event: NewEvent): number {
      const seq = newest + 1
      const frame = encodeEvent(event, seq)
      newest = seq
      entries.push({ seq, frame, did: event.did, time: now() })
      bytes += frame.length
      watchers.notify('append')
      return seq
    },

    read(after, limit) {
      const page: LoggedEvent[] = []
      let size = 0
      for (let i = firstAfter(after); i < entries.length && page.length < limit.count; i++) {
        const { seq, frame } = entries[i]!
        size += frame.length
        page.push({ seq, frame })
        if (size >= limit.bytes) break
      }
      return page
    },

    bounds: () => ({ oldest, newest }),

    remove(removal: Removal): number {
      const before = entries.length
      if ('did' in removal) {
        const { did, before: bound = Infinity, limit = Infinity } = removal
        let left = limit
        entries = entries.filter((entry) => entry.did !== did || entry.seq >= bound || --left < 0)
      } else {
        const gone = entries.splice(0, expired(removal))
        if (gone.length > 0) oldest = gone.at(-1)!.seq + 1
      }
      bytes = entries.reduce((sum, entry) => sum + entry.frame.length, 0)
      const removed = before - entries.length
      if (removed > 0) watchers.notify('remove')
      return removed
    },

    watch: watchers.add,
  }
}
