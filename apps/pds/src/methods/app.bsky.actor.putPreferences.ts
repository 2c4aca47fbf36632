import { AppBskyActorPutPreferences } from '@avocet/lexicons/app.bsky'
import type { Router } from '@avocet/xrpc-server'
import type { Database } from '@avocet/sqlite'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { writePreferences, type Preference } from '../accounts/preferences.ts'

/** Replaces the caller's private preferences. */
export function putPreferences(
  router: Router,
  authorizer: Authorizer,
  db: Database,
  accounts: AccountStore,
): void {
  router.add(AppBskyActorPutPreferences.main, {
    auth: (context) => authorizer.access(context, { deactivated: true }),
    handler: async ({ input, auth: { did, scope } }) => {
      const given = input.preferences as unknown as Preference[]
      await db.write(() => writePreferences(accounts, did, given, scope === 'com.atproto.appPass'))
    },
  })
}
