// What the consumer remembers, and the store of it.

import type { CID } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'

/**
 * - `synchronized`: nothing is known to be missing: every event since the head was accepted.
 * - `unconfirmed`: follows its head, but a source may have lost events of it (`OutdatedCursor`, a cursor that is reset). A
 *   commit that follows the head, a list or the account's host confirms it.
 * - `suspect`: something was said of it that is not proved (a refused event, a newer rev in a list). Events are still
 *   accepted; its host is asked at `nextTry`.
 * - `desynchronized`: what is stored is proved not to be the repo, or was never read; a resync is due at `nextTry`.
 * - `resyncing`: a resync is under way; events are queued.
 * - `terminal`: the repo cannot be fetched any more (`reason` says why); an event of the account wakes it.
 */
export type RepoStatus =
  | 'synchronized'
  | 'unconfirmed'
  | 'suspect'
  | 'desynchronized'
  | 'resyncing'
  | 'terminal'

/** Every status of a repo, the best first. */
export const REPO_STATUSES: readonly RepoStatus[] = [
  'synchronized',
  'unconfirmed',
  'suspect',
  'resyncing',
  'desynchronized',
  'terminal',
]

/** How far a resync got: fetching, parts of it handed over, or read and working off the queue. */
export type RunPhase = 'reading' | 'applying' | 'draining'

/** Why a repo is known only in part. */
export type RepoFlag = 'first-sighting' | 'gap' | 'legacy'

/**
 * What a resync or a check is for; the lower goes first.
 * 0: a gap in a repo that is followed. 1: asked for. 2: first seen. 3: found in a list, or read again for a new filter. 4: a check.
 */
export type Priority = 0 | 1 | 2 | 3 | 4

/** Whether somebody waits for it: a gap in what is followed, or what was asked for. */
export const isUrgent = (priority: Priority): boolean => priority < 2

/**
 * What a relay says of an account's status, or may have said in events that are lost, and its own host has neither confirmed nor
 * denied: it could not be asked yet, or gave no answer. It changes nothing.
 */
export type Hearsay = {
  /** The newest word: `active` or another. */
  readonly status: string
  /** When the host is to be asked, ms since the epoch. */
  readonly askAt: number
  /** Times it was asked in vain. */
  readonly tries: number
  /** Times in a row that the DID was not found. */
  readonly gone: number
}

/** What is known of one repo. It changes only by `next` (`machine.ts`). */
export type RepoState = {
  readonly did: Did
  /** The head: null until the first accepted commit or resync, and after a resync that broke off half applied. */
  readonly rev: Tid | null
  readonly data: CID | null
  readonly status: RepoStatus
  /** Why it is not synchronized; null when it is. */
  readonly reason: string | null
  /** When the next resync or check is due, ms since the epoch; null when none is. */
  readonly nextTry: number | null
  readonly priority: Priority
  /** Failed resyncs, or checks that found nothing, in a row. */
  readonly attempts: number
  /** Resyncs begun so far: what an older one still delivers is not applied. */
  readonly epoch: number
  /** How far the resync under way got; null when none is. */
  readonly phase: RunPhase | null
  /** Why the resync under way cannot be the last word: an event was lost meanwhile. */
  readonly lost: string | null
  /** When the last resync or check began, ms since the epoch. */
  readonly triedAt: number | null
  /** The newest rev that is proved: no older copy is taken. Null when the head is that. */
  readonly floor: Tid | null
  /** The newest rev that somebody spoke of, above the head. Not proved. */
  readonly claimed: Tid | null
  /** Empty when the repo is known whole. */
  readonly flags: readonly RepoFlag[]
  /** With flags: what was not touched since this rev may be missing or old. */
  readonly partialSince: Tid | null
  /** The collections that the app's rows were made for (`filterHash`). */
  readonly filter: string
  /** When the head was last shown to be the newest, or its host said that the account is not active, ms since the epoch. */
  readonly confirmedAt: number | null
  /** What the account's own host says of it: `active`, `deactivated`, `takendown`, `suspended`, `deleted`, … or any other word. */
  readonly upstreamStatus: string
  /** What this service itself decided; kept apart, never changed by an event. */
  readonly localStatus: string
  /** What only a relay says of it; null: nothing else than is known. */
  readonly hearsay: Hearsay | null
  /** The last event of this repo that was finished, to recognise a repetition after a crash. The source with its numbering. */
  readonly lastSource: string | null
  readonly lastSeq: number | null
}

/** `seq`: everything up to it is finished (low-water mark). `high`: the highest finished one; between the two there may be gaps. */
export type CursorState = {
  readonly source: string
  readonly seq: number
  readonly high: number
  /** How often the source began to number anew: seqs of different numberings say nothing about each other. */
  readonly numbering: number
  /** When the source last lost events for certain, ms since the epoch: repos not confirmed since then are `unconfirmed`. */
  readonly gapAt: number | null
}

/** Which repos: those due at a time, of one priority; those whose hearsay is to be asked about at a time; or all, in order of DID. */
export type RepoQuery =
  | { readonly due: number; readonly priority: Priority }
  | { readonly hearsay: number }
  | { readonly after: Did | null }

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
  /** At most `limit` repos: those due (`nextTry`; at start also those found `resyncing`), the longest due first, also of hearsay, or a page of all. */
  find(query: RepoQuery, limit: number): RepoState[] | Promise<RepoState[]>
  /** Stores the change and runs `alongside` in one transaction; resolves when it is durable. On SQLite `alongside` must be synchronous. */
  save(change: StateChange, alongside?: (tx: Tx) => void | Promise<void>): Promise<void>
}
