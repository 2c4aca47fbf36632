// The choices a consumer makes, and what it needs from outside.

import type { PublicKey, VerifySignature } from '@avocet/crypto'
import type { CID } from '@avocet/data'
import type { Did, Handle, Tid } from '@avocet/syntax'
import type { FailureEvent, VerifiedEvent, VerifiedOp } from './events.ts'
import type { Checked, ParsedCommit, ParsedSync } from './parse.ts'
import type { CommitProof, SyncProof } from './proof.ts'
import type { VerifyPolicy } from './policy.ts'
import type { RepoState, RepoStateStore } from './state.ts'

/** What a DID's document says now. */
export type ResolvedIdentity = {
  /** The `#atproto` signing key; null when the document has none. */
  readonly key: PublicKey | null
  /** The PDS endpoint, for example `https://pds.example.com`; null when there is none. */
  readonly pds: string | null
  /** The handle, verified in both directions; null when none is. Undefined: it could not be looked up now. */
  readonly handle: Handle | null | undefined
}

/**
 * Resolves a DID. With `forceRefresh` nothing cached may be used. Null: the DID does not exist (or is tombstoned).
 * A rejection is a passing failure: tried again, with backoff, before the event is given up.
 */
export type ResolveKey = (
  did: Did,
  options: { readonly forceRefresh: boolean; readonly signal?: AbortSignal },
) => Promise<ResolvedIdentity | null>

/** What happens to a source's connection. */
export type SourceReport =
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected'; readonly message: string }
  /** The server numbers anew: the cursor it was given lies ahead of it (`FutureCursor`). */
  | { readonly type: 'cursor-ahead'; readonly message: string }
  /** A message that no event can be (its seq is not known) is passed over; events beside it may be lost. */
  | { readonly type: 'too-large'; readonly message: string }

/**
 * Where frames come from. `frames` yields whole WebSocket messages until the source is exhausted (a capture) or the signal
 * aborts; it reconnects by itself, and asks `cursor()` at each connection where to go on from (undefined: live).
 */
export type Source = {
  /** A stable name: cursors are stored under it. */
  readonly id: string
  /** A `pds` speaks only for the accounts it hosts (host authority is checked); a `relay` for all. */
  readonly kind: 'relay' | 'pds'
  /** For a `pds`: its origin, for example `https://pds.example.com`, compared with the DID document's. */
  readonly host: string | null
  /**
   * It loses nothing by waiting (a file): its events are never given up because the network is slow, it is read more slowly
   * instead. A live stream must not wait for one of its accounts.
   */
  readonly patient?: boolean
  frames(options: {
    readonly cursor: () => number | undefined
    readonly signal: AbortSignal
    readonly report: (report: SourceReport) => void
  }): AsyncIterable<Uint8Array>
}

/** A repo read whole, from upstream or its PDS, as parts; see `ResyncEvent`. */
export type ResyncPart = {
  readonly rev: Tid
  readonly commit: CID
  readonly data: CID
  readonly ops: readonly VerifiedOp[]
  readonly last: boolean
  /** Whether the copy is of the account's own host, which is the last word, or of a mirror, which may be behind. Default true. */
  readonly own?: boolean
}

/** What a `Resync` is asked for. `reason`: why, as in `RepoState`. */
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

/**
 * Asks the account's own host for the rev of its newest commit (com.atproto.sync.getLatestCommit); null: it has no such repo.
 * A rejection is a passing failure; a ResyncError may say when to try again.
 */
export type LatestRev = (request: HostRequest) => Promise<Tid | null>

/**
 * Asks the account's own host for the account's status (com.atproto.sync.getRepoStatus): `active` or another word; null: it
 * has no such account. A rejection is a passing failure: nothing was said; a ResyncError may say when to try again. `patient`:
 * whether to wait while the host has no time for the question, or to reject at once (`host-busy`).
 */
export type HostStatus = (request: HostRequest & { readonly patient?: boolean }) => Promise<string | null>

/** Whom a question to a host is about. */
export type HostRequest = {
  readonly did: Did
  readonly identity: ResolvedIdentity
  readonly signal: AbortSignal
}

/** Waits: `after` calls back once, later, and returns how to prevent that. Must not keep the process alive. */
export type Timers = { after(ms: number, call: () => void): () => void }

/** Proves an event apart from any stored state (steps 4 to 8), here or on another thread. */
export interface Prover {
  /** `frame` is what the event was parsed from. */
  prove(
    event: ParsedCommit,
    key: PublicKey | null,
    policy: VerifyPolicy,
    frame: Uint8Array,
  ): MaybePromise<Checked<CommitProof>>
  proveSync(
    event: ParsedSync,
    key: PublicKey | null,
    policy: VerifyPolicy,
    frame: Uint8Array,
  ): MaybePromise<Checked<SyncProof>>
}

type MaybePromise<T> = T | Promise<T>

/**
 * Whether a repo that nothing is stored of is followed from an event on. `claims`: the collections of the operations that a commit claims,
 * not proved yet; null: another event, or an entry of a list. May change its mind: `Consumer.forget` lets go of what it does not want
 * any more.
 */
export type Follows = (did: Did, claims: readonly string[] | null) => boolean

/** What `consume` needs and may be told. */
export type ConsumeOptions<Tx> = {
  readonly sources: readonly Source[]
  readonly resolveKey: ResolveKey
  readonly state: RepoStateStore<Tx>
  /**
   * Called inside the transaction that makes the event's state durable (so on SQLite synchronously), once for each event
   * in the order of its DID. A throw rolls the transaction back and the repo becomes desynchronized (`app-failed`); the
   * stream goes on.
   */
  readonly onEvent: (event: VerifiedEvent, tx: Tx) => void | Promise<void>
  /** What is ignored (duplicates, events of inactive or desynchronized repos): outside of any transaction. */
  readonly onIgnored?: (failure: FailureEvent) => void
  /**
   * Reads a repo anew when it is desynchronized. Without it a commit that proves itself but does not follow the stored head
   * is delivered with the flag `gap`.
   */
  readonly resync?: Resync
  /**
   * Asks the account's own host which rev is its newest: a repo of which something was refused, or may have been lost, is
   * checked by it before it is read. Without it such a repo is read at once.
   */
  readonly latestRev?: LatestRev
  /**
   * Asks the account's own host for the account's status, when a relay says that it changed. Nobody signs an `#account`: a relay
   * that is behind, or lies, would hide or remove accounts of others. Only what the host says comes to `onEvent` and counts; while
   * it is silent nothing changes, and it is asked again (`RepoState.hearsay`).
   *
   * Without it nobody can be asked: what a relay says of a change is ignored (`status-unconfirmed`), and kept as hearsay. The
   * word `trust-relays` has each relay believed unasked: for a relay of one's own, or to follow what it takes down itself. A PDS
   * as a source needs none of this about the accounts that it hosts.
   */
  readonly hostStatus?: HostStatus | 'trust-relays'
  /** What to do with a repo first seen in the middle: fetch its history, or go on from there. Default `resync` if there is one. */
  readonly firstSighting?: 'resync' | 'accept'
  readonly policy?: Partial<VerifyPolicy>
  /** Only ops of these collections reach `onEvent` (`app.bsky.feed.post`, `app.bsky.graph.*`); all is verified all the same. */
  readonly collections?: readonly string[]
  /**
   * Which repos are followed. `all` (default): every one that the sources speak of. `matching`: with `collections`, a repo from the first commit
   * on that claims an operation in them, or from a `requestResync`; its later events all, since they follow each other. Of the others no identity is
   * resolved, no state is kept, and `reportListed` stores nothing.
   *
   * What that cannot prove: that a repo which is not followed has no wanted records. Those from before are unknown until it writes one more
   * (then `resync` reads all of it) or is asked for, by a list such as com.atproto.sync.listReposByCollection; and who leaves a wanted operation out of
   * what an event claims is found out only where the repo is followed.
   *
   * A function decides by itself, with the same limits.
   */
  readonly scope?: 'all' | 'matching' | Follows
  /**
   * Names what the app makes rows of, if it chooses by itself: repos whose rows were made for something else are read anew.
   * Default: `filterHash(collections)`. A function: the choice may change while it runs, see `Consumer.refilter`; a name that
   * stood for another choice before must not come back.
   */
  readonly filter?: string | (() => string)
  /** DIDs worked on at the same time. Default 64. */
  readonly concurrency?: number
  /** Repos resynced at the same time. Default 4. */
  readonly resyncConcurrency?: number
  /** Repos checked (`latestRev`) at the same time. Default 8. */
  readonly checkConcurrency?: number
  /** Bytes of frames in memory; each source has its share of them, and reading it pauses when that is used. Default 64 MiB. */
  readonly maxQueuedBytes?: number
  /**
   * Bytes of frames that wait for one DID's identity. What comes beyond that is given up, and the repo is checked or read
   * instead. Default 4 MiB, as much as two of the largest commits. All together they may take half of the source's share.
   */
  readonly maxLaneBytes?: number
  /** Bytes of frames stored for one DID while it is resyncing. Default 16 MiB. */
  readonly maxResyncQueueBytes?: number
  /** Default: `verifySignature` of `@avocet/crypto`, on this thread. */
  readonly verify?: VerifySignature
  /** Proves elsewhere, for example on a pool of workers (`@avocet/firehose/pool`); `verify` is then not used. */
  readonly prover?: Prover
  readonly identity?: Partial<IdentityPolicy>
  readonly resyncPolicy?: Partial<ResyncPolicy>
  /** Repo states and identities kept in memory, each. Default 100 000. */
  readonly cacheSize?: number
  /** Clock, ms since the epoch. */
  readonly now?: () => number
  /** Timers. Default: those of the platform. */
  readonly timers?: Timers
  /** Numbers from 0 to 1, to spread what would come back at the same moment. Default `Math.random`. */
  readonly random?: () => number
  readonly signal?: AbortSignal
}

/** How long identities are believed, and how often they are asked for. */
export type IdentityPolicy = {
  /** Default 12 h; `#identity` events and failed signatures renew sooner. */
  readonly ttlMs: number
  /** How long a DID that was not found is taken to be gone. Default 2 min: directories lag, and fail. */
  readonly goneTtlMs: number
  /** Least time between two forced refreshes of one DID. Default 1 min. */
  readonly refreshMs: number
  /** Waits between tries while resolution fails. Default 0.5 s, 2 s, 6 s. */
  readonly retryMs: readonly number[]
}

/** When a desynchronized repo is read again. */
export type ResyncPolicy = {
  /** Least time between two resyncs of one DID. Default 1 min. */
  readonly intervalMs: number
  /** First wait after a failure; doubled each time. Default 10 s. */
  readonly backoffMs: number
  /** Longest wait. Default 1 day. */
  readonly maxBackoffMs: number
  /** How often what is due is looked for. Default 1 s. */
  readonly pollMs: number
  /** How long the stream has to bring what a host shows already. Default 30 s. */
  readonly graceMs: number
  /** How long a `#sync` has to come after a reactivation, before the repo is read. Default 3 s. */
  readonly reactivationMs: number
}
