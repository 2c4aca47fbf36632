import { ComAtprotoIdentityRefreshIdentity } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { ResolveActor } from '../actors.ts'

/** The same as resolveIdentity, asked anew instead of from a cache. */
export function refreshIdentity(router: Router, authorizer: Authorizer, resolve: ResolveActor): void {
  router.add(ComAtprotoIdentityRefreshIdentity.main, {
    auth: (context) => authorizer.access(context, { deactivated: true }),
    handler: ({ input }) => resolve(input.identifier, true),
  })
}
