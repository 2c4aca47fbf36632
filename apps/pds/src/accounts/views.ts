import type { ComAtprotoAdminDefs, ComAtprotoServerDefs } from '@avocet/lexicons/com.atproto'
import type { Did } from '@avocet/syntax'

import { shownHandle } from './account.ts'
import type { AccountStore } from './account-store.ts'
import type { InviteCode, Invites } from './invites.ts'

/** An account as the operator sees it; null if there is none. */
export type AccountView = (did: Did) => ComAtprotoAdminDefs.AccountView | null

type Datetime = `${string}T${string}`

/** A view that tells who invited an account and whom it may invite. */
export function createAccountView(accounts: AccountStore, invites: Invites): AccountView {
  return (did) => {
    const account = accounts.get(did)
    if (account === null) return null
    const invitedBy = invites.usedBy(did)
    return {
      did,
      handle: shownHandle(account),
      ...(account.email === null ? {} : { email: account.email }),
      indexedAt: account.createdAt as Datetime,
      ...(invitedBy === null ? {} : { invitedBy: toInviteView(invitedBy) }),
      invites: invites.forAccount(did).map(toInviteView),
      invitesDisabled: account.invitesDisabled,
      ...(account.inviteNote === null ? {} : { inviteNote: account.inviteNote }),
      ...(account.emailConfirmedAt === null
        ? {}
        : { emailConfirmedAt: account.emailConfirmedAt as Datetime }),
      ...(account.deactivatedAt === null ? {} : { deactivatedAt: account.deactivatedAt as Datetime }),
    }
  }
}

/** An invite code in the form of the lexicon. */
export function toInviteView(invite: InviteCode): ComAtprotoServerDefs.InviteCode {
  return {
    ...invite,
    createdAt: invite.createdAt as Datetime,
    uses: invite.uses.map(({ usedBy, usedAt }) => ({ usedBy: usedBy as Did, usedAt: usedAt as Datetime })),
  }
}
