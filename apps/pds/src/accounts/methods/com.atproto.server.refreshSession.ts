import { ComAtprotoServerRefreshSession } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { LoginBrake } from '../login-brake.ts'
import type { Sessions } from '../sessions.ts'
import type { SessionView } from '../session-view.ts'

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
    await brake.trust(account.did, context.address)
    return { ...tokens, ...(await view(account, withEmail)) }
  })
}
