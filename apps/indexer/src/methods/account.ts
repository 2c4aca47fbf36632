// What the methods share: finding an account, and saying whether it is active.

import { XrpcError } from '@avocet/xrpc'
import type { Identities } from '../identity/identities.ts'
import type { AccountRow, RecordReader } from '../queries/records.ts'

/** Finds an account by DID or handle; null when it is not indexed. */
export type FindAccount = (actor: string) => Promise<AccountRow | null>

/** Looks in the index first; a handle that is not there is resolved (both ways) and looked up by its DID. */
export function createFindAccount(records: RecordReader, identities: Identities): FindAccount {
  return async (actor) => {
    const known = records.account(actor)
    if (known !== null || actor.startsWith('did:')) return known
    const did = await identities.resolveHandle(actor)
    return did === null ? null : records.account(did)
  }
}

/** @throws XrpcError `RepoNotFound`, `RepoTakendown`, `RepoSuspended`, `RepoDeactivated` */
export function requireActive(account: AccountRow | null, actor: string): AccountRow {
  if (account === null || account.status === 'deleted') {
    throw new XrpcError(400, 'RepoNotFound', `Could not find repo: ${actor}`)
  }
  if (account.status === null) return account
  const name =
    account.status === 'takendown'
      ? 'RepoTakendown'
      : account.status === 'suspended'
        ? 'RepoSuspended'
        : 'RepoDeactivated'
  throw new XrpcError(400, name, `The account is not active: ${actor}`)
}

/** `active` and `status` as the sync lexicons have them; `stored` is null for an active account. */
export function hostingStatus(stored: string | null): { active: boolean; status?: string } {
  return stored === null ? { active: true } : { active: false, status: stored }
}
