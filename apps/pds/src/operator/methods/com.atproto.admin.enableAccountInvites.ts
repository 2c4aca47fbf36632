import { ComAtprotoAdminEnableAccountInvites } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { applyChanges, type AccountWriter } from '../../accounts/changes.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import type { ServiceCallers } from '../../auth/service-callers.ts'

/** Lets an account hand out invite codes again. */
export function enableAccountInvites(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  store: AccountWriter,
): void {
  router.add(ComAtprotoAdminEnableAccountInvites.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: ({ input }) =>
      applyChanges(
        store,
        [
          {
            type: 'updateAccount',
            did: input.account,
            set: { invitesDisabled: false, inviteNote: input.note ?? null },
          },
        ],
        ['account-not-found'],
      ),
  })
}
