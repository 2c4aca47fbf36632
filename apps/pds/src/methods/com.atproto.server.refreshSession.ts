import { ComAtprotoServerRefreshSession } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../accounts/authorizer.ts'
import type { LoginBrake } from '../accounts/login-brake.ts'
import type { Sessions } from '../accounts/sessions.ts'
import type { SessionView } from '../accounts/session-view.ts'

/** Exchanges a refresh token for a new pair of tokens. */
export function refreshSession(
  router: Router,
  authorizer: Authorizer,
  sessions: Sessions,
  brake: LoginBrake,
  view: SessionView,
): void {
  router.add(ComAtprotoServerRefreshSession.main, async (context) => {
    const { account, tokens, withEmail } = await sessions.refresh(authorizer.bearer(context))
    brake.trust(account.did, context.address)
    return { ...tokens, ...(await view(account, withEmail)) }
  })
}
