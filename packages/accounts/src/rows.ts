import type { Did, Handle } from '@avocet/syntax'

/** An account, without its secrets. Times are ISO 8601 texts, kept as they were given. */
export interface Account {
  readonly did: Did
  /** In lower case. Null when its handle went to another account. */
  readonly handle: Handle | null
  /** In lower case. */
  readonly email: string | null
  readonly emailConfirmedAt: string | null
  readonly createdAt: string
  readonly deactivatedAt: string | null
  /** When a deactivated account is to be deleted. */
  readonly deleteAfter: string | null
  /** The reference of the moderation decision, null when there is none. */
  readonly takedownRef: string | null
  readonly invitesDisabled: boolean
  readonly inviteNote: string | null
}

/** A deactivated account that is to be removed. */
export interface PlannedDeletion {
  readonly did: Did
  readonly deleteAfter: string
  /** When its owner was told that the time is near. */
  readonly warnedAt: string | null
}

/** A refresh token as it is kept: its id, never its text. */
export interface Session {
  /** The `jti` of the token. */
  readonly id: string
  readonly did: Did
  /** Seconds since 1970, as the `exp` of the token. */
  readonly expiresAt: number
  /** The token that took its place. */
  readonly nextId: string | null
  /** The name of the app password it was signed in with; null for the password of the account. */
  readonly appPassword: string | null
}

/** A password for one client, without its hash. */
export interface AppPassword {
  readonly name: string
  readonly privileged: boolean
  readonly createdAt: string
}

/** An invite code and who used it. */
export interface InviteCode {
  readonly code: string
  /** Uses it was made with. */
  readonly available: number
  readonly disabled: boolean
  readonly forAccount: string
  readonly createdBy: string
  readonly createdAt: string
  /** In order of time. */
  readonly uses: readonly { readonly usedBy: string; readonly usedAt: string }[]
}

/** A code that was sent by mail: good for one purpose, while the account has the address it was sent to. */
export interface MailedCode {
  readonly did: Did
  readonly purpose: string
  readonly token: string
  /** In lower case. */
  readonly address: string
  /** ms since 1970. */
  readonly madeAt: number
  /** When it was asked for last, ms since 1970: its life is counted from here. */
  readonly requestedAt: number
}

/** A signing key made ahead of an account, so that an identity can name the key before it moves here. */
export interface ReservedKey {
  readonly didKey: string
  /** Null for nobody in particular. */
  readonly did: Did | null
  readonly privateKey: Uint8Array
  readonly createdAt: string
}

/** A handle that a directory may name for an account already, while its row has another one. */
export interface HandleChange {
  readonly did: Did
  readonly handle: Handle
}
