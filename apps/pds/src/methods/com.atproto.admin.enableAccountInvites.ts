import { ComAtprotoAdminEnableAccountInvites } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { Database } from '@avocet/sqlite'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import type { ServiceCallers } from '../accounts/service-callers.ts'

/** Lets an account hand out invite codes again. */
export function enableAccountInvites(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  db: Database,
  accounts: AccountStore,
): void {
  router.add(ComAtprotoAdminEnableAccountInvites.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: ({ input }) =>
      db.write(() =>
        accounts.update(input.account, { invites_disabled: 0, invite_note: input.note ?? null }),
      ),
  })
}
