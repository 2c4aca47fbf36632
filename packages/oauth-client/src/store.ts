import type { Did } from '@avocet/syntax'

import { remember } from './bytes.ts'
import type { DpopKey } from './dpop-key.ts'

/** What is remembered between leaving for the authorization page and coming back. */
export interface StateData {
  readonly issuer: string
  readonly key: DpopKey
  readonly verifier: string
  readonly redirectUri: string
  /** The account that was asked for; null where only a server was named. */
  readonly did: Did | null
  /** The client's signing key; null for a public client. */
  readonly clientKeyId: string | null
  readonly appState: string | null
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** A session as it is kept. */
export interface SessionData {
  readonly id: string
  readonly did: Did
  readonly issuer: string
  /** Origin of the account's PDS: where calls go. */
  readonly pds: string
  /** What was granted, separated by spaces. */
  readonly scope: string
  readonly accessToken: string
  /** Null where the server gave none: then the session ends with its access token. */
  readonly refreshToken: string | null
  /** Of the access token, in milliseconds since 1970; null where the server did not say. */
  readonly expiresAt: number | null
  readonly key: DpopKey
  /** The client's signing key, which the session is bound to; null for a public client. */
  readonly clientKeyId: string | null
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** Keeps what is under way. A failure rejects. */
export interface StateStore {
  set(key: string, data: StateData): Promise<void>
  /** Gives it and forgets it, at once: a second caller gets null. */
  take(key: string): Promise<StateData | null>
}

/** Keeps sessions. A failure rejects; what `set` has promised is durable. */
export interface SessionStore {
  get(id: string): Promise<SessionData | null>
  set(data: SessionData): Promise<void>
  delete(id: string): Promise<void>
  /** Those of an account, or all; in no order. */
  list(did?: Did): Promise<readonly SessionData[]>
}

/** Both stores. */
export interface OAuthStores {
  readonly states: StateStore
  readonly sessions: SessionStore
}

const MAX_STATES = 10_000

/** Stores of this process alone: sessions end with it. Of what is under way, the oldest of more than 10,000 is forgotten. */
export function createMemoryStores(): OAuthStores {
  const states = new Map<string, StateData>()
  const sessions = new Map<string, SessionData>()
  return {
    states: {
      set: async (key, data) => {
        remember(states, key, data, MAX_STATES)
      },
      take: async (key) => {
        const data = states.get(key) ?? null
        states.delete(key)
        return data
      },
    },
    sessions: {
      get: async (id) => sessions.get(id) ?? null,
      set: async (data) => {
        sessions.set(data.id, data)
      },
      delete: async (id) => {
        sessions.delete(id)
      },
      list: async (did) => [...sessions.values()].filter((data) => did === undefined || data.did === did),
    },
  }
}
