import { ComAtprotoServerRevokeAppPassword } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { applyChanges, type AccountWriter } from '../changes.ts'
import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { CLOSED } from '../../auth/needs.ts'

/** Removes an app password and ends the sessions it began. */
export function revokeAppPassword(router: Router, authorizer: Authorizer, store: AccountWriter): void {
  router.add(ComAtprotoServerRevokeAppPassword.main, {
    ...accountMethod(authorizer, { full: true, deactivated: true, oauth: CLOSED }),
    handler: ({ input: { name }, auth: { did } }) =>
      applyChanges(store, [
        { type: 'removeAppPassword', did, name },
        { type: 'endSessions', did, appPassword: name },
      ]),
  })
}
