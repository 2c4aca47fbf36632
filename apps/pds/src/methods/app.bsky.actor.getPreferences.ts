import { AppBskyActorGetPreferences } from '@avocet/lexicons/app.bsky'
import type { Router } from '@avocet/xrpc-server'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { isPersonal, readPreferences } from '../accounts/preferences.ts'

/** The caller's private preferences, kept here so that they move with the account. */
export function getPreferences(router: Router, authorizer: Authorizer, accounts: AccountStore): void {
  router.add(AppBskyActorGetPreferences.main, {
    auth: (context) => authorizer.access(context, { deactivated: true }),
    validateOutput: false,
    handler: ({ auth }) => {
      const preferences = readPreferences(accounts, auth.did)
      const visible = preferences.filter(
        ({ $type }) => auth.scope !== 'com.atproto.appPass' || !isPersonal($type),
      )
      return { preferences: visible } as unknown as AppBskyActorGetPreferences.Output
    },
  })
}
