import { ComAtprotoAdminDisableAccountInvites } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { Database } from '@avocet/sqlite'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'

/** Keeps an account from handing out invite codes. */
export function disableAccountInvites(
  router: Router,
  authorizer: Authorizer,
  db: Database,
  accounts: AccountStore,
): void {
  router.add(ComAtprotoAdminDisableAccountInvites.main, {
    auth: (context) => authorizer.admin(context),
    handler: ({ input }) =>
      db.write(() =>
        accounts.update(input.account, { invites_disabled: 1, invite_note: input.note ?? null }),
      ),
  })
}
