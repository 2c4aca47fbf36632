// The choices a consumer makes, and what it needs from outside.

import type { PublicKey, VerifySignature } from '@avocet/crypto'
import type { CID } from '@avocet/data'
import type { Did, Handle, Tid } from '@avocet/syntax'
import type { VerifiedEvent, VerifiedOp } from './events.ts'
import type { RepoState, RepoStateStore } from './state.ts'

/** What a DID's document says now. */
export type ResolvedIdentity = {
  /** The `#atproto` signing key; null when the document has none. */
  readonly key: PublicKey | null
  /** The PDS endpoint, for example `https://pds.example.com`; null when there is none. */
  readonly pds: string | null
  /** The handle, verified in both directions; null when none is. */
  readonly handle: Handle | null
}

/**
 * Resolves a DID. With `forceRefresh` nothing cached may be used. Null: the DID does not exist (or is tombstoned).
 * A rejection is a passing failure: tried again, with backoff, before the event is given up.
 */
export type ResolveKey = (
  did: Did,
  options: { readonly forceRefresh: boolean; readonly signal?: AbortSignal },
) => Promise<ResolvedIdentity | null>

/**
 * Where frames come from. `frames(cursor)` yields whole WebSocket messages, forever or until the source is exhausted
 * (a capture); it reconnects by itself, asking `cursor()` where to go on from.
 */
export type Source = {
  /** A stable name: cursors are stored under it. */
  readonly id: string
  /** A `pds` speaks only for the accounts it hosts (host authority is checked); a `relay` for all. */
  readonly kind: 'relay' | 'pds'
  /** For a `pds`: its origin, for example `https://pds.example.com`, compared with the DID document's. */
  readonly host: string | null
  frames(options: {
    readonly cursor: () => number | undefined
    readonly signal: AbortSignal
  }): AsyncIterable<Uint8Array>
}

/** What to do with a commit without `prevData` or `prev` (made before Sync 1.1): it cannot be inverted. */
export type LegacyPolicy = 'resync' | 'accept-flagged' | 'reject'

/** The verifier's limits and choices. */
export type VerifyPolicy = {
  readonly legacy: LegacyPolicy
  /** How far ahead of the clock a rev may be, in ms. Default 5 minutes. */
  readonly maxFutureMs: number
  /** Bytes of a frame. Default 5 000 000. */
  readonly maxFrameBytes: number
  /** Bytes of the CAR in `blocks`. Default 2 000 000. */
  readonly maxBlocksBytes: number
  /** Bytes of the CAR in a `#sync`. Default 10 000. */
  readonly maxSyncBytes: number
  /** Operations of a commit. Default 200. */
  readonly maxOps: number
  /** Bytes of a record. Default 1 000 000. */
  readonly maxRecordBytes: number
}

/** A repo read whole, from upstream or its PDS, as parts; see `ResyncEvent`. */
export type ResyncPart = {
  readonly rev: Tid
  readonly commit: CID
  readonly data: CID
  readonly ops: readonly VerifiedOp[]
  readonly last: boolean
}

export type ResyncRequest = {
  readonly did: Did
  readonly repo: RepoState
  readonly identity: ResolvedIdentity | null
  readonly reason: string
  readonly signal: AbortSignal
}

/**
 * Fetches a repo, verifies it whole, and yields the differences to what the app has stored: creates, updates and deletes.
 * @throws ResyncError with what to do about it
 */
export type Resync = (request: ResyncRequest) => AsyncIterable<ResyncPart>

export type ConsumeOptions<Tx> = {
  readonly sources: readonly Source[]
  readonly resolveKey: ResolveKey
  readonly state: RepoStateStore<Tx>
  /**
   * Called inside the transaction that makes the event's state durable (so on SQLite synchronously). A throw rolls the
   * transaction back; for a commit the repo becomes desynchronized (`reason: app-failed`), the stream goes on.
   */
  readonly onEvent: (event: VerifiedEvent, tx: Tx) => void | Promise<void>
  readonly resync?: Resync
  readonly policy?: Partial<VerifyPolicy>
  /** Only ops of these collections reach `onEvent` (`app.bsky.feed.post`, `app.bsky.graph.*`); all is verified all the same. */
  readonly collections?: readonly string[]
  /** DIDs worked on at the same time. Default 64. */
  readonly concurrency?: number
  /** Bytes of frames in memory before reading pauses. Default 64 MiB. */
  readonly maxQueuedBytes?: number
  /** Default: `verifySignature` of `@avocet/crypto`. */
  readonly verify?: VerifySignature
  /** Clock, ms since the epoch. */
  readonly now?: () => number
  readonly signal?: AbortSignal
}
