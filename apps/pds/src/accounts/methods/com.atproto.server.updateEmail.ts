import { ComAtprotoServerUpdateEmail } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { Credentials } from '../credentials.ts'

/** Changes the caller's address; a confirmed one only with the code mailed to it. */
export function updateEmail(router: Router, authorizer: Authorizer, credentials: Credentials): void {
  router.add(ComAtprotoServerUpdateEmail.main, {
    auth: (context) => authorizer.access(context, { full: true, deactivated: true }),
    handler: async ({ input, auth: { did } }) => {
      await credentials.changeEmail(did, input.email.trim(), input.token)
    },
  })
}
