// What the consumer remembers, and the store of it.

import type { CID } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'

/**
 * - `synchronized`: every accepted event since the head is known.
 * - `desynchronized`: an event did not chain; a resync is due at `nextTry`.
 * - `resyncing`: a resync is under way; events are queued.
 * - `terminal`: the repo cannot be fetched any more (`reason` says why); an `#account` or `#sync` wakes it.
 */
export type RepoStatus = 'synchronized' | 'desynchronized' | 'resyncing' | 'terminal'

/** What is known of one repo. */
export type RepoState = {
  readonly did: Did
  /** The head: null until the first accepted commit or resync. */
  readonly rev: Tid | null
  readonly data: CID | null
  readonly status: RepoStatus
  /** Why it is not synchronized; null when it is. */
  readonly reason: string | null
  /** When the next resync is due, ms since the epoch; null when none is. */
  readonly nextTry: number | null
  /** Failed resyncs in a row. */
  readonly attempts: number
  /** What upstream says of the account: `active`, `deactivated`, `takendown`, `suspended`, `deleted`, … or any other word. */
  readonly upstreamStatus: string
  /** What this service itself decided; kept apart, never changed by an event. */
  readonly localStatus: string
  /** The last event of this repo that was finished, to recognise a repetition after a crash. */
  readonly lastSource: string | null
  readonly lastSeq: number | null
}

/** `seq`: everything up to it is finished (low-water mark). `high`: the highest finished one; between the two there may be gaps. */
export type CursorState = { readonly source: string; readonly seq: number; readonly high: number }

/** A frame kept while its repo is resyncing. `id` is assigned by the store and increases. */
export type QueuedFrame = {
  readonly id: number
  readonly did: Did
  readonly source: string
  readonly seq: number
  readonly frame: Uint8Array
}

/** One step of the consumer: everything in it becomes durable together. */
export type StateChange = {
  readonly repo?: RepoState
  readonly cursor?: CursorState
  readonly enqueue?: Omit<QueuedFrame, 'id'>
  /** Forget the queued frames of this DID up to this id. */
  readonly dequeue?: { readonly did: Did; readonly upTo: number }
  /** Forget the repo and its queue. */
  readonly remove?: Did
}

/**
 * The durable state of a consumer. `Tx` is the handle of the store's transaction: `alongside` runs inside it, so the app's
 * rows, the repo's head and the cursor become durable together or not at all.
 */
export interface RepoStateStore<Tx = void> {
  load(did: Did): RepoState | null | Promise<RepoState | null>
  loadCursor(source: string): CursorState | null | Promise<CursorState | null>
  /** The next queued frames of a repo in order of arrival, at most about `maxBytes` (at least one if there is one). */
  loadQueue(did: Did, maxBytes: number): QueuedFrame[] | Promise<QueuedFrame[]>
  /** Repos whose resync is due at `now` (and, at start, those found `resyncing`), the longest due first. */
  loadDue(now: number, limit: number): RepoState[] | Promise<RepoState[]>
  /** Stores the change and runs `alongside` in one transaction; resolves when it is durable. On SQLite `alongside` must be synchronous. */
  save(change: StateChange, alongside?: (tx: Tx) => void | Promise<void>): Promise<void>
}
