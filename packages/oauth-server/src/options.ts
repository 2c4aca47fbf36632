import type { Did, Nsid } from '@avocet/syntax'

import type { OAuthEvent } from './events.ts'
import type { OAuthKeys } from './keys.ts'
import type { Lifetimes, OAuthLimits } from './limits.ts'
import type { DpopNonces } from './nonces.ts'
import type { ReplayGuard } from './replay.ts'
import type { Awaitable, OAuthStore } from './store.ts'

/**
 * How client documents and keys are reached: `createGuardedFetch` of `@avocet/did` fits. It is given URLs that strangers wrote, so it
 * must reach public addresses only, bound bodies and time, and obey `redirect: 'error'`.
 */
export type ClientFetch = (
  url: string,
  init: {
    readonly headers: Readonly<Record<string, string>>
    readonly redirect: 'error'
    readonly signal: AbortSignal
  },
) => Promise<Response>

/** How an account stands; null where there is none. */
export type AccountStatus = 'active' | 'deactivated' | 'takendown' | null

/** What the server asks about accounts. */
export interface AccountLookup {
  status(did: Did): Awaitable<AccountStatus>
}

/** Where permission sets come from. */
export interface PermissionSets {
  /**
   * The lexicon document of a set, as JSON; null where there is none. A failure to reach it should give the last one known.
   * @param purpose `grant`: somebody signs in, the document may be fetched; `renewal`: only what is at hand, so that no session
   *   waits for a stranger's host
   */
  document(nsid: Nsid, purpose: 'grant' | 'renewal', signal: AbortSignal): Awaitable<unknown>
}

/** Something that costs the server or others, before it is done. */
export interface Attempt {
  /**
   * `request`: anything at any endpoint, before its body is read. `par`, `token`, `revoke`: such a request whose proof holds.
   * `client`: a document of a client that is not at hand is about to be fetched.
   */
  readonly what: 'request' | 'par' | 'token' | 'revoke' | 'client'
  /** Null for `request`: it is not read yet. */
  readonly clientId: string | null
  /** Whom the request is counted for. */
  readonly from: string | null
}

/** Whether an attempt may go on, or when to come again. */
export type Admission =
  | { readonly ok: true }
  | { readonly ok: false; /** Seconds. */ readonly retryAfter: number }

/** Settings of a server. */
export interface OAuthServerOptions {
  /** The public origin: https, without port and path. For development `http://localhost:2583` and its like. */
  readonly issuer: string
  /** The DID of the server as a resource: the audience of access tokens. */
  readonly audience: () => string
  readonly keys: OAuthKeys
  readonly store: OAuthStore
  readonly accounts: AccountLookup
  readonly fetch: ClientFetch
  /** Default: no permission set can be resolved, so that requests with `include:` are refused. */
  readonly permissionSets?: PermissionSets
  /** Client ids whose names are shown, which may sign in without a page, and whose sessions live long. */
  readonly trustedClients?: Iterable<string>
  /** Called before a request costs much; default: everything may go on. */
  readonly admit?: (attempt: Attempt) => Awaitable<Admission>
  /** Of proofs, assertions and challenges. Default: in memory. Several processes need one that they share. */
  readonly replay?: ReplayGuard
  readonly nonces?: DpopNonces
  readonly lifetimes?: Partial<Lifetimes>
  readonly limits?: Partial<OAuthLimits>
  /** Where people who write apps may read on, for the document of the resource. */
  readonly documentation?: string
  /** Languages of the pages, as tags. Default `en`. */
  readonly locales?: readonly string[]
  /** The clock, in milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number
  /** Told of what an operator would look for. */
  readonly onEvent?: (event: OAuthEvent) => void
  /** Told of failures of the server itself: the client sees 500 `server_error`. */
  readonly onError?: (error: unknown, endpoint: string) => void
}
