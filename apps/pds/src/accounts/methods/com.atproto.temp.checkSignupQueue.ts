import { ComAtprotoTempCheckSignupQueue } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'

/** There is no queue: an account is there as soon as it is made. */
export function checkSignupQueue(router: Router, authorizer: Authorizer): void {
  router.add(ComAtprotoTempCheckSignupQueue.main, {
    auth: (context) => authorizer.access(context, { deactivated: true }),
    handler: () => ({ activated: true }),
  })
}
