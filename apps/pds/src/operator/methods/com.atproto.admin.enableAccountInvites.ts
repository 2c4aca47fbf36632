import { ComAtprotoAdminEnableAccountInvites } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { AccountWriter } from '../../accounts/changes.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import type { ServiceCallers } from '../../auth/service-callers.ts'
import { setAccountInvites } from '../account-invites.ts'

/** Lets an account hand out invite codes again. */
export function enableAccountInvites(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  store: AccountWriter,
): void {
  router.add(ComAtprotoAdminEnableAccountInvites.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: ({ input }) => setAccountInvites(store, input, false),
  })
}
