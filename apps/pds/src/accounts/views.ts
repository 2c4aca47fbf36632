import type { AccountStore, InviteCode } from '@avocet/accounts'
import type { ComAtprotoAdminDefs, ComAtprotoServerDefs } from '@avocet/lexicons/com.atproto'
import type { Did } from '@avocet/syntax'

import { shownHandle } from '../account.ts'

/** An account as the operator sees it; null if there is none. */
export type AccountView = (did: Did) => Promise<ComAtprotoAdminDefs.AccountView | null>

type Datetime = `${string}T${string}`

/** A view that tells who invited an account and whom it may invite. */
export function createAccountView(store: Pick<AccountStore, 'accounts' | 'invites'>): AccountView {
  return async (did) => {
    const account = await store.accounts.get(did)
    if (account === null) return null
    const invitedBy = await store.invites.usedBy(did)
    return {
      did,
      handle: shownHandle(account),
      ...(account.email === null ? {} : { email: account.email }),
      indexedAt: account.createdAt as Datetime,
      ...(invitedBy === null ? {} : { invitedBy: toInviteView(invitedBy) }),
      invites: (await store.invites.madeFor(did)).map(toInviteView),
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
