// Pages of the log in memory, shared by all who read there: a page is as many numbers, whatever of them are events. So the newest
// events are read once for all subscribers, and those who replay the same stretch share it too.

import { createMessage, type Message } from './event.ts'
import type { LogEvent, LogReader } from './log-reader.ts'

/** Numbers of a page. */
export const PAGE = 512
/** Pages kept: 64 000 events, without their records. */
const MAX_PAGES = 128

/** Bytes ready to be sent, and how long their text is. */
export type Encoded = { readonly bytes: Uint8Array; readonly size: number }

/** A way to write an event. */
export type Shape = { readonly encode: (message: Message) => Encoded | null }

/** An event, with what was made of it for subscribers. */
export type Entry = LogEvent & {
  /** By the shape. */
  encoded: Map<Shape, Encoded | null> | null
  message: Message | null
  bytes: number
}

/** A part of the log. */
export type Page = {
  /** What was before this number was gone from the log when the page was read: nobody is to take it for numbers without events. */
  readonly from: number
  readonly end: number
  /** What is in it, up to this number. */
  until: number
  readonly entries: Entry[]
}

/** The pages of a log. */
export type Pages = {
  /** The page with a number, if it is in memory as far as that. */
  peek(seq: number): Page | null
  /** The page with a number, read as far as `durable`. */
  load(seq: number, durable: number): Page
  /** What one shape makes of an entry; null when it has nothing to say of it. */
  encode(entry: Entry, shape: Shape): Encoded | null
  /** The entry's event as an object. */
  message(entry: Entry): Message
}

/** @param maxBytes of what was made of events, together: the oldest are made anew when asked for */
export function createPages(log: Pick<LogReader, 'floor' | 'read' | 'content'>, maxBytes: number): Pages {
  const pages = new Map<number, Page>()
  let made: Entry[] = []
  let oldest = 0
  let bytes = 0

  const keep = (entry: Entry, more: number): void => {
    if (entry.bytes === 0) made.push(entry)
    entry.bytes += more
    bytes += more
    while (bytes > maxBytes && oldest < made.length) bytes -= forget(made[oldest++]!)
    if (oldest > 4096 && oldest * 2 > made.length) {
      made = made.slice(oldest)
      oldest = 0
    }
  }
  const message = (entry: Entry): Message => {
    if (entry.message === null) {
      entry.message = createMessage(entry, log.content)
      // As objects they take several times their bytes; what they are is known when a text is made.
      keep(entry, 512)
    }
    return entry.message
  }

  return {
    peek(seq) {
      const page = pages.get(Math.floor(seq / PAGE))
      return page === undefined || seq < page.from || page.until < seq ? null : page
    },
    load(seq, durable) {
      const number = Math.floor(seq / PAGE)
      let page = pages.get(number)
      const end = (number + 1) * PAGE - 1
      if (page === undefined) {
        page = { from: log.floor(), end, until: number * PAGE - 1, entries: [] }
        if (pages.size >= MAX_PAGES) pages.delete(pages.keys().next().value!)
      } else pages.delete(number)
      // The one asked for last is the last to go.
      pages.set(number, page)
      const to = Math.min(end, durable)
      if (page.until < to) {
        for (const event of log.read(page.until + 1, to))
          page.entries.push(Object.assign(event, { encoded: null, message: null, bytes: 0 }))
        page.until = to
      }
      return page
    },
    encode(entry, shape) {
      const known = entry.encoded?.get(shape)
      if (known !== undefined) return known
      const encoded = shape.encode(message(entry))
      entry.encoded ??= new Map()
      entry.encoded.set(shape, encoded)
      keep(entry, 64 + (encoded === null ? 0 : 4 * encoded.bytes.length))
      return encoded
    },
    message,
  }
}

/** @returns how many bytes it had */
function forget(entry: Entry): number {
  const { bytes } = entry
  entry.bytes = 0
  entry.encoded = null
  entry.message = null
  return bytes
}

/** The place of the first entry with this number or a later one. */
export function indexOf(entries: readonly Entry[], seq: number): number {
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries[middle]!.seq < seq) low = middle + 1
    else high = middle
  }
  return low
}
