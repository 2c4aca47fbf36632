import { ComAtprotoServerCreateInviteCode } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { Database } from '@avocet/sqlite'

import type { Authorizer } from '../accounts/authorizer.ts'
import type { Invites } from '../accounts/invites.ts'

/** Makes an invite code. For the operator. */
export function createInviteCode(
  router: Router,
  authorizer: Authorizer,
  db: Database,
  invites: Invites,
): void {
  router.add(ComAtprotoServerCreateInviteCode.main, {
    auth: (context) => authorizer.admin(context),
    handler: ({ input }) =>
      db.write(() => ({
        code: invites.create({
          useCount: input.useCount,
          forAccount: input.forAccount ?? 'admin',
          createdBy: 'admin',
        }),
      })),
  })
}
