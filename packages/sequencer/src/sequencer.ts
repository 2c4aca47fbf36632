// Fan-out of the log to its subscribers. Spec: https://atproto.com/specs/event-stream (cursors, error and info messages)

import { encodeFrame } from '@avocet/xrpc'
import { SequencerError } from './errors.ts'
import { createMeter, type SequencerStats } from './stats.ts'
import { createPages } from './pages.ts'
import { createSubscription, type Subscription } from './subscription.ts'
import { createTail } from './tail.ts'
import type { EventSource, SequencedFrame } from './types.ts'

/** The window: what is kept, and how often it is moved on. */
export type Retention = {
  /** Default 72 hours. */
  readonly maxAgeMs?: number
  /** Bytes of frames. Default: no bound. */
  readonly maxBytes?: number
  /** Default 10 minutes; 0: only when `prune` is called. */
  readonly everyMs?: number
}

/** Options of {@link createSequencer}. */
export type SequencerOptions<Tx> = {
  /** An `EventLog`; or what can only be read, such as a view of an app's own table. */
  readonly log: EventSource<Tx>
  readonly retention?: Retention
  /** Bytes of the newest frames held in memory, once for all readers at the head. Default 8 MiB. */
  readonly tailBytes?: number
  /** A page a reader behind the tail gets from the log. Default 500 events or 1 MiB. */
  readonly page?: { readonly count: number; readonly bytes: number }
  /**
   * A reader that had reached the head and fell this many numbers behind again is cut off with `ConsumerTooSlow`.
   * Default 100 000. (A reader catching up from an old cursor is not.)
   */
  readonly maxLag?: number
  /** Clock, ms since the epoch. */
  readonly now?: () => number
  /** Told when a read or a prune in the background failed; the next change of the log tries again. */
  readonly onError?: (error: unknown) => void
}

/** The stream of one log. */
export interface Sequencer {
  /**
   * The frames after `cursor`: first from the log, then live, without gap or repeat. No cursor: live from now on. A cursor
   * that fell out of the window: an `#info` frame `OutdatedCursor` (seq null), then from the oldest. Ends when `signal` aborts.
   * The iterator throws SequencerError `FutureCursor` (cursor above the newest), `ConsumerTooSlow`, `closed`.
   */
  events(cursor: number | undefined, signal?: AbortSignal): AsyncIterable<SequencedFrame>
  /** Moves the window on now. Returns how many events were dropped. */
  prune(): Promise<number>
  /** Sizes, rates and each reader's lag. */
  stats(): SequencerStats
  /** Ends all subscriptions (`closed`) and the timers. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const HOUR = 3_600_000

/** Serves one event log to any number of subscribers. */
export function createSequencer<Tx>(options: SequencerOptions<Tx>): Sequencer {
  const { log, maxLag = 100_000 } = options
  const now = options.now ?? Date.now
  const onError = options.onError ?? (() => {})
  const page = options.page ?? { count: 500, bytes: 1024 * 1024 }
  const { maxAgeMs = 72 * HOUR, maxBytes, everyMs = HOUR / 6 } = options.retention ?? {}
  const tail = createTail(options.tailBytes ?? 8 * 1024 * 1024)
  const pages = createPages(log, page)
  const meter = createMeter(now)
  const subscriptions = new Set<Subscription>()
  const counts = { events: 0, bytes: 0, headReads: 0, dropped: 0, nextId: 1 }
  let started = false
  let closed = false
  let pumping: Promise<void> = Promise.resolve()
  let running = false
  let again = false
  let removals = 0

  const wakeAll = (): void => {
    for (const subscription of subscriptions) subscription.wake()
  }

  /** Reads what is new into the tail: once, whatever the number of readers. */
  const pump = async (): Promise<void> => {
    if (!started) {
      tail.reset((await log.bounds()).newest)
      started = true
    }
    do {
      again = false
      for (;;) {
        const before = removals
        const events = await log.read(tail.end(), page)
        counts.headReads++
        // Read before something was removed, it may hold just that.
        if (before !== removals) continue
        let bytes = 0
        for (const event of events) {
          tail.push(event)
          bytes += event.frame.length
        }
        counts.events += events.length
        counts.bytes += bytes
        meter.add(events.length, bytes)
        if (events.length === 0) break
        wakeAll()
        if (events.length < page.count && bytes < page.bytes) break
      }
    } while (again)
  }

  const pumpToEnd = async (): Promise<void> => {
    try {
      await pump()
    } finally {
      running = false
      // A wake-up between the pump's last look and here.
      if (again) startPump().catch(onError)
    }
  }

  const startPump = (): Promise<void> => {
    if (running) {
      again = true
      return pumping
    }
    running = true
    again = false
    pumping = pumpToEnd()
    return pumping
  }

  const unwatch = log.watch((change) => {
    if (change === 'remove') {
      // What was removed must not be sent any more: readers not past it go through the log.
      removals++
      tail.reset(tail.end())
      pages.forget()
      for (const subscription of subscriptions) subscription.forget()
    }
    if (subscriptions.size === 0) {
      // Nobody reads along: the next subscriber starts a new tail.
      started = false
      return
    }
    startPump().catch(onError)
  })

  const open = async (cursor: number | undefined): Promise<{ position: number; outdated: boolean }> => {
    if (closed) throw new SequencerError('closed', 'sequencer is closed')
    // Registered already, so that the pump keeps the tail going from here on.
    await startPump()
    const bounds = await log.bounds()
    if (cursor === undefined) return { position: tail.end(), outdated: false }
    if (cursor > bounds.newest) {
      throw new SequencerError('FutureCursor', `cursor is ahead; cursor=${cursor} newest=${bounds.newest}`)
    }
    if (cursor < bounds.oldest - 1) return { position: bounds.oldest - 1, outdated: true }
    return { position: cursor, outdated: false }
  }

  const prune = async (): Promise<number> => {
    const window = { olderThan: now() - maxAgeMs, ...(maxBytes === undefined ? {} : { maxBytes }) }
    return await log.remove(window)
  }

  const timer = everyMs > 0 ? setInterval(() => void prune().catch(onError), everyMs) : undefined
  timer?.unref?.()

  const close = async (): Promise<void> => {
    closed = true
    clearInterval(timer)
    unwatch()
    for (const subscription of subscriptions) subscription.close()
    await pumping.catch(() => {})
  }

  return {
    events(cursor, signal) {
      return {
        [Symbol.asyncIterator]: () => {
          const subscription = createSubscription({
            id: counts.nextId++,
            cursor,
            signal,
            tail,
            open,
            readCold: (after) => pages.read(after),
            maxLag,
            since: now(),
            outdatedFrame,
            onEnd: (ended, tooSlow) => {
              subscriptions.delete(ended)
              if (tooSlow) counts.dropped++
            },
          })
          if (!signal?.aborted && !closed) subscriptions.add(subscription)
          return subscription.iterator
        },
      }
    },
    prune,
    stats: () => ({
      newest: tail.end(),
      events: counts.events,
      bytes: counts.bytes,
      ...meter.rates(),
      tailBytes: tail.bytes(),
      headReads: counts.headReads,
      coldReads: pages.reads(),
      dropped: counts.dropped,
      subscribers: [...subscriptions].map((subscription) => subscription.stats()),
    }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Lexicon com.atproto.sync.subscribeRepos#info. */
const outdatedFrame = (): Uint8Array =>
  encodeFrame('#info', {
    name: 'OutdatedCursor',
    message: 'Requested cursor exceeded limit. Possibly missing events',
  })
