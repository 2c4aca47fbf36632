import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoServerRequestPasswordReset } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { passwordResetLimits } from '../../limits/rate-limits.ts'
import type { Letters } from '../letters.ts'

/** Mails a code to choose a new password with. Neither the answer nor its time tells whether there is such an account. */
export function requestPasswordReset(router: Router, accounts: AccountRows, letters: Letters): void {
  router.add(ComAtprotoServerRequestPasswordReset.main, {
    rateLimit: passwordResetLimits(accounts),
    handler: async ({ input }) => {
      const account = await accounts.byEmail(input.email.trim())
      if (account !== null) letters.sendCodeLater(account, 'reset-password')
    },
  })
}
