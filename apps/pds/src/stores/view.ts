import type { AccountReads, Awaitable } from '@avocet/accounts'
import type { CID } from '@avocet/data'
import type { Did } from '@avocet/syntax'

import type { AuditReads } from './audit-rows.ts'

/** A repository as its rows tell it, at one moment. */
export interface RepoView {
  readonly rev: string
  readonly head: CID
  /** Its blocks as an archive, the commit first. */
  car(): AsyncIterable<Uint8Array>
  /** CIDs by path, as the rows of its records say. */
  rows(): Awaitable<Map<string, string>>
  /** Frames of the events about it that are still in the log, the newest first. */
  frames(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>
}

/**
 * What can be looked at beside a running server, or without one. Nothing is made, upgraded or changed. The first three say what
 * they found, and throw what is wrong.
 */
export interface StoresView extends AsyncDisposable {
  readonly accounts: AccountReads['accounts']
  readonly secrets: AccountReads['secrets']
  readonly audit: AuditReads
  /** The database by itself. @param deep every index too */
  pages(deep: boolean): Awaitable<string>
  /** Rows that others refer to. */
  references(): Awaitable<string>
  /** The log against its counters. */
  eventLog(): Awaitable<string>
  /** So many accounts, by chance. */
  sample(count: number): Awaitable<Did[]>
  blobs(did: Did): Awaitable<{ readonly cid: string; readonly size: number }[]>
  /** Shows a repository to `look` as it is now; null if there is none. */
  repository<T>(did: Did, look: (repo: RepoView | null) => Promise<T>): Promise<T>
}
