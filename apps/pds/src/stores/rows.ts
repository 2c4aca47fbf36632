/** What this app keeps beside accounts and repositories. Each interface has a SQLite and a Postgres version, and one suite. */
import type { Awaitable } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

/** Bounds of one account as the operator set them: null stands for the setting of the server, 0 for none. */
export interface QuotaRow {
  readonly blobBytes: number | null
  readonly records: number | null
}

/** Those to set; what is not named stays. */
export interface QuotaChange {
  readonly blobBytes?: number | null
  readonly records?: number | null
}

/** Bounds of single accounts. They are set by an `AppChange`. */
export interface QuotaRows {
  /** Null for an account without bounds of its own. Another process may have set them up to ten seconds ago. */
  get(did: Did): Awaitable<QuotaRow | null>
}

/** Signing keys that are about to take the place of others. */
export interface RotationRows {
  /** The private key that the account is to have, not in use yet; null if there is none. */
  pending(did: Did): Awaitable<Uint8Array | null>
  /** Keeps `made` unless one is pending. Returns the one that is, which is durable then. */
  prepare(did: Did, made: Uint8Array): Promise<Uint8Array>
  /** Accounts with a pending key. */
  unfinished(): Awaitable<Did[]>
  /** When the signing key was rotated last, in ms since 1970; null if never. */
  rotatedAt(did: Did): Awaitable<number | null>
}

/** What time it was when the clock of a machine was believed last. It outlives the process. */
export interface BelievedClock {
  /** Ms since 1970; null if it never was. */
  last(): Awaitable<number | null>
  believe(now: number): Promise<void>
}

/** A profile or post as its row tells. */
export interface RecentRow {
  readonly collection: string
  readonly rkey: string
  readonly cid: string
  /** When it was written here, as an ISO 8601 time. */
  readonly indexedAt: string
}

/** Profiles and posts by the revision that wrote them. Nothing that was taken down is among them. */
export interface RecentRows {
  /** Those written after `rev`, the oldest first. */
  since(did: Did, rev: string, limit: number): Awaitable<RecentRow[]>
  /** Whether `rev` can be one of this repository: some record here is as old, looked for among the first. */
  isKnown(did: Did, rev: string): Awaitable<boolean>
  profile(did: Did): Awaitable<RecentRow | null>
}

/** How the database below does. */
export interface Vitals {
  /** Writes a row. @throws when it cannot be stored */
  touch(): Promise<void>
  /** The file of the database, whose disk may fill up; null where it is elsewhere. */
  readonly file: string | null
  /** Writes that are not durable yet. */
  pendingWrites(): number
  /** Bytes of all blobs, summed up aside. */
  blobBytes(): Promise<number>
}

/** Blobs, all together. */
export interface BlobTotals {
  readonly bytes: number
  readonly count: number
  /** The accounts with the most bytes, the largest first. */
  readonly largest: readonly { readonly did: Did; readonly bytes: number }[]
}

/** Sums over all accounts. They take a while, and are made aside, so that nobody waits for them who does not ask. */
export interface Totals {
  accounts(): Promise<number>
  /** @param largest how many accounts to name */
  blobs(largest: number): Promise<BlobTotals>
}

/** What the processes of one server have to agree on: fingerprints by name, never secrets. */
export interface ServerNotes {
  get(name: string): Promise<string | null>
  /** Notes a value unless there is one. Returns the one that is there then. */
  claim(name: string, value: string): Promise<string>
  set(name: string, value: string): Promise<void>
}
