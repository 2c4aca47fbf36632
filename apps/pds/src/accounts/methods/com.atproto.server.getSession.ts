import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoServerGetSession } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { isAppPassword } from '../../auth/tokens.ts'
import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { ANY_APP } from '../../auth/needs.ts'
import type { SessionView } from '../session-view.ts'

/** Tells the caller about their account; an app password, and an app without a scope for it, does not get to see the email address. */
export function getSession(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountRows,
  view: SessionView,
): void {
  router.add(ComAtprotoServerGetSession.main, {
    ...accountMethod(authorizer, { deactivated: true, takendown: true, oauth: ANY_APP }),
    handler: async ({ auth }) => {
      const account = (await accounts.get(auth.did))!
      if (auth.kind === 'session') return view(account, !isAppPassword(auth.scope))
      if (auth.scopes.allows({ resource: 'account', attr: 'email', action: 'read' })) return view(account)
      const { emailConfirmed: _, emailAuthFactor: __, ...rest } = await view(account, false)
      return rest
    },
  })
}
