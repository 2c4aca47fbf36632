import { ComAtprotoAdminSearchAccounts } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import type { AccountView } from '../accounts/views.ts'

/** Accounts by a part of their email address. */
export function searchAccounts(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  accountView: AccountView,
): void {
  router.add(ComAtprotoAdminSearchAccounts.main, {
    auth: (context) => authorizer.admin(context),
    handler: ({ params }) => {
      const { email = null, cursor = '', limit } = params
      const page = accounts.search({ email, after: cursor, limit })
      const last = page.length === limit ? page.at(-1)!.did : undefined
      return {
        accounts: page.map(({ did }) => accountView(did)!),
        ...(last === undefined ? {} : { cursor: last }),
      }
    },
  })
}
