// What the methods share: saying whether an account is active.

import { XrpcError } from '@avocet/xrpc'
import type { AccountRow } from '../queries/records.ts'

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
