import { ComAtprotoServerGetSession } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { AccountStore } from '../accounts/account-store.ts'
import { isAppPassword } from '../accounts/tokens.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import type { SessionView } from '../accounts/session-view.ts'

/** Tells the caller about their account; an app password does not get to see the email address. */
export function getSession(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  view: SessionView,
): void {
  router.add(ComAtprotoServerGetSession.main, {
    auth: (context) => authorizer.access(context, { deactivated: true, takendown: true }),
    handler: ({ auth }) => view(accounts.get(auth.did)!, !isAppPassword(auth.scope)),
  })
}
