// The durable, ordered log of a service's events. Spec: https://atproto.com/specs/event-stream (sequence numbers, cursors).

import type { DataObject } from '@avocet/data'

/** An event before it has a sequence number: `body` is the whole frame body but `seq`. */
export type NewEvent = {
  /** The account the event is about (for deletion of its events). */
  readonly did: string
  /** The frame header's `t`, for example `#commit`. */
  readonly type: `#${string}`
  readonly body: DataObject
}

/** An event as stored: `frame` is the complete WebSocket message (header and body), encoded once, at append. */
export type LoggedEvent = { readonly seq: number; readonly frame: Uint8Array }

/** A frame to send. `seq` is null for a frame of the stream itself (`#info`). */
export type SequencedFrame = { readonly seq: number | null; readonly frame: Uint8Array }

/**
 * `newest`: the last seq issued (0 before the first; events removed since count too). `oldest`: the lowest seq the window
 * can still hold: what was below it fell out by age or size. (Removing an account's events leaves holes, it does not move `oldest`.)
 */
export type LogBounds = { readonly oldest: number; readonly newest: number }

/**
 * What to remove: the events of one account (below `before`, if given, and the oldest `limit` of them), or those that fell out
 * of the window.
 */
export type Removal =
  | { readonly did: string; readonly before?: number; readonly limit?: number }
  | {
      /** Remove events appended before this time, in ms since the epoch. */
      readonly olderThan?: number
      /** Remove the oldest until the stored frames take at most this many bytes. */
      readonly maxBytes?: number
    }

/** How much to read at once. */
export type ReadLimit = { readonly count: number; readonly bytes: number }

/** What a transaction did to the log. */
export type LogChange = 'append' | 'remove'

/**
 * The log of events. `Tx` is the transaction handle of the store it lives in: `append` and `remove` join the caller's
 * transaction, so that a commit and its event are stored together or not at all.
 *
 * Every implementation passes `test/conformance.ts`: seq strictly increasing in commit order, never reused (also after a
 * rollback, a removal or a restart), an event never visible before its transaction is, nor after a later one.
 */
export interface EventLog<Tx = void> {
  /**
   * Assigns the next seq, encodes the frame, stores it. Synchronous on memory and SQLite, a promise on Postgres.
   * @throws SequencerError `frame-too-big` above 5,000,000 bytes
   */
  append(tx: Tx, event: NewEvent): number | Promise<number>
  /**
   * Events with seq > `after`, oldest first, at most `limit.count`, up to the one whose frame reaches `limit.bytes`. A page below both
   * is the last: it is not asked for another, until something is appended.
   */
  read(after: number, limit: ReadLimit): LoggedEvent[] | Promise<LoggedEvent[]>
  bounds(): LogBounds | Promise<LogBounds>
  /** Removes events; without `tx` in a transaction of its own. Returns how many. */
  remove(removal: Removal, tx?: Tx): number | Promise<number>
  /**
   * Calls `listener` once a transaction that appended or removed is durable (also another process's, on Postgres).
   * Returns the unsubscriber.
   */
  watch(listener: (change: LogChange) => void): () => void
}

/** What the fan-out needs of a log: everything but `append`. */
export type EventSource<Tx = void> = Omit<EventLog<Tx>, 'append'>

/** A log whose every call answers at once: memory, SQLite. */
export interface SyncEventLog<Tx = void> extends EventLog<Tx> {
  append(tx: Tx, event: NewEvent): number
  read(after: number, limit: ReadLimit): LoggedEvent[]
  bounds(): LogBounds
  remove(removal: Removal, tx?: Tx): number
}
