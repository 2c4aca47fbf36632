import type { Did } from '@avocet/syntax'

import type { AccountChange, Outcome } from './change.ts'
import type {
  Account,
  AppPassword,
  Challenge,
  Factor,
  HandleChange,
  InviteCode,
  MailedCode,
  PlannedDeletion,
  ReservedKey,
  Session,
} from './rows.ts'

/** A value, or a promise of it: stores that have the answer at hand give it at once. */
export type Awaitable<T> = T | Promise<T>

/** Accounts. Handles and addresses are found in any case of letters. */
export interface AccountRows {
  get(did: Did): Awaitable<Account | null>
  byHandle(handle: string): Awaitable<Account | null>
  byEmail(email: string): Awaitable<Account | null>
  /** Those with a DID above `after`, in order of DID. @param options.email a part of their addresses */
  list(options: { after: string; limit: number; email?: string }): Awaitable<Account[]>
  /**
   * Those whose DID, handle or address begins with `prefix` (in lower case) and is above `after` (empty: from the first), in order of it.
   * Found by an index: what it costs grows with `limit` alone.
   */
  search(options: {
    by: 'did' | 'handle' | 'email'
    prefix: string
    after: string
    limit: number
  }): Awaitable<Account[]>
  /** Every DID, in order. */
  dids(): Awaitable<Did[]>
  count(): Awaitable<number>
  /** Deactivated accounts to be removed until a time, the first to go first. */
  plannedDeletions(until: string): Awaitable<PlannedDeletion[]>
}

/** What only some parts of a server should read. Null where there is no account. */
export interface AccountSecrets {
  passwordHash(did: Did): Awaitable<string | null>
  signingKey(did: Did): Awaitable<Uint8Array | null>
  /** The JSON text of its preferences, `[]` at first. */
  preferences(did: Did): Awaitable<string | null>
}

/** Refresh tokens, also those that are over. */
export interface SessionRows {
  get(id: string): Awaitable<Session | null>
  /** In order of id. */
  list(did: Did): Awaitable<Session[]>
}

/** App passwords. */
export interface AppPasswordRows {
  get(did: Did, name: string): Awaitable<AppPassword | null>
  /** In the order in which they were made. */
  list(did: Did): Awaitable<AppPassword[]>
  byHash(did: Did, passwordHash: string): Awaitable<AppPassword | null>
  hashes(did: Did): Awaitable<string[]>
}

/** Invite codes. */
export interface InviteRows {
  get(code: string): Awaitable<InviteCode | null>
  /** Those made for an account, in the order in which they were made. */
  madeFor(account: string): Awaitable<InviteCode[]>
  /** The code that an account used first. */
  usedBy(did: Did): Awaitable<InviteCode | null>
  /** The newest, or the most used, first. @param options.after the code of the last entry of the page before */
  list(options: { sort: 'recent' | 'usage'; limit: number; after: string | null }): Awaitable<InviteCode[]>
}

/** Mailed codes, also those that are over, but for those sent to an address that the account has no more. */
export interface CodeRows {
  find(purpose: string, token: string): Awaitable<MailedCode | null>
  /** The newest first. */
  list(did: Did, purpose: string): Awaitable<MailedCode[]>
}

/** Signing keys reserved for accounts to come. */
export interface ReservedKeyRows {
  get(did: Did): Awaitable<ReservedKey | null>
}

/** Handles on their way into a directory. */
export interface HandleChangeRows {
  get(did: Did): Awaitable<HandleChange | null>
  list(): Awaitable<HandleChange[]>
}

/** What owners show when they sign in, beside a password or in its place. */
export interface FactorRows {
  get(id: string): Awaitable<Factor | null>
  /** In the order in which they were made. */
  list(did: Did): Awaitable<Factor[]>
  /** How many recovery codes are left. */
  recoveryCodes(did: Did): Awaitable<number>
  /** Also one that is over. */
  challenge(id: string): Awaitable<Challenge | null>
}

/** What can be read of a store. */
export interface AccountReads {
  readonly accounts: AccountRows
  readonly secrets: AccountSecrets
  readonly sessions: SessionRows
  readonly appPasswords: AppPasswordRows
  readonly invites: InviteRows
  readonly codes: CodeRows
  readonly factors: FactorRows
  readonly reservedKeys: ReservedKeyRows
  readonly handleChanges: HandleChangeRows
}

/**
 * The accounts of a server. Reads are of the last commit, which may not be on the disk yet. Every implementation passes `test/store-conformance.ts`.
 */
export interface AccountStore extends AccountReads {
  /** Applies changes in one transaction: all, or none. Resolves when that is durable, and with it all that was read before. */
  apply(changes: readonly AccountChange[]): Promise<Outcome>
}

/** Reads that answer at once, whatever `T` allows. */
export type AtOnce<T> = T extends (...args: infer A) => infer R
  ? (...args: A) => Awaited<R>
  : { readonly [K in keyof T]: AtOnce<T[K]> }
