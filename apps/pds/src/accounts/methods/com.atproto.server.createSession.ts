import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoServerCreateSession } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { loginKey } from '../../auth/lookup.ts'
import type { LoginBrake } from '../login-brake.ts'
import type { Sessions } from '../sessions.ts'
import { createSessionLimits } from '../../limits/rate-limits.ts'
import type { SessionView } from '../session-view.ts'

/** Signs in with a handle, an email address or a DID, a password, and a second factor if there is one. An app password does not get to see the email address. */
export function createSession(
  router: Router,
  accounts: AccountRows,
  sessions: Sessions,
  brake: LoginBrake,
  view: SessionView,
): void {
  router.add(ComAtprotoServerCreateSession.main, {
    rateLimit: createSessionLimits(accounts),
    handler: async ({ input, address }) => {
      const { identifier, password, allowTakendown = false, authFactorToken: code } = input
      const key = await loginKey(accounts, identifier)
      const login = () => sessions.login(identifier, password, allowTakendown, { code, address })
      const { account, tokens, withEmail } = await brake.guard(key, address, login)
      return { ...tokens, ...(await view(account, withEmail)) }
    },
  })
}
