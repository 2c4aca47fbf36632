// What can happen to a repo: the input of its state machine (`machine.ts`).

import type { CID } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'
import type { CommitFlag } from './events.ts'
import type { RepoState } from './state.ts'

/** Something that happened to a repo. */
export type RepoFact =
  /** A commit or `#sync`, proved, that follows the head (or is taken without: see its flags). */
  | {
      readonly kind: 'accepted'
      readonly rev: Tid
      readonly data: CID
      readonly flags: readonly CommitFlag[]
      /** When it arrived, ms since the epoch: it says nothing of events that the source lost later. */
      readonly at: number
      readonly sync?: boolean
    }
  /** A signed event shows that the repo is not, or no longer, what is stored. `rev`: what is signed. */
  | { readonly kind: 'broken'; readonly reason: string; readonly rev: Tid }
  /**
   * Who may speak of the repo said something that could not be proved, or was not looked at. `claimed`: the rev it spoke of;
   * null: who knows. `retryAt`: when it
   * makes sense to look again, ms since the epoch.
   */
  | {
      readonly kind: 'doubted'
      readonly reason: string
      readonly claimed: Tid | null
      readonly retryAt: number | null
    }
  /**
   * The app refused an event that was proved. `said`: the status that it told, which the account's own host is to be asked for again;
   * null: it was no word on a status, or nobody can be asked.
   */
  | { readonly kind: 'app-failed'; readonly rev: Tid | null; readonly said: string | null }
  /** The account's own host said what its status is. `at`: when it was asked, ms since the epoch; null: it was not asked. */
  | { readonly kind: 'account'; readonly status: string; readonly at: number | null }
  /** A relay said what the account's status is, and its own host has not: it is to be asked at `askAt` (ms since the epoch). */
  | { readonly kind: 'hearsay'; readonly status: string; readonly askAt: number }
  /** Its own host said what is known already: no question is open any more. */
  | { readonly kind: 'known' }
  /** The account's own host was asked about that, and gave no answer. `gone`: there is no such DID. */
  | {
      readonly kind: 'unheard'
      readonly gone: boolean
      readonly retryAfterMs: number
      readonly jitter: number
    }
  /** It cannot be asked about that before `until` (ms since the epoch). */
  | { readonly kind: 'unasked'; readonly until: number }
  /** This service decided about the account. */
  | { readonly kind: 'local'; readonly status: string }
  /** The account's identity changed. */
  | { readonly kind: 'identity' }
  /** Somebody wants the repo read. `claimed`: the rev it is said to have. */
  | { readonly kind: 'requested'; readonly reason: string; readonly claimed: Tid | null }
  /** A host lists the repo with this rev. `at`: when it was asked. */
  | { readonly kind: 'listed'; readonly rev: Tid; readonly at: number }
  /**
   * The account's own host was asked for the newest rev at `askedAt`; null: it has no such repo. `doubted`: something was said of
   * the repo since, which the answer may be too old for.
   */
  | {
      readonly kind: 'checked'
      readonly rev: Tid | null
      readonly askedAt: number
      readonly doubted: boolean
    }
  /** It could not be asked. */
  | { readonly kind: 'check-failed'; readonly retryAfterMs: number; readonly jitter: number }
  /**
   * Looked at in passing. `gapAt`: when its source last lost events. `settled`: the lists were read since: ask now. `tries`: how often
   * it was read, or asked about, in a row before it was read just now, which confirmed nothing: ask after a pause.
   */
  | {
      readonly kind: 'visited'
      readonly gapAt: number | null
      readonly settled: boolean
      readonly tries?: number
    }
  /** Its turn has come: a resync begins, if it is still wanted. */
  | { readonly kind: 'begun' }
  /** A resync reached a part. `own`: the copy is of the account's own host. */
  | {
      readonly kind: 'part'
      readonly epoch: number
      readonly rev: Tid
      readonly data: CID
      readonly last: boolean
      readonly own: boolean
      /** What was wanted when its resync began. Default: as now. */
      readonly filter?: string
    }
  /** The queue of a resync is worked off. */
  | { readonly kind: 'drained'; readonly epoch: number }
  /** Its host has no time for a resync before `until` (ms since the epoch): nothing was asked. `queued`: see `failed`. */
  | { readonly kind: 'postponed'; readonly epoch: number; readonly until: number; readonly queued: boolean }
  /**
   * A resync failed. `terminal`: there is no sense in trying again; `canAsk`: the account's own host can then be asked for its status. `queued`: events came meanwhile, which are dropped now.
   * `jitter`: from 0 to 1.
   */
  | {
      readonly kind: 'failed'
      readonly epoch: number
      readonly reason: string
      readonly terminal: boolean
      readonly canAsk: boolean
      readonly queued: boolean
      readonly retryAfterMs: number
      readonly jitter: number
    }

/**
 * What has to be done beside storing the state.
 * - `wake`: something is due, or due earlier.
 * - `end-run`: the resync under way is not wanted any more.
 * - `drop-queue`: what is queued will be read with the repo, or is not wanted.
 * - `doubted`: what the host is being asked may be answered too early.
 * - `stale`: the fact is of a resync that ended: nothing changed.
 */
export type RepoEffect = 'wake' | 'end-run' | 'drop-queue' | 'doubted' | 'stale'

/** Where a fact leads. */
export type Transition = { readonly state: RepoState; readonly effects: readonly RepoEffect[] }

/** The choices that the machine depends on. */
export type RepoPolicy = {
  /** Repos can be read. Without, what does not follow is taken with the flag `gap`. */
  readonly resync: boolean
  /** The account's host can be asked for its newest rev. Without, the repo is read instead. */
  readonly check: boolean
  /** Read the history of a repo that is first seen in the middle. */
  readonly firstSighting: 'resync' | 'accept'
  /** What the app's rows are made for now. */
  readonly filter: string
  /** Least time between two resyncs, and two checks, of one repo, ms. */
  readonly intervalMs: number
  /** First wait after a failure, doubled each time, and the longest, ms. */
  readonly backoffMs: number
  readonly maxBackoffMs: number
  /** How long the stream has to bring what a host already shows, ms. */
  readonly graceMs: number
  /** How long a `#sync` has to come after a reactivation, ms. */
  readonly reactivationMs: number
}

/** A repo nothing is known of yet. `filter`: see `RepoPolicy`. */
export function newRepo(did: Did, filter = ''): RepoState {
  return {
    did,
    rev: null,
    data: null,
    status: 'unconfirmed',
    reason: 'unseen',
    nextTry: null,
    priority: 0,
    attempts: 0,
    epoch: 0,
    phase: null,
    lost: null,
    triedAt: null,
    floor: null,
    claimed: null,
    flags: [],
    partialSince: null,
    filter,
    confirmedAt: null,
    upstreamStatus: 'active',
    localStatus: 'active',
    hearsay: null,
    lastSource: null,
    lastSeq: null,
  }
}
