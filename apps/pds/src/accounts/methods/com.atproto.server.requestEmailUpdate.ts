import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoServerRequestEmailUpdate } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
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
    auth: (context) => authorizer.access(context, { full: true, deactivated: true }),
    rateLimit: MAIL_LIMITS,
    handler: async ({ auth }) => {
      const account = (await accounts.get(auth.did))!
      const tokenRequired = account.emailConfirmedAt !== null
      if (tokenRequired) await letters.sendCode(account, 'update-email')
      return { tokenRequired }
    },
  })
}
