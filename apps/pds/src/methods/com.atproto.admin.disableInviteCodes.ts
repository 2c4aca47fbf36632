import { ComAtprotoAdminDisableInviteCodes } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { Database } from '@avocet/sqlite'

import type { Authorizer } from '../accounts/authorizer.ts'
import type { ServiceCallers } from '../accounts/service-callers.ts'
import type { Invites } from '../accounts/invites.ts'
import { PdsError } from '../errors.ts'

/** Makes invite codes unusable, by code or by the account that holds them. */
export function disableInviteCodes(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  db: Database,
  invites: Invites,
): void {
  router.add(ComAtprotoAdminDisableInviteCodes.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: ({ input }) => {
      const { codes = [], accounts = [] } = input
      if (accounts.includes('admin'))
        throw new PdsError('invalid-request', 'cannot disable admin invite codes')
      return db.write(() => invites.disable(codes, accounts))
    },
  })
}
