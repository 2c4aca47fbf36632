import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoAdminSearchAccounts } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { AccountView } from '../../accounts/views.ts'

/** Accounts by a part of their email address. */
export function searchAccounts(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountRows,
  accountView: AccountView,
): void {
  router.add(ComAtprotoAdminSearchAccounts.main, {
    auth: (context) => authorizer.admin(context),
    handler: async ({ params }) => {
      const { email, cursor = '', limit } = params
      const named = email === undefined ? {} : { email }
      const page = await accounts.list({ after: cursor, limit, ...named })
      const last = page.length === limit ? page.at(-1)!.did : undefined
      const views = await Promise.all(page.map(({ did }) => accountView(did)))
      return {
        accounts: views.filter((view) => view !== null),
        ...(last === undefined ? {} : { cursor: last }),
      }
    },
  })
}
