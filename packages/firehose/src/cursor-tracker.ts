// The low-water mark of one source: the point up to which every event is finished.

import type { CursorState } from './state.ts'

/** An event under way. */
export type Ticket = {
  readonly seq: number
  /** When it arrived, ms since the epoch. */
  readonly at: number
  /** The source with its numbering at that time, for `RepoState.lastSource`. */
  readonly from: string
  done: boolean
}

/** The tickets of one source. */
export type CursorTracker = {
  /** An event arrived, at `at` (ms since the epoch); it counts as later than a gap that was told of before it. */
  begin(seq: number, at?: number): Ticket
  /** The source numbers anew: call it before the first event with a new number. */
  renumber(): void
  /** The event is finished for good (durable, or nothing to store). */
  finish(ticket: Ticket): void
  /** The cursor if this ticket (and all finished ones) is counted as finished; null when that tells nothing new. */
  cursorWith(ticket: Ticket): CursorState | null
  /** The cursor now; null before the first event. */
  cursor(): CursorState | null
  /** The cursor was stored. */
  stored(cursor: CursorState): void
  /** Whether there is something that was not stored yet. */
  dirty(): boolean
  /** The highest seq that arrived. */
  newest(): number
  inFlight(): number
  /** The source lost events for certain, at `at` (ms since the epoch). */
  gap(at: number): void
  /** When it last did; null when it never did. */
  gapAt(): number | null
}

/**
 * Tickets are kept in the order of arrival, and the mark is the last one before which all are finished. So it also goes
 * back when a source starts to number anew, and only after all that arrived before that is finished.
 */
export function createCursorTracker(source: string, start: CursorState | null): CursorTracker {
  const tickets: Ticket[] = []
  let head = 0
  let mark = start?.seq ?? null
  let high = start?.high ?? 0
  let newest = high
  let storedMark = mark
  let storedHigh = high
  let numbering = start?.numbering ?? 0
  const nameOf = (): string => (numbering === 0 ? source : `${source}#${numbering}`)
  let name = nameOf()
  let markedIn = name
  let gapAt = start?.gapAt ?? null
  let storedGapAt = gapAt

  const settle = (): void => {
    while (head < tickets.length && tickets[head]!.done) {
      const { seq, from } = tickets[head++]!
      mark = seq
      markedIn = from
    }
    if (head > 4096 && head * 2 > tickets.length) {
      tickets.splice(0, head)
      head = 0
    }
  }

  const raise = ({ seq, from }: Ticket): void => {
    if (from === name && seq > high) high = seq
  }
  const highest = (): number => (markedIn === name && mark !== null ? Math.max(high, mark) : high)

  return {
    begin(seq, at = 0) {
      const arrived = gapAt !== null && at <= gapAt ? gapAt + 1 : at
      const ticket: Ticket = { seq, at: arrived, from: name, done: false }
      tickets.push(ticket)
      // Where the stream was joined is known from the first event on: what comes before it is not asked for.
      mark ??= Math.max(0, seq - 1)
      if (seq > newest) newest = seq
      return ticket
    },
    renumber() {
      numbering++
      name = nameOf()
      high = 0
      newest = 0
    },
    finish(ticket) {
      ticket.done = true
      raise(ticket)
      settle()
    },
    cursorWith(ticket) {
      let seq = mark
      if (tickets[head] === ticket) {
        seq = ticket.seq
        for (let i = head + 1; i < tickets.length && tickets[i]!.done; i++) seq = tickets[i]!.seq
      }
      // Counted from here on: a save that comes after this one must not store less.
      raise(ticket)
      if (seq === null) return null
      return { source, seq, high, numbering, gapAt }
    },
    cursor: () => (mark === null ? null : { source, seq: mark, high: highest(), numbering, gapAt }),
    stored(cursor) {
      storedMark = cursor.seq
      storedHigh = cursor.high
      storedGapAt = cursor.gapAt
    },
    dirty: () => mark !== null && (mark !== storedMark || highest() !== storedHigh || gapAt !== storedGapAt),
    gap(at) {
      gapAt = at
    },
    gapAt: () => gapAt,
    newest: () => newest,
    inFlight: () => tickets.length - head,
  }
}
