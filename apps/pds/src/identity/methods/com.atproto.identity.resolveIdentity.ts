import { ComAtprotoIdentityResolveIdentity } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { ResolveActor } from '../actors.ts'

/** DID, verified handle and DID document of anybody. */
export function resolveIdentity(router: Router, resolve: ResolveActor): void {
  router.add(ComAtprotoIdentityResolveIdentity.main, ({ params }) => resolve(params.identifier, false))
}
