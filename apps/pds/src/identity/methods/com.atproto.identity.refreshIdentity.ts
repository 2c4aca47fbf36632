import { ComAtprotoIdentityRefreshIdentity } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { ANY_APP } from '../../auth/needs.ts'
import type { ResolveActor } from '../actors.ts'

/** The same as resolveIdentity, asked anew instead of from a cache. */
export function refreshIdentity(router: Router, authorizer: Authorizer, resolve: ResolveActor): void {
  router.add(ComAtprotoIdentityRefreshIdentity.main, {
    ...accountMethod(authorizer, { deactivated: true, oauth: ANY_APP }),
    handler: ({ input }) => resolve(input.identifier, true),
  })
}
