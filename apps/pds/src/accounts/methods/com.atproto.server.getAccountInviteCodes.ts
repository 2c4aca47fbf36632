import type { AccountStore } from '@avocet/accounts'
import { ComAtprotoServerGetAccountInviteCodes } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { CLOSED } from '../../auth/needs.ts'
import { toInviteView } from '../views.ts'

/** The invite codes the caller may hand out. */
export function getAccountInviteCodes(
  router: Router,
  authorizer: Authorizer,
  store: Pick<AccountStore, 'invites'>,
): void {
  router.add(ComAtprotoServerGetAccountInviteCodes.main, {
    ...accountMethod(authorizer, { full: true, deactivated: true, oauth: CLOSED }),
    handler: async ({ params, auth }) => ({
      codes: (await store.invites.madeFor(auth.did))
        .filter((invite) => !invite.disabled && (params.includeUsed || invite.uses.length < invite.available))
        .map(toInviteView),
    }),
  })
}
