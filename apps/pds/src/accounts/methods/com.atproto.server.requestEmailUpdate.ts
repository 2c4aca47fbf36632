import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoServerRequestEmailUpdate } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { CLOSED } from '../../auth/needs.ts'
import { MAIL_LIMITS } from '../../limits/rate-limits.ts'
import type { Letters } from '../letters.ts'

/** Mails the code that `updateEmail` needs, which is only so when the present address is confirmed. */
export function requestEmailUpdate(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountRows,
  letters: Letters,
): void {
  router.add(ComAtprotoServerRequestEmailUpdate.main, {
    ...accountMethod(authorizer, { full: true, deactivated: true, oauth: CLOSED }),
    rateLimit: MAIL_LIMITS,
    handler: async ({ auth }) => {
      const account = (await accounts.get(auth.did))!
      const tokenRequired = account.emailConfirmedAt !== null
      if (tokenRequired) await letters.sendCode(account, 'update-email')
      return { tokenRequired }
    },
  })
}
