import { ComAtprotoServerDeleteAccount } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Credentials } from '../credentials.ts'
import type { EmailTokens } from '../email-tokens.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { LoginBrake } from '../login-brake.ts'
import { DELETE_ACCOUNT_LIMIT } from '../../limits/rate-limits.ts'

/** Deletes an account: whoever knows its password and the mailed code. */
export function deleteAccount(
  router: Router,
  credentials: Credentials,
  emailTokens: EmailTokens,
  lifecycle: Lifecycle,
  brake: LoginBrake,
): void {
  router.add(ComAtprotoServerDeleteAccount.main, {
    rateLimit: DELETE_ACCOUNT_LIMIT,
    handler: async ({ input, address }) => {
      // Who has the password alone is not known to be the owner.
      await brake.guard(input.did, address, async () => {
        await credentials.requirePassword(input.did, input.password)
        await emailTokens.check('delete-account', input.token, input.did)
      })
      // The code goes with the account.
      await lifecycle.remove(input.did)
    },
  })
}
