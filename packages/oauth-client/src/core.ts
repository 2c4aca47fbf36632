import type { ResolveAccount } from './account.ts'
import { authProblem, type ClientAuth } from './client-auth.ts'
import type { ClientMetadata } from './client-metadata.ts'
import type { SessionEnding } from './error.ts'
import type { Fetch } from './http.ts'
import type { Lock } from './lock.ts'
import { createNonces, type AskTime, type Nonces } from './nonces.ts'
import type { ServerMetadata } from './server-metadata.ts'
import type { OAuthStores, SessionData } from './store.ts'

/** What a client tells of its sessions. */
export type OAuthClientEvent =
  | { readonly type: 'session-began' | 'session-renewed'; readonly id: string; readonly did: string }
  | {
      readonly type: 'session-ended'
      readonly id: string
      readonly did: string
      readonly ending: SessionEnding
    }
  /** New tokens could not be kept: they are used, and kept as soon as the store works again. */
  | { readonly type: 'store-failed'; readonly id: string; readonly did: string; readonly error: unknown }

/** Settings of a client. */
export interface OAuthClientOptions {
  /** The client's document: `createClientMetadata` or `createLoopbackMetadata` makes it. */
  readonly metadata: ClientMetadata
  /** Finds accounts: `createAccountResolver` makes one. */
  readonly resolve: ResolveAccount
  /** For clients of `private_key_jwt`. */
  readonly auth?: ClientAuth
  /** Default: in memory. */
  readonly stores?: OAuthStores
  /** Makes those who share the store of sessions wait for each other. Default: within this process. */
  readonly lock?: Lock
  /**
   * Reaches the servers' documents and endpoints, which strangers name: a server passes a fetch with a guard. Default: the
   * platform's.
   */
  readonly fetch?: Fetch
  /** Reaches the PDS of a session, for its calls. Default: the platform's. */
  readonly pdsFetch?: (url: string, init: RequestInit) => Promise<Response>
  /** Whether DPoP keys can be written out, as stores of text need. Default false. */
  readonly extractableKeys?: boolean
  /** Whether an account's earlier sessions end when it signs in anew. Default false. */
  readonly replaceSessions?: boolean
  /** Servers on this machine, over plain http; for development. */
  readonly allowLoopback?: boolean
  /** Milliseconds for each request of the client's own. Default 20 000. */
  readonly timeoutMs?: number
  /** Milliseconds since 1970. Default the platform's clock. */
  readonly now?: () => number
  readonly onEvent?: (event: OAuthClientEvent) => void
}

/** Everything the parts of a client share. */
export interface Core {
  readonly metadata: ClientMetadata
  readonly auth?: ClientAuth
  readonly resolve: ResolveAccount
  readonly stores: OAuthStores
  readonly lock: Lock
  readonly fetch: Fetch
  readonly pdsFetch: (url: string, init: RequestInit) => Promise<Response>
  readonly extractableKeys: boolean
  readonly replaceSessions: boolean
  readonly allowLoopback: boolean
  readonly timeoutMs: number
  readonly now: () => number
  readonly emit: (event: OAuthClientEvent) => void
  readonly nonces: Nonces
  /** By issuer. */
  readonly servers: Map<string, { readonly metadata: ServerMetadata; readonly at: number }>
  /** Renewals under way, by session. */
  readonly flights: Map<string, Promise<SessionData>>
  /** Sessions whose new tokens the store did not take, and the refresh token that they came from. */
  readonly unsaved: Map<string, { readonly data: SessionData; readonly before: string | null }>
}

/** Longest answer of a server's endpoints and documents, in bytes. */
export const MAX_ANSWER: number = 256 * 1024

/** As a function of its own: browsers refuse `fetch` with another `this`. */
const platformFetch = (url: string, init: RequestInit): Promise<Response> => globalThis.fetch(url, init)

/** @throws {TypeError} for settings that do not fit to each other */
export function createCore(
  options: OAuthClientOptions & { readonly stores: OAuthStores; readonly lock: Lock },
  askTime?: AskTime,
): Core {
  const { now = Date.now } = options
  const problem = authProblem(options.metadata, options.auth)
  if (problem !== null) throw new TypeError(problem)
  return {
    ...options,
    fetch: options.fetch ?? platformFetch,
    pdsFetch: options.pdsFetch ?? platformFetch,
    extractableKeys: options.extractableKeys ?? false,
    replaceSessions: options.replaceSessions ?? false,
    allowLoopback: options.allowLoopback ?? false,
    timeoutMs: options.timeoutMs ?? 20_000,
    now,
    emit: (event) => options.onEvent?.(event),
    nonces: createNonces(now, askTime),
    servers: new Map(),
    flights: new Map(),
    unsaved: new Map(),
  }
}
