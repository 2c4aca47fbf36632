import type { Did } from '@avocet/syntax'

import { applyChanges, type AccountWriter } from '../accounts/changes.ts'

/** Lets an account hand out invite codes, or keeps it from doing so. @throws PdsError `account-not-found` */
export function setAccountInvites(
  store: AccountWriter,
  { account, note }: { readonly account: Did; readonly note?: string },
  invitesDisabled: boolean,
): Promise<void> {
  const set = { invitesDisabled, inviteNote: note ?? null }
  return applyChanges(store, [{ type: 'updateAccount', did: account, set }], ['account-not-found'])
}
