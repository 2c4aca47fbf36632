import { ComAtprotoServerCreateInviteCode } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { applyChanges, type AccountWriter } from '../changes.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import type { Invites } from '../invites.ts'

/** Makes an invite code. For the operator. */
export function createInviteCode(
  router: Router,
  authorizer: Authorizer,
  store: AccountWriter,
  invites: Invites,
): void {
  router.add(ComAtprotoServerCreateInviteCode.main, {
    auth: (context) => authorizer.admin(context),
    handler: async ({ input: { useCount, forAccount = 'admin' } }) => {
      const made = invites.making({ useCount, forAccount, createdBy: 'admin' })
      await applyChanges(store, [made])
      return { code: made.code }
    },
  })
}
