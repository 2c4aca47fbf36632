import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoServerRequestAccountDelete } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { CLOSED } from '../../auth/needs.ts'
import { MAIL_LIMITS } from '../../limits/rate-limits.ts'
import type { Letters } from '../letters.ts'

/** Mails the code that `deleteAccount` needs. */
export function requestAccountDelete(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountRows,
  letters: Letters,
): void {
  router.add(ComAtprotoServerRequestAccountDelete.main, {
    ...accountMethod(authorizer, { full: true, deactivated: true, takendown: true, oauth: CLOSED }),
    rateLimit: MAIL_LIMITS,
    handler: async ({ auth }) => letters.sendCode((await accounts.get(auth.did))!, 'delete-account'),
  })
}
