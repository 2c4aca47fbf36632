import { ComAtprotoAdminGetAccountInfo } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { ServiceCallers } from '../../auth/service-callers.ts'
import type { AccountView } from '../../accounts/views.ts'
import { PdsError } from '../../errors.ts'

/** What the operator may know of an account. */
export function getAccountInfo(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  accountView: AccountView,
): void {
  router.add(ComAtprotoAdminGetAccountInfo.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: async ({ params }) => {
      const view = await accountView(params.did)
      if (view === null) throw new PdsError('not-found', 'Account not found')
      return view
    },
  })
}
