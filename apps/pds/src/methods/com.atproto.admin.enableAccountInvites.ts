import { ComAtprotoAdminEnableAccountInvites } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { Database } from '@avocet/sqlite'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'

/** Lets an account hand out invite codes again. */
export function enableAccountInvites(
  router: Router,
  authorizer: Authorizer,
  db: Database,
  accounts: AccountStore,
): void {
  router.add(ComAtprotoAdminEnableAccountInvites.main, {
    auth: (context) => authorizer.admin(context),
    handler: ({ input }) =>
      db.write(() =>
        accounts.update(input.account, { invites_disabled: 0, invite_note: input.note ?? null }),
      ),
  })
}
