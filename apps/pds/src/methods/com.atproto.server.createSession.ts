import { ComAtprotoServerCreateSession } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Sessions } from '../accounts/sessions.ts'
import { CREATE_SESSION_LIMITS } from '../http/rate-limits.ts'
import type { SessionView } from '../accounts/session-view.ts'

/** Signs in with a handle, an email address or a DID, and a password. */
export function createSession(router: Router, sessions: Sessions, view: SessionView): void {
  router.add(ComAtprotoServerCreateSession.main, {
    rateLimit: CREATE_SESSION_LIMITS,
    handler: async ({ input }) => {
      const { account, tokens } = await sessions.login(
        input.identifier,
        input.password,
        input.allowTakendown ?? false,
      )
      return { ...tokens, ...(await view(account)) }
    },
  })
}
