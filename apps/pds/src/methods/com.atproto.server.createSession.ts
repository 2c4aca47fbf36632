import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoServerCreateSession } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { loginKey } from '../accounts/lookup.ts'
import type { LoginBrake } from '../accounts/login-brake.ts'
import type { Sessions } from '../accounts/sessions.ts'
import { createSessionLimits } from '../http/rate-limits.ts'
import type { SessionView } from '../accounts/session-view.ts'

/** Signs in with a handle, an email address or a DID, and a password. An app password does not get to see the email address. */
export function createSession(
  router: Router,
  accounts: AccountRows,
  sessions: Sessions,
  brake: LoginBrake,
  view: SessionView,
): void {
  router.add(ComAtprotoServerCreateSession.main, {
    rateLimit: createSessionLimits(accounts),
    handler: async ({ input: { identifier, password, allowTakendown = false }, address }) => {
      const key = await loginKey(accounts, identifier)
      const login = () => sessions.login(identifier, password, allowTakendown)
      const { account, tokens, withEmail } = await brake.guard(key, address, login)
      return { ...tokens, ...(await view(account, withEmail)) }
    },
  })
}
