// The newest events, in memory once for all readers at the head.

import type { LoggedEvent } from './types.ts'

/**
 * Holds every event with seq > `from` that was read so far. Entries keep an absolute index, so that a reader at the head
 * goes on from where it was without searching.
 */
export type Tail = {
  /** Nothing at or below this seq is held. */
  from(): number
  /** The last seq pushed (or `from`). */
  end(): number
  bytes(): number
  push(event: LoggedEvent): void
  /** Absolute index of the first event with seq > `after`; -1 when `after` lies before the tail. */
  indexAfter(after: number): number
  /** The event at this absolute index: undefined at the end, null when it was dropped already. */
  at(index: number): LoggedEvent | undefined | null
  /** Forgets everything; the tail starts after `seq`. */
  reset(seq: number): void
}

const GONE: LoggedEvent = { seq: 0, frame: new Uint8Array(0) }

export function createTail(maxBytes: number): Tail {
  let events: LoggedEvent[] = []
  let head = 0 // events[head..] are held
  let base = 0 // absolute index of events[0]
  let from = 0
  let end = 0
  let bytes = 0

  return {
    from: () => from,
    end: () => end,
    bytes: () => bytes,

    push(event) {
      events.push(event)
      end = event.seq
      bytes += event.frame.length
      while (bytes > maxBytes && head < events.length - 1) {
        const dropped = events[head]!
        bytes -= dropped.frame.length
        from = dropped.seq
        events[head++] = GONE
      }
      if (head > 1024 && head * 2 > events.length) {
        events = events.slice(head)
        base += head
        head = 0
      }
    },

    indexAfter(after) {
      if (after < from) return -1
      let low = head
      let high = events.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if (events[middle]!.seq > after) high = middle
        else low = middle + 1
      }
      return base + low
    },

    at(index) {
      const i = index - base
      if (i < head) return null
      return events[i]
    },

    reset(seq) {
      base += events.length
      events = []
      head = 0
      bytes = 0
      from = seq
      end = seq
    },
  }
}
