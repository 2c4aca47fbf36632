import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoServerGetSession } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { isAppPassword } from '../../auth/tokens.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import type { SessionView } from '../session-view.ts'

/** Tells the caller about their account; an app password does not get to see the email address. */
export function getSession(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountRows,
  view: SessionView,
): void {
  router.add(ComAtprotoServerGetSession.main, {
    auth: (context) => authorizer.access(context, { deactivated: true, takendown: true }),
    handler: async ({ auth }) => view((await accounts.get(auth.did))!, !isAppPassword(auth.scope)),
  })
}
