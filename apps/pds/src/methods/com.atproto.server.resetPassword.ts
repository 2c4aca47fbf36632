import { ComAtprotoServerResetPassword } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Credentials } from '../accounts/credentials.ts'
import type { EmailTokens } from '../accounts/email-tokens.ts'
import { RESET_PASSWORD_LIMIT } from '../http/rate-limits.ts'

/** Sets a new password with a mailed code. */
export function resetPassword(router: Router, emailTokens: EmailTokens, credentials: Credentials): void {
  router.add(ComAtprotoServerResetPassword.main, {
    rateLimit: RESET_PASSWORD_LIMIT,
    handler: async ({ input }) => {
      const did = emailTokens.check('reset-password', input.token)
      const spend = (): void => emailTokens.spend('reset-password', input.token, did)
      await credentials.setPassword(did, input.password, spend)
    },
  })
}
