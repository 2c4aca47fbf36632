import { ComAtprotoServerDeleteSession } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { Sessions } from '../sessions.ts'

/** Ends the session of a refresh token. */
export function deleteSession(router: Router, authorizer: Authorizer, sessions: Sessions): void {
  router.add(ComAtprotoServerDeleteSession.main, (context) => sessions.end(authorizer.bearer(context)))
}
