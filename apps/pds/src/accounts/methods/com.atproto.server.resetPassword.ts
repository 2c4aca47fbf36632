import { ComAtprotoServerResetPassword } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { aboutAccount } from '../../audit/audited-router.ts'
import { RESET_PASSWORD_LIMIT } from '../../limits/rate-limits.ts'
import type { PasswordResets } from '../password-resets.ts'

/** Sets a new password with a mailed code. */
export function resetPassword(router: Router, resets: PasswordResets): void {
  router.add(ComAtprotoServerResetPassword.main, {
    rateLimit: RESET_PASSWORD_LIMIT,
    handler: async (context) => {
      const { token, password } = context.input
      await resets.reset(token, password, context.address, (did) => aboutAccount(context, did))
    },
  })
}
