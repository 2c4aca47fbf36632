import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoServerRequestEmailConfirmation } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { granted } from '../../auth/needs.ts'
import { MAIL_LIMITS } from '../../limits/rate-limits.ts'
import type { Letters } from '../letters.ts'

/** Mails the code that `confirmEmail` needs. */
export function requestEmailConfirmation(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountRows,
  letters: Letters,
): void {
  router.add(ComAtprotoServerRequestEmailConfirmation.main, {
    ...accountMethod(authorizer, {
      deactivated: true,
      oauth: granted({ resource: 'account', attr: 'email', action: 'manage' }),
    }),
    rateLimit: MAIL_LIMITS,
    handler: async ({ auth }) => letters.sendCode((await accounts.get(auth.did))!, 'confirm-email'),
  })
}
