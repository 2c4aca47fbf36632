import { ComAtprotoAdminDisableInviteCodes } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { applyChanges, type AccountWriter } from '../../accounts/changes.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import type { ServiceCallers } from '../../auth/service-callers.ts'
import { PdsError } from '../../errors.ts'

/** Makes invite codes unusable, by code or by the account that holds them. */
export function disableInviteCodes(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  store: AccountWriter,
): void {
  router.add(ComAtprotoAdminDisableInviteCodes.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: ({ input }) => {
      const { codes = [], accounts = [] } = input
      if (accounts.includes('admin'))
        throw new PdsError('invalid-request', 'cannot disable admin invite codes')
      return applyChanges(store, [{ type: 'disableInvites', codes, accounts }])
    },
  })
}
