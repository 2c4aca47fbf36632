import { ComAtprotoServerDeleteSession } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../accounts/authorizer.ts'
import type { Sessions } from '../accounts/sessions.ts'

/** Ends the session of a refresh token. */
export function deleteSession(router: Router, authorizer: Authorizer, sessions: Sessions): void {
  router.add(ComAtprotoServerDeleteSession.main, (context) => sessions.end(authorizer.bearer(context)))
}
