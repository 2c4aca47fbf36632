import { ComAtprotoAdminDeleteAccount } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { Lifecycle } from '../../accounts/lifecycle.ts'

/** Deletes an account. */
export function adminDeleteAccount(router: Router, authorizer: Authorizer, lifecycle: Lifecycle): void {
  router.add(ComAtprotoAdminDeleteAccount.main, {
    auth: (context) => authorizer.admin(context),
    handler: ({ input }) => lifecycle.remove(input.did),
  })
}
