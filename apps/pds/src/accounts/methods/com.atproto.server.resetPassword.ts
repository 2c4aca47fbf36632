import { ComAtprotoServerResetPassword } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Credentials } from '../credentials.ts'
import type { EmailTokens } from '../email-tokens.ts'
import type { LoginBrake } from '../login-brake.ts'
import { aboutAccount } from '../../audit/audited-router.ts'
import { RESET_PASSWORD_LIMIT } from '../../limits/rate-limits.ts'

/** Sets a new password with a mailed code. */
export function resetPassword(
  router: Router,
  emailTokens: EmailTokens,
  credentials: Credentials,
  brake: LoginBrake,
): void {
  router.add(ComAtprotoServerResetPassword.main, {
    rateLimit: RESET_PASSWORD_LIMIT,
    handler: async (context) => {
      const { input } = context
      const did = await emailTokens.check('reset-password', input.token)
      aboutAccount(context, did)
      await credentials.setPassword(did, input.password, input.token)
      // Who reads the owner's mail here may sign in from here, whoever else is guessing.
      await brake.trust(did, context.address)
    },
  })
}
