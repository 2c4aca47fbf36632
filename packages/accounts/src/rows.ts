import type { Did, Handle } from '@avocet/syntax'

/** An account, without its secrets. Times are ISO 8601 texts, kept as they were given. */
export interface Account {
  readonly did: Did
  /** In lower case. Null when its handle went to another account. */
  readonly handle: Handle | null
  /** In lower case. */
  readonly email: string | null
  readonly emailConfirmedAt: string | null
  /** Whether signing in with the password takes a code that is mailed to the address. */
  readonly emailAuthFactor: boolean
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

/** Something that its owner has, and shows when they sign in. */
export interface Factor {
  /** Unlike that of all others. Of a passkey the id of its credential, in base64url. */
  readonly id: string
  readonly did: Did
  readonly kind: FactorKind
  /** As its owner calls it. */
  readonly name: string
  /** Of a passkey its public key; of an authenticator app its secret, sealed by whoever hands it in. */
  readonly secret: Uint8Array
  /** What only goes up: the signature counter of a passkey, the time step of the last code of an app. */
  readonly counter: number
  /** How browsers reach a passkey, by the names of WebAuthn. */
  readonly transports: readonly string[]
  readonly createdAt: string
  readonly lastUsedAt: string | null
}

/** A passkey, or an app that makes codes by the time (RFC 6238). */
export type FactorKind = 'passkey' | 'totp'

/** Something that was begun and waits for an answer: a sign-in, or a factor that is being set up. */
export interface Challenge {
  readonly id: string
  /** Null where it is not known yet who answers. */
  readonly did: Did | null
  readonly purpose: string
  /** Who may answer, in the words of whoever began it. */
  readonly binding: string
  /** What is to be signed, or a sealed secret. */
  readonly secret: Uint8Array
  /** Answers so far. */
  readonly tries: number
  /** ms since 1970: then it is over. */
  readonly expiresAt: number
}
