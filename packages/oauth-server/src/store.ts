import type { Did } from '@avocet/syntax'

import type { OAuthChange, OAuthOutcome } from './change.ts'
import type { AuthorizationRequest, Consent, OAuthSession } from './rows.ts'

/** A value, or a promise of it: stores that have the answer at hand give it at once. */
export type Awaitable<T> = T | Promise<T>

/** Pushed requests, also those that are over. */
export interface RequestRows {
  get(id: string): Awaitable<AuthorizationRequest | null>
  /** The one whose code has this hash. */
  byCode(codeHash: string): Awaitable<AuthorizationRequest | null>
}

/** Sessions, also those that are over. */
export interface OAuthSessionRows {
  get(id: string): Awaitable<OAuthSession | null>
  /** The one that began with a code. */
  byCode(codeHash: string): Awaitable<OAuthSession | null>
  /** Those of an account; renewed last first, then by id. */
  list(did: Did): Awaitable<OAuthSession[]>
}

/** What accounts agreed to. */
export interface ConsentRows {
  get(did: Did, clientId: string): Awaitable<Consent | null>
  /** In order of client id. */
  list(did: Did): Awaitable<Consent[]>
}

/** What can be read of a store. */
export interface OAuthReads {
  readonly requests: RequestRows
  readonly sessions: OAuthSessionRows
  readonly consents: ConsentRows
}

/**
 * What an authorization server keeps. Reads are of the last commit, which may not be on the disk yet. Every implementation passes
 * the cases of `@avocet/oauth-server/suite`.
 */
export interface OAuthStore extends OAuthReads {
  /** Applies changes in one transaction: all, or none. Resolves when that is durable, and with it all that was read before. */
  apply(changes: readonly OAuthChange[]): Promise<OAuthOutcome>
}

/** Reads that answer at once, whatever `T` allows. */
export type AtOnce<T> = T extends (...args: infer A) => infer R
  ? (...args: A) => Awaited<R>
  : { readonly [K in keyof T]: AtOnce<T[K]> }
