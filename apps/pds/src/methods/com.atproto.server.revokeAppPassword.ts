import { ComAtprotoServerRevokeAppPassword } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { Database } from '@avocet/sqlite'

import type { AppPasswords } from '../accounts/app-passwords.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import type { Sessions } from '../accounts/sessions.ts'

/** Removes an app password and ends the sessions it began. */
export function revokeAppPassword(
  router: Router,
  authorizer: Authorizer,
  db: Database,
  appPasswords: AppPasswords,
  sessions: Sessions,
): void {
  router.add(ComAtprotoServerRevokeAppPassword.main, {
    auth: (context) => authorizer.access(context, { full: true, deactivated: true }),
    handler: ({ input, auth }) =>
      db.write(() => {
        appPasswords.remove(auth.did, input.name)
        sessions.endAll(auth.did, input.name)
      }),
  })
}
