import type { Did, Handle } from '@avocet/syntax'

import type { Challenge, Factor, HandleChange, MailedCode, ReservedKey, Session } from './rows.ts'

/** What a new account is stored with. */
export interface NewAccount {
  readonly did: Did
  readonly handle: Handle | null
  /** Default: none. */
  readonly email?: string | null
  /** Of an account that nobody signs in to: none, which is kept as an empty text. */
  readonly passwordHash?: string
  /** The private key that signs its commits. */
  readonly signingKey: Uint8Array
  readonly createdAt: string
  /** Default: it is active. */
  readonly deactivatedAt?: string | null
}

/** What can be changed of an account. `preferences` is a JSON text that the store does not read. */
export interface AccountFields {
  readonly handle: Handle | null
  readonly email: string | null
  readonly emailConfirmedAt: string | null
  readonly emailAuthFactor: boolean
  readonly passwordHash: string
  readonly signingKey: Uint8Array
  readonly deactivatedAt: string | null
  readonly deleteAfter: string | null
  readonly deleteWarnedAt: string | null
  readonly takedownRef: string | null
  readonly invitesDisabled: boolean
  readonly inviteNote: string | null
  readonly preferences: string
}

/** Changes of the account itself. */
export type AccountRowChange =
  /** Refused: `account-exists`, `handle-taken`, `email-taken` (either of the two where both are). */
  | { readonly type: 'createAccount'; readonly account: NewAccount }
  /**
   * Sets fields, if the account has the values of `expect`, else the whole is stale; with nothing to set it only compares.
   * Refused: `account-not-found`, `handle-taken`, `email-taken`.
   */
  | {
      readonly type: 'updateAccount'
      readonly did: Did
      readonly set: Partial<AccountFields>
      readonly expect?: Partial<AccountFields>
    }
  /** Removes it with its sessions, app passwords, codes, factors and noted handle. Refused: `account-not-found`. */
  | { readonly type: 'removeAccount'; readonly did: Did }

/** Changes of sessions. */
export type SessionChange =
  /** Refused: `account-not-found`, `id-taken`. */
  | { readonly type: 'keepSession'; readonly session: Session }
  /**
   * Puts a successor in the place of a token, with its app password. The former one ends at `graceUntil` if it would live
   * longer. Times in seconds since 1970. Refused: `session-ended` when it is unknown, another account's, or over at `now`;
   * `session-rotated` when it has a successor; `id-taken`.
   */
  | {
      readonly type: 'rotateSession'
      readonly did: Did
      readonly id: string
      readonly next: { readonly id: string; readonly expiresAt: number }
      readonly graceUntil: number
      readonly now: number
    }
  | { readonly type: 'endSession'; readonly id: string }
  /** Those of an account, of one of its app passwords, or (null) those begun with its own password. */
  | { readonly type: 'endSessions'; readonly did: Did; readonly appPassword?: string | null }
  /** Forgets those of an account that were over at `now`, in seconds since 1970. */
  | { readonly type: 'forgetSessions'; readonly did: Did; readonly now: number }

/** Changes of app passwords. */
export type AppPasswordChange =
  /** Refused: `account-not-found`, `app-password-exists`, `too-many-app-passwords` when there are `max`. */
  | {
      readonly type: 'createAppPassword'
      readonly did: Did
      readonly name: string
      readonly passwordHash: string
      readonly privileged: boolean
      readonly createdAt: string
      readonly max: number
    }
  /** Keeps the same password under another hash. */
  | { readonly type: 'rehashAppPassword'; readonly did: Did; readonly from: string; readonly to: string }
  | { readonly type: 'removeAppPassword'; readonly did: Did; readonly name: string }

/** Changes of invites. */
export type InviteChange =
  /** Refused: `id-taken`. */
  | {
      readonly type: 'createInvite'
      readonly code: string
      readonly available: number
      readonly forAccount: string
      readonly createdBy: string
      readonly createdAt: string
    }
  /** Refused: `invite-unavailable` when it is unknown, disabled, used up, or was used by this account. */
  | { readonly type: 'useInvite'; readonly code: string; readonly did: Did; readonly at: string }
  | {
      readonly type: 'disableInvites'
      readonly codes: readonly string[]
      /** All codes made for these. */
      readonly accounts: readonly string[]
    }

/** Changes of mailed codes. Times in ms since 1970. */
export type CodeChange =
  /**
   * Keeps a code, and forgets those of its purpose asked for before `expiredBefore` or sent to another address. Refused:
   * `account-not-found`, `too-many-codes` when `max` good ones stay, `id-taken`.
   */
  | {
      readonly type: 'keepCode'
      readonly code: MailedCode
      readonly expiredBefore: number
      readonly max: number
    }
  /** Lets a code live for its whole time again. Refused: `code-invalid` when it is gone. */
  | {
      readonly type: 'renewCode'
      readonly did: Did
      readonly purpose: string
      readonly token: string
      readonly at: number
    }
  /**
   * Uses a code up, and with it all codes of its purpose. Refused: `code-invalid` when there is none of this account for its
   * present address; `code-expired` when it was asked for before `expiredBefore`.
   */
  | {
      readonly type: 'spendCode'
      readonly did: Did
      readonly purpose: string
      readonly token: string
      readonly expiredBefore: number
    }
  /** Those of one purpose, or all. */
  | { readonly type: 'dropCodes'; readonly did: Did; readonly purpose?: string }

/** Changes of reserved keys and of handles under way. */
export type ReservationChange =
  /** Refused: `key-reserved` when the DID has one, `too-many-keys` when there are `max`, `id-taken`. */
  | { readonly type: 'reserveKey'; readonly key: ReservedKey; readonly max: number }
  | { readonly type: 'releaseKey'; readonly did: Did }
  /** Forgets keys made before a time. */
  | { readonly type: 'forgetKeys'; readonly before: string }
  /** In the place of one noted before. Refused: `account-not-found`. */
  | { readonly type: 'noteHandleChange'; readonly change: HandleChange }
  | { readonly type: 'forgetHandleChange'; readonly did: Did }

/** Changes of factors, of recovery codes, and of what waits for an answer. Times in ms since 1970. */
export type FactorChange =
  /** Refused: `account-not-found`, `too-many-factors` when there are `max` of its kind, `id-taken`. */
  | { readonly type: 'addFactor'; readonly factor: Omit<Factor, 'lastUsedAt'>; readonly max: number }
  /** Refused: `factor-not-found`. */
  | { readonly type: 'renameFactor'; readonly did: Did; readonly id: string; readonly name: string }
  /** Refused: `factor-not-found`. */
  | { readonly type: 'removeFactor'; readonly did: Did; readonly id: string }
  /** Counts a use of a factor, stale unless its counter is `from`. Refused: `factor-not-found`. */
  | {
      readonly type: 'useFactor'
      readonly did: Did
      readonly id: string
      readonly from: number
      readonly to: number
      readonly at: string
    }
  /** Stale where the account has a factor, or is mailed codes to sign in. Refused: `account-not-found`. */
  | { readonly type: 'requireNoFactors'; readonly did: Did }
  /** In the place of those it had. Refused: `account-not-found`. */
  | { readonly type: 'setRecoveryCodes'; readonly did: Did; readonly hashes: readonly string[] }
  /** Uses one up. Refused: `code-invalid`. */
  | { readonly type: 'spendRecoveryCode'; readonly did: Did; readonly hash: string }
  /**
   * Keeps what waits for an answer. Of the others of its account (or of nobody) and purpose, the ones that end first go when there would
   * be more than `max`. Refused: `account-not-found`, `id-taken`.
   */
  | { readonly type: 'keepChallenge'; readonly challenge: Omit<Challenge, 'tries'>; readonly max: number }
  /** Counts an answer before it is looked at. Refused: `challenge-ended` when it is gone or over, or had `max` of them. */
  | { readonly type: 'tryChallenge'; readonly id: string; readonly max: number; readonly now: number }
  /** Uses it up. Refused: `challenge-ended` when it is gone or over. */
  | { readonly type: 'spendChallenge'; readonly id: string; readonly now: number }
  /** Those of an account. */
  | { readonly type: 'dropChallenges'; readonly did: Did }
  /** Forgets those that were over at `now`. */
  | { readonly type: 'forgetChallenges'; readonly now: number }

/** One change. Several are applied in their order, all of them or none. */
export type AccountChange =
  | AccountRowChange
  | SessionChange
  | AppPasswordChange
  | InviteChange
  | CodeChange
  | FactorChange
  | ReservationChange

/** Why changes are not applied. `id-taken`: a text that was to be unlike all others (a session, a code, a key, a passkey) is there already. */
export type Refusal =
  | 'account-exists'
  | 'account-not-found'
  | 'handle-taken'
  | 'email-taken'
  | 'session-ended'
  | 'session-rotated'
  | 'app-password-exists'
  | 'too-many-app-passwords'
  | 'invite-unavailable'
  | 'code-invalid'
  | 'code-expired'
  | 'too-many-codes'
  | 'factor-not-found'
  | 'too-many-factors'
  | 'challenge-ended'
  | 'key-reserved'
  | 'too-many-keys'
  | 'id-taken'

/**
 * What became of changes. `stale`: what they were built on is not so any more, so build them again. But for `applied` nothing
 * was changed.
 */
export type Outcome =
  | { readonly status: 'applied' }
  | { readonly status: 'stale' }
  | { readonly status: 'refused'; readonly reason: Refusal }
