import { ComAtprotoServerUpdateEmail } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import type { Credentials } from '../accounts/credentials.ts'
import type { EmailTokens } from '../accounts/email-tokens.ts'
import { PdsError } from '../errors.ts'

/** Changes the caller's address; a confirmed one only with the code mailed to it. */
export function updateEmail(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  emailTokens: EmailTokens,
  credentials: Credentials,
): void {
  router.add(ComAtprotoServerUpdateEmail.main, {
    auth: (context) => authorizer.access(context, { full: true, deactivated: true }),
    handler: async ({ input, auth: { did } }) => {
      const { token } = input
      const spend = (): void => {
        if (accounts.get(did)?.emailConfirmedAt === null) return
        if (token === undefined) throw new PdsError('token-required', 'confirmation token required')
        emailTokens.spend('update-email', token, did)
      }
      await credentials.setEmail(did, input.email.trim(), spend)
    },
  })
}
