import { ComAtprotoIdentityUpdateHandle } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { granted } from '../../auth/needs.ts'
import { UPDATE_HANDLE_LIMITS } from '../../limits/rate-limits.ts'
import type { HandleChanges } from '../handle-changes.ts'

/** Gives the caller another handle; an app password may ask for it, as tools for handles do. */
export function updateHandle(router: Router, authorizer: Authorizer, changes: HandleChanges): void {
  router.add(ComAtprotoIdentityUpdateHandle.main, {
    ...accountMethod(authorizer, {
      deactivated: true,
      oauth: granted({ resource: 'identity', attr: 'handle' }),
    }),
    rateLimit: UPDATE_HANDLE_LIMITS,
    handler: ({ input, auth }) => changes.change(auth.did, input.handle, false),
  })
}
