import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoAdminUpdateAccountEmail } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { Credentials } from '../../accounts/credentials.ts'
import { findAccount } from '../../auth/lookup.ts'
import { PdsError } from '../../errors.ts'

/** Sets an account's email address. */
export function updateAccountEmail(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountRows,
  credentials: Credentials,
): void {
  router.add(ComAtprotoAdminUpdateAccountEmail.main, {
    auth: (context) => authorizer.admin(context),
    handler: async ({ input }) => {
      const account = await findAccount(accounts, input.account)
      if (account === null) throw new PdsError('invalid-request', `Account does not exist: ${input.account}`)
      await credentials.setEmail(account.did, input.email)
    },
  })
}
