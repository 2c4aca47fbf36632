import { ComAtprotoAdminDisableAccountInvites } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { Database } from '@avocet/sqlite'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import type { ServiceCallers } from '../accounts/service-callers.ts'

/** Keeps an account from handing out invite codes. */
export function disableAccountInvites(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  db: Database,
  accounts: AccountStore,
): void {
  router.add(ComAtprotoAdminDisableAccountInvites.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: ({ input }) =>
      db.write(() =>
        accounts.update(input.account, { invites_disabled: 1, invite_note: input.note ?? null }),
      ),
  })
}
