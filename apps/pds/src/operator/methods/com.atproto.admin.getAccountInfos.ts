import { ComAtprotoAdminGetAccountInfos } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { ServiceCallers } from '../../auth/service-callers.ts'
import type { AccountView } from '../../accounts/views.ts'

/** What the operator may know of several accounts; those that are not here are left out. */
export function getAccountInfos(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  accountView: AccountView,
): void {
  router.add(ComAtprotoAdminGetAccountInfos.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: async ({ params }) => {
      const views = await Promise.all(params.dids.map(accountView))
      return { infos: views.filter((view) => view !== null) }
    },
  })
}
