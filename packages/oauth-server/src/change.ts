import type { Did } from '@avocet/syntax'

import type { AuthorizationRequest, Consent, Granted, OAuthSession } from './rows.ts'

/** Changes of pushed requests. Times are seconds since 1970; what is over at `now` counts as gone. */
export type RequestChange =
  /**
   * Refused: `too-many-requests` when `maxTotal` are under way, or `max` of the same kind: those of one client that proved who it
   * is, those of public clients by whom they are counted for. `id-taken`.
   */
  | {
      readonly type: 'addRequest'
      readonly request: AuthorizationRequest
      readonly max: number
      readonly maxTotal: number
      readonly now: number
    }
  /**
   * Ties it to the device that opens it first, and lets it live until `expiresAt`. Refused: `request-gone` when it is unknown, over
   * or granted; `request-elsewhere` when another device has it.
   */
  | {
      readonly type: 'openRequest'
      readonly id: string
      readonly device: string
      readonly expiresAt: number
      readonly now: number
    }
  /**
   * Notes what an account agreed to on the device that opened it, once. Its code is good until `expiresAt`. Refused: as
   * `openRequest`, also when no device opened it; `id-taken`.
   */
  | {
      readonly type: 'grantRequest'
      readonly id: string
      readonly device: string
      readonly granted: Granted
      readonly expiresAt: number
      readonly now: number
    }
  | { readonly type: 'dropRequest'; readonly id: string }
  /** Uses a code up, and forgets its request. Refused: `code-gone` when there is none, or it is over. */
  | { readonly type: 'takeCode'; readonly codeHash: string; readonly now: number }

/** Changes of sessions. */
export type SessionChange =
  /**
   * Ends those of the account that were renewed longest ago, so that it has `maxPerAccount` at most, and `maxPerClient` of the same
   * client. Refused: `id-taken`.
   */
  | {
      readonly type: 'addSession'
      readonly session: OAuthSession
      readonly maxPerAccount: number
      readonly maxPerClient: number
    }
  /** Gives it the next generation of tokens, if `generation` is the present one; stale when it is not, or the session is gone. */
  | {
      readonly type: 'rotateSession'
      readonly id: string
      readonly generation: number
      readonly set: Pick<OAuthSession, 'refreshHash' | 'refreshedAt' | 'expiresAt' | 'permissions'>
    }
  | { readonly type: 'endSession'; readonly id: string }
  /** Those of an account, or of one client of it; but for one, if it is named. */
  | {
      readonly type: 'endSessions'
      readonly did: Did
      readonly clientId?: string
      readonly except?: string
    }

/** Changes of what is remembered. */
export type ConsentChange =
  /** In the place of what the account agreed to for this client before. */
  | { readonly type: 'keepConsent'; readonly consent: Consent }
  /** Of one client, or all. */
  | { readonly type: 'forgetConsents'; readonly did: Did; readonly clientId?: string }

/** Changes of everything. */
export type WholeChange =
  /** All that is kept of an account, or of one client of it: sessions, consents, and codes that were not used yet. */
  | { readonly type: 'forgetAccount'; readonly did: Did; readonly clientId?: string }
  /** Forgets up to `limit` requests and up to `limit` sessions that are over. */
  | { readonly type: 'forgetExpired'; readonly now: number; readonly limit: number }

/** One change. Several are applied in their order, all of them or none. */
export type OAuthChange = RequestChange | SessionChange | ConsentChange | WholeChange

/** Why changes are not applied. `id-taken`: a text that was to be unlike all others is there already. */
export type OAuthRefusal =
  | 'too-many-requests'
  | 'request-gone'
  | 'request-elsewhere'
  | 'code-gone'
  | 'id-taken'

/**
 * What became of changes. `stale`: what they were built on is not so any more, so build them again. But for `applied` nothing
 * was changed.
 */
export type OAuthOutcome =
  | { readonly status: 'applied' }
  | { readonly status: 'stale' }
  | { readonly status: 'refused'; readonly reason: OAuthRefusal }
