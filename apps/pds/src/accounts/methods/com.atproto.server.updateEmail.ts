import { ComAtprotoServerUpdateEmail } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { CLOSED } from '../../auth/needs.ts'
import type { Credentials } from '../credentials.ts'

/** Changes the caller's address, and whether signing in takes a mailed code; a confirmed address only with the code mailed to it. */
export function updateEmail(router: Router, authorizer: Authorizer, credentials: Credentials): void {
  router.add(ComAtprotoServerUpdateEmail.main, {
    ...accountMethod(authorizer, { full: true, deactivated: true, oauth: CLOSED }),
    handler: async ({ input, auth: { did } }) => {
      const { token, emailAuthFactor } = input
      await credentials.changeEmail(did, input.email.trim(), { token, emailAuthFactor })
    },
  })
}
