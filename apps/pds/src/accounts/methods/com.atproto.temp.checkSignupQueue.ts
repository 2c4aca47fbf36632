import { ComAtprotoTempCheckSignupQueue } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { CLOSED } from '../../auth/needs.ts'

/** There is no queue: an account is there as soon as it is made. */
export function checkSignupQueue(router: Router, authorizer: Authorizer): void {
  router.add(ComAtprotoTempCheckSignupQueue.main, {
    ...accountMethod(authorizer, { deactivated: true, oauth: CLOSED }),
    handler: () => ({ activated: true }),
  })
}
