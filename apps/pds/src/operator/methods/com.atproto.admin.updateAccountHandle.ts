import { ComAtprotoAdminUpdateAccountHandle } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { HandleChanges } from '../../accounts/handle-changes.ts'

/** Gives an account another handle; names kept for the operator are allowed. */
export function updateAccountHandle(router: Router, authorizer: Authorizer, changes: HandleChanges): void {
  router.add(ComAtprotoAdminUpdateAccountHandle.main, {
    auth: (context) => authorizer.admin(context),
    handler: ({ input }) => changes.change(input.did, input.handle, true),
  })
}
