import { ComAtprotoServerRevokeAppPassword } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { applyChanges, type AccountWriter } from '../changes.ts'
import type { Authorizer } from '../../auth/authorizer.ts'

/** Removes an app password and ends the sessions it began. */
export function revokeAppPassword(router: Router, authorizer: Authorizer, store: AccountWriter): void {
  router.add(ComAtprotoServerRevokeAppPassword.main, {
    auth: (context) => authorizer.access(context, { full: true, deactivated: true }),
    handler: ({ input: { name }, auth: { did } }) =>
      applyChanges(store, [
        { type: 'removeAppPassword', did, name },
        { type: 'endSessions', did, appPassword: name },
      ]),
  })
}
