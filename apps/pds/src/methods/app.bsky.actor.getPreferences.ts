import { AppBskyActorGetPreferences } from '@avocet/lexicons/app.bsky'
import type { Router } from '@avocet/xrpc-server'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { readPreferences } from '../accounts/preferences.ts'
import type { ServiceProxy } from '../proxy/service-proxy.ts'
import type { Targets } from '../proxy/targets.ts'

/** The caller's private preferences, kept here so that they move with the account; those at another AppView are there. */
export function getPreferences(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  targets: Targets,
  proxy: ServiceProxy,
): void {
  router.add(AppBskyActorGetPreferences.main, {
    auth: (context) => authorizer.access(context, { deactivated: true, takendown: true }),
    validateOutput: false,
    handler: (context) => {
      if (targets.isForeign(context.header('atproto-proxy'))) return proxy(context)
      const { did, scope } = context.auth
      const preferences = readPreferences(accounts, did, scope === 'com.atproto.access')
      return { preferences } as unknown as AppBskyActorGetPreferences.Output
    },
  })
}
