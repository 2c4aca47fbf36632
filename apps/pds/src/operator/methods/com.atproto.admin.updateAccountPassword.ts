import { ComAtprotoAdminUpdateAccountPassword } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { Credentials } from '../../accounts/credentials.ts'

/** Sets an account's password and ends its sessions. */
export function updateAccountPassword(
  router: Router,
  authorizer: Authorizer,
  credentials: Credentials,
): void {
  router.add(ComAtprotoAdminUpdateAccountPassword.main, {
    auth: (context) => authorizer.admin(context),
    handler: async ({ input }) => {
      await credentials.setPassword(input.did, input.password)
    },
  })
}
