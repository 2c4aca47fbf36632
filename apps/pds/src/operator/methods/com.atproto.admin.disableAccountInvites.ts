import { ComAtprotoAdminDisableAccountInvites } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { AccountWriter } from '../../accounts/changes.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import type { ServiceCallers } from '../../auth/service-callers.ts'
import { setAccountInvites } from '../account-invites.ts'

/** Keeps an account from handing out invite codes. */
export function disableAccountInvites(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  store: AccountWriter,
): void {
  router.add(ComAtprotoAdminDisableAccountInvites.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: ({ input }) => setAccountInvites(store, input, true),
  })
}
