import type { Account } from '@avocet/accounts'
import type { Handle } from '@avocet/syntax'

export type { Account } from '@avocet/accounts'

/** Why an account is not served; https://atproto.com/specs/account */
export type InactiveStatus = 'deactivated' | 'takendown'

/** The account's hosting status; a takedown outranks a deactivation. */
export function accountStatus(
  account: Pick<Account, 'takedownRef' | 'deactivatedAt'>,
): { active: true } | { active: false; status: InactiveStatus } {
  if (account.takedownRef !== null) return { active: false, status: 'takendown' }
  if (account.deactivatedAt !== null) return { active: false, status: 'deactivated' }
  return { active: true }
}

/** The same in one word. */
export function hostingStatus(
  account: Pick<Account, 'takedownRef' | 'deactivatedAt'>,
): 'active' | InactiveStatus {
  const status = accountStatus(account)
  return status.active ? 'active' : status.status
}

/** The handle to show: an account that lost its handle shows as `handle.invalid`. */
export function shownHandle(account: Account): Handle {
  return account.handle ?? 'handle.invalid'
}
