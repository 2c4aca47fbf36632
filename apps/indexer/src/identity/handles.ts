// Handles of accounts: stored when they are verified, verified again when somebody asks and a day is over.

import type { Database } from '@avocet/sqlite'
import type { AccountRow, RecordReader } from '../queries/records.ts'
import type { Identities } from './identities.ts'

/** How long a verified handle is believed. */
const HANDLE_TTL_MS = 24 * 3_600_000

/** Finds an account by DID or handle; null when it is not indexed. */
export type FindAccount = (actor: string) => Promise<AccountRow | null>

/**
 * Looks in the index first. A handle that is not there, or was verified too long ago, is resolved both ways; what cannot be
 * looked up now is as it was.
 */
export function createFindAccount(options: {
  readonly db: Database
  readonly records: RecordReader
  readonly identities: Pick<Identities, 'resolveHandle'>
  readonly now: () => number
}): FindAccount {
  const { db, records, identities, now } = options

  const checkedAt = (did: string): number => {
    const row = db.prepare('SELECT handle_checked_at AS at FROM accounts WHERE did = ?').get(did)
    return (row?.['at'] as number | null | undefined) ?? 0
  }

  /** One account at a time has a handle. */
  const store = (handle: string, did: string | null): Promise<void> =>
    db.write(() => {
      db.prepare(
        'UPDATE accounts SET handle = NULL, handle_checked_at = ? WHERE handle = ? AND did IS NOT ?',
      ).run(now(), handle, did)
      if (did === null) return
      db.prepare('UPDATE accounts SET handle = ?, handle_checked_at = ? WHERE did = ?').run(
        handle,
        now(),
        did,
      )
    })

  return async (actor) => {
    const known = records.account(actor)
    if (actor.startsWith('did:')) return known
    if (known !== null && now() - checkedAt(known.did) < HANDLE_TTL_MS) return known
    const handle = actor.toLowerCase()
    const did = await identities.resolveHandle(handle)
    if (did === undefined) return known
    if (known !== null || did !== null) await store(handle, did)
    return did === null ? null : records.account(did)
  }
}
