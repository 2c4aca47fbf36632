import { ComAtprotoServerRevokeAppPassword } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { AppPasswords } from '../app-passwords.ts'
import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { CLOSED } from '../../auth/needs.ts'

/** Removes an app password and ends the sessions it began. */
export function revokeAppPassword(router: Router, authorizer: Authorizer, appPasswords: AppPasswords): void {
  router.add(ComAtprotoServerRevokeAppPassword.main, {
    ...accountMethod(authorizer, { full: true, deactivated: true, oauth: CLOSED }),
    handler: ({ input: { name }, auth: { did } }) => appPasswords.revoke(did, name),
  })
}
