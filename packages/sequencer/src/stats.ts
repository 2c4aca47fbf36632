// Rates and lags, for metrics.

/** One subscriber, as seen now. */
export type SubscriberStats = {
  readonly id: number
  /** Ms since the epoch. */
  readonly since: number
  /** The last seq handed out. */
  readonly position: number
  /** How many numbers it is behind the newest. */
  readonly lag: number
  /** Reads pages from the log, not the shared tail. */
  readonly cold: boolean
  readonly events: number
  readonly bytes: number
}

/** The log and its readers, as seen now. Counts are since the sequencer was made. */
export type SequencerStats = {
  /** The last seq read for subscribers (it stands still while there are none). */
  readonly newest: number
  /** Events and bytes that passed the head while somebody was subscribed. */
  readonly events: number
  readonly bytes: number
  /** Over the last minute. */
  readonly eventsPerSecond: number
  readonly bytesPerSecond: number
  /** Bytes held for readers at the head. */
  readonly tailBytes: number
  /** Reads of the log: shared ones at the head, pages for cold readers. */
  readonly headReads: number
  readonly coldReads: number
  readonly dropped: number
  readonly subscribers: readonly SubscriberStats[]
}

const SLOTS = 60

/** Counts per second over the last minute. */
export type Meter = {
  add(events: number, bytes: number): void
  rates(): { eventsPerSecond: number; bytesPerSecond: number }
}

export function createMeter(now: () => number): Meter {
  const events = new Float64Array(SLOTS)
  const bytes = new Float64Array(SLOTS)
  const started = Math.floor(now() / 1000)
  let last = started

  const advance = (): number => {
    const second = Math.floor(now() / 1000)
    for (let s = Math.max(last + 1, second - SLOTS + 1); s <= second; s++) {
      events[s % SLOTS] = 0
      bytes[s % SLOTS] = 0
    }
    if (second > last) last = second
    return last % SLOTS
  }

  return {
    add(count, size) {
      const slot = advance()
      events[slot]! += count
      bytes[slot]! += size
    },
    rates() {
      advance()
      const span = Math.min(SLOTS, last - started + 1)
      const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0)
      return { eventsPerSecond: sum(events) / span, bytesPerSecond: sum(bytes) / span }
    },
  }
}
