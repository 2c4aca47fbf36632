import { ComAtprotoServerActivateAccount } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { CLOSED } from '../../auth/needs.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { ACTIVATE_LIMIT } from '../../limits/rate-limits.ts'
import type { DocumentChecks } from '../../identity/document-checks.ts'

/**
 * Turns the caller's account on, once its DID document sends the world here. One that is on is announced again, which puts
 * relays right that are out of step with it.
 */
export function activateAccount(
  router: Router,
  authorizer: Authorizer,
  lifecycle: Lifecycle,
  documents: DocumentChecks,
): void {
  router.add(ComAtprotoServerActivateAccount.main, {
    ...accountMethod(authorizer, { full: true, deactivated: true, oauth: CLOSED }),
    rateLimit: ACTIVATE_LIMIT,
    handler: async ({ auth }) => {
      await documents.require(auth.did)
      await lifecycle.activate(auth.did)
    },
  })
}
