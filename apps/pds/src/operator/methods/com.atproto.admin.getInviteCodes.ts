import type { AccountStore } from '@avocet/accounts'
import { ComAtprotoAdminGetInviteCodes } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { ServiceCallers } from '../../auth/service-callers.ts'
import { toInviteView } from '../../accounts/views.ts'
import { PdsError } from '../../errors.ts'

/** All invite codes, newest or most used first. */
export function getInviteCodes(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  store: Pick<AccountStore, 'invites'>,
): void {
  router.add(ComAtprotoAdminGetInviteCodes.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: async ({ params }) => {
      const { sort, limit, cursor = null } = params
      const known = sort === 'usage' ? 'usage' : sort === 'recent' ? 'recent' : null
      if (known === null) throw new PdsError('invalid-request', `unknown sort method: ${sort}`)
      const page = await store.invites.list({ sort: known, limit, after: cursor })
      const last = page.length === limit ? page.at(-1)!.code : undefined
      return { codes: page.map(toInviteView), ...(last === undefined ? {} : { cursor: last }) }
    },
  })
}
