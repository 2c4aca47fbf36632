import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoIdentityResolveHandle } from '@avocet/lexicons/com.atproto'
import { normalizeHandle } from '@avocet/syntax'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import { PdsError } from '../../errors.ts'
import type { ResolveHandle } from '../../outbound/outbound.ts'
import type { HandlePolicy } from '../handles.ts'

/** The DID a handle points at: of an account here, or resolved by DNS and HTTPS. */
export function resolveHandle(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountRows,
  policy: HandlePolicy,
  resolve: ResolveHandle,
): void {
  router.add(ComAtprotoIdentityResolveHandle.main, async (context) => {
    const handle = normalizeHandle(context.params.handle)
    const own = await accounts.byHandle(handle)
    // One that is taken down has no name but for the operator; one that is deactivated may bear it elsewhere.
    if (own !== null && own.takedownRef !== null && !authorizer.isAdmin(context))
      throw new PdsError('handle-not-found', 'Unable to resolve handle')
    const did = own?.did ?? (policy.isLocal(handle) ? null : await resolve(handle))
    if (did === null) throw new PdsError('handle-not-found', 'Unable to resolve handle')
    return { did }
  })
}
