import { ComAtprotoServerRefreshSession } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../accounts/authorizer.ts'
import type { Sessions } from '../accounts/sessions.ts'
import type { SessionView } from '../accounts/session-view.ts'

/** Exchanges a refresh token for a new pair of tokens. */
export function refreshSession(
  router: Router,
  authorizer: Authorizer,
  sessions: Sessions,
  view: SessionView,
): void {
  router.add(ComAtprotoServerRefreshSession.main, async (context) => {
    const { account, tokens } = await sessions.refresh(authorizer.bearer(context))
    return { ...tokens, ...(await view(account)) }
  })
}
