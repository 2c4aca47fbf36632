import { ComAtprotoServerGetAccountInviteCodes } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../accounts/authorizer.ts'
import type { Invites } from '../accounts/invites.ts'
import { toInviteView } from '../accounts/views.ts'

/** The invite codes the caller may hand out. */
export function getAccountInviteCodes(router: Router, authorizer: Authorizer, invites: Invites): void {
  router.add(ComAtprotoServerGetAccountInviteCodes.main, {
    auth: (context) => authorizer.access(context, { full: true, deactivated: true }),
    handler: ({ params, auth }) => ({
      codes: invites
        .forAccount(auth.did)
        .filter((invite) => !invite.disabled && (params.includeUsed || invite.uses.length < invite.available))
        .map(toInviteView),
    }),
  })
}
