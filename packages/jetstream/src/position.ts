// How far a reader got, and where that is kept.

/** How far a reader got. Numbers are a server's own: another one is asked by time. */
export interface Position {
  /** The service that the cursor is of, as it was given. */
  readonly service: string
  /** The last event that the reader is done with: its `time_us` (v1) or `seq` (v2). */
  readonly cursor: number
  /** When that server saw it, unix microseconds; null when nobody knows. */
  readonly timeUs: number | null
}

/** Keeps the position of one subscription. */
export interface CursorStore {
  /** The position saved last; null when there is none. */
  load(): Position | null | Promise<Position | null>
  /** Resolves when it is durable. */
  save(position: Position): void | Promise<void>
}
