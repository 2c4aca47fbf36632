import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoServerRequestPasswordReset } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { passwordResetLimits } from '../../limits/rate-limits.ts'
import type { PasswordResets } from '../password-resets.ts'

/** Mails a code to choose a new password with. Neither the answer nor its time tells whether there is such an account. */
export function requestPasswordReset(router: Router, accounts: AccountRows, resets: PasswordResets): void {
  router.add(ComAtprotoServerRequestPasswordReset.main, {
    rateLimit: passwordResetLimits(accounts),
    handler: async ({ input }) => {
      await resets.ask(input.email)
    },
  })
}
