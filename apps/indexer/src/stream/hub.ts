// The log as streams: one loop a subscriber, which pulls from the log itself. What was and what happens are one sequence, so that
// replay turns into live without a gap, a repeat or another order, and who reads slowly is behind by itself.
//
// Subscribers at the tail are woken together: the newest page is read once for all. Who is further back waits in a line for its next
// page; the line takes a quarter of the thread at most, however long it is.

import type { Message } from './event.ts'
import type { LogEvent, LogReader } from './log-reader.ts'
import { createPages, type Encoded, type Entry, indexOf, PAGE, type Shape } from './pages.ts'

/** Where events go. */
export type Sink = {
  /** Whether it takes more now. When not, `Subscription.resume` is to be called once it does. */
  ready(): boolean
  /** One event, in order. */
  send(encoded: Encoded, message: Message): void
  /** Everything up to this number was looked at. */
  passed?(seq: number): void
  /** What comes next is not in the log any more. @returns whether to go on at its first event */
  outdated(): boolean
  /** The stream cannot go on. */
  failed(error: unknown): void
  /** The indexer stops, or has. */
  ended?(): void
}

/** One subscriber. */
export type Subscription = {
  /** The number it wants next. */
  readonly next: number
  resume(): void
  close(): void
}

/** The streams of a log. */
export type Hub = {
  /** The number that the next event will have. */
  readonly tip: number
  /** Told that everything up to `seq` is durable. */
  committed(seq: number): void
  subscribe(options: {
    readonly from: number
    readonly test: (event: LogEvent) => boolean
    readonly shape: Shape
    readonly sink: Sink
    /** Events whose text has more bytes are left out; 0: none. */
    readonly maxBytes?: number
  }): Subscription
  close(): void
}

/** How long the tail gathers what was committed before it wakes subscribers, ms. */
const WAKE_MS = 5
/** Of the thread that those who are further back share. */
const SHARE = 0.25
/** Work for those in the line, ms, before it waits. */
const LINE_MS = 4
/** Work for those at the tail, ms, before the rest of the process has its turn. */
const SLICE_MS = 10
/** Pages read at once for those at the tail; with more to come, they stand in the line too. */
const MOST_PAGES = 4
const MAX_MADE_BYTES = 64 * 1024 * 1024

/** @param log the log; its newest number now is durable */
export function createHub(log: LogReader): Hub {
  const pages = createPages(log, MAX_MADE_BYTES)
  const all = new Set<Reader>()
  const waiting = new Set<Reader>()
  let line: Reader[] = []
  let durable = log.newest()
  /** What subscribers at the tail were told of last. */
  let woken = durable
  let closed = false
  let wakeTimer: NodeJS.Timeout | null = null
  let lineTimer: NodeJS.Timeout | null = null

  class Reader implements Subscription {
    next: number
    readonly shape: Shape
    readonly sink: Sink
    readonly test: (event: LogEvent) => boolean
    readonly maxBytes: number
    inLine = false
    isOpen = true
    #isRunning = false

    constructor(options: Parameters<Hub['subscribe']>[0]) {
      this.next = options.from
      this.test = options.test
      this.shape = options.shape
      this.sink = options.sink
      this.maxBytes = options.maxBytes ?? 0
    }

    /** One page at most. @param mayRead whether pages may be read for it */
    run(mayRead: boolean): void {
      // A sink may ask for more while it is given something, which the loop below is about to do anyway.
      if (this.#isRunning) return
      this.#isRunning = true
      try {
        this.#pull(mayRead)
      } finally {
        this.#isRunning = false
      }
    }

    #pull(mayRead: boolean): void {
      const { sink } = this
      if (!this.isOpen || this.inLine || !sink.ready()) return
      if (this.next > durable) {
        waiting.add(this)
        sink.passed?.(this.next - 1)
        return
      }
      const page = pages.peek(this.next) ?? (mayRead ? this.#load() : null)
      if (page === null) {
        this.#lineUp()
        return
      }
      const { entries, until } = page
      for (let i = indexOf(entries, this.next); i < entries.length; i++) {
        const entry = entries[i]!
        if (!this.test(entry)) continue
        if (!sink.ready()) {
          this.next = entry.seq
          return
        }
        this.next = entry.seq + 1
        this.#send(entry)
        if (!this.isOpen) return
      }
      this.next = until + 1
      sink.passed?.(until)
      if (this.next > durable) waiting.add(this)
      else this.#lineUp()
    }

    #load(): ReturnType<typeof pages.load> | null {
      const floor = log.floor()
      if (this.next < floor) {
        if (!this.sink.outdated()) {
          this.close()
          return null
        }
        this.next = floor
        if (floor > durable) return null
      }
      return pages.load(this.next, durable)
    }

    #send(entry: Entry): void {
      const encoded = pages.encode(entry, this.shape)
      if (encoded === null || (this.maxBytes > 0 && encoded.size > this.maxBytes)) return
      this.sink.send(encoded, pages.message(entry))
    }

    #lineUp(): void {
      if (this.inLine || !this.isOpen) return
      this.inLine = true
      line.push(this)
      startLine(0)
    }

    resume(): void {
      guard(this, () => this.run(false))
    }

    close(): void {
      this.isOpen = false
      all.delete(this)
      waiting.delete(this)
    }
  }

  /** What fails for one is told to it, and to nobody else. */
  const guard = (reader: Reader, run: () => void): void => {
    try {
      run()
    } catch (error) {
      reader.close()
      reader.sink.failed(error)
    }
  }

  const startLine = (ms: number): void => {
    if (lineTimer !== null || closed || line.length === 0) return
    lineTimer = setTimeout(() => {
      lineTimer = null
      const began = performance.now()
      let took = 0
      for (let n = line.length; n > 0 && took < LINE_MS; n--) {
        const reader = line.shift()!
        reader.inLine = false
        guard(reader, () => reader.run(true))
        took = performance.now() - began
      }
      startLine((took * (1 - SHARE)) / SHARE)
    }, ms)
  }

  /** Reads what is new, once, and hands it to those at the tail; in slices, as they may be many. */
  const wake = (): void => {
    wakeTimer = null
    if (waiting.size === 0 || closed) return
    for (let seq = Math.max(woken + 1, durable - MOST_PAGES * PAGE); seq < durable; seq += PAGE)
      pages.load(seq, durable)
    pages.load(durable, durable)
    woken = durable
    const readers = [...waiting]
    waiting.clear()
    serve(readers, 0)
  }

  const serve = (readers: readonly Reader[], from: number): void => {
    const began = performance.now()
    for (let i = from; i < readers.length; i++) {
      const reader = readers[i]!
      guard(reader, () => reader.run(false))
      if (performance.now() - began > SLICE_MS) {
        setImmediate(() => serve(readers, i + 1))
        return
      }
    }
  }

  return {
    get tip() {
      return durable + 1
    },
    committed(seq) {
      if (seq > durable) durable = seq
      if (waiting.size > 0 && wakeTimer === null && !closed) wakeTimer = setTimeout(wake, WAKE_MS)
    },
    subscribe(options) {
      const reader = new Reader(options)
      // Not at once: who subscribes has to hold the subscription first.
      if (closed) {
        reader.close()
        setImmediate(() => options.sink.ended?.())
        return reader
      }
      all.add(reader)
      setImmediate(() => guard(reader, () => reader.run(false)))
      return reader
    },
    close() {
      closed = true
      if (wakeTimer !== null) clearTimeout(wakeTimer)
      if (lineTimer !== null) clearTimeout(lineTimer)
      for (const reader of all) {
        reader.close()
        reader.sink.ended?.()
      }
      line = []
    },
  }
}
