import { ComAtprotoServerDeactivateAccount } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../accounts/authorizer.ts'
import type { Lifecycle } from '../accounts/lifecycle.ts'

/** Turns the caller's account off; with `deleteAfter` it is removed at that time. */
export function deactivateAccount(router: Router, authorizer: Authorizer, lifecycle: Lifecycle): void {
  router.add(ComAtprotoServerDeactivateAccount.main, {
    auth: (context) => authorizer.access(context, { full: true, deactivated: true }),
    handler: ({ input, auth }) => {
      const { deleteAfter } = input
      return lifecycle.deactivate(
        auth.did,
        deleteAfter === undefined ? null : new Date(deleteAfter).toISOString(),
      )
    },
  })
}
