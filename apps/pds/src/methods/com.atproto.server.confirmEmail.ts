import { ComAtprotoServerConfirmEmail } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { Database } from '@avocet/sqlite'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import type { EmailTokens } from '../accounts/email-tokens.ts'
import { PdsError } from '../errors.ts'

/** Confirms the caller's address with a mailed code. */
export function confirmEmail(
  router: Router,
  authorizer: Authorizer,
  db: Database,
  accounts: AccountStore,
  emailTokens: EmailTokens,
): void {
  router.add(ComAtprotoServerConfirmEmail.main, {
    auth: (context) => authorizer.access(context, { full: true, deactivated: true }),
    handler: async ({ input, auth: { did } }) => {
      if (accounts.get(did)?.email !== input.email.trim().toLowerCase()) {
        throw new PdsError('email-mismatch', 'invalid email')
      }
      await emailTokens.use(did, 'confirm-email', input.token)
      await db.write(() => accounts.update(did, { email_confirmed_at: new Date().toISOString() }))
    },
  })
}
