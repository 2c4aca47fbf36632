import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoServerConfirmEmail } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { granted } from '../../auth/needs.ts'
import type { Credentials } from '../credentials.ts'
import { PdsError } from '../../errors.ts'

/** Confirms the caller's address with a mailed code. */
export function confirmEmail(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountRows,
  credentials: Credentials,
): void {
  router.add(ComAtprotoServerConfirmEmail.main, {
    ...accountMethod(authorizer, {
      full: true,
      deactivated: true,
      oauth: granted({ resource: 'account', attr: 'email', action: 'manage' }),
    }),
    handler: async ({ input, auth: { did } }) => {
      if ((await accounts.get(did))?.email !== input.email.trim().toLowerCase()) {
        throw new PdsError('email-mismatch', 'invalid email')
      }
      await credentials.confirmEmail(did, input.token)
    },
  })
}
