import { ComAtprotoServerDeactivateAccount } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { CLOSED } from '../../auth/needs.ts'
import type { Deletions } from '../deletions.ts'
import { MAIL_LIMITS } from '../../limits/rate-limits.ts'

/** Turns the caller's account off; with `deleteAfter` it is removed at that time, or at the end of the hold if that is later. */
export function deactivateAccount(router: Router, authorizer: Authorizer, deletions: Deletions): void {
  router.add(ComAtprotoServerDeactivateAccount.main, {
    ...accountMethod(authorizer, { full: true, deactivated: true, takendown: true, oauth: CLOSED }),
    // A plan to delete is told by mail.
    rateLimit: MAIL_LIMITS.map((rule) => ({
      ...rule,
      cost: ({ input }: { input: unknown }) =>
        (input as ComAtprotoServerDeactivateAccount.Input).deleteAfter === undefined ? 0 : 1,
    })),
    handler: ({ input, auth }) => deletions.deactivate(auth.did, input.deleteAfter ?? null),
  })
}
