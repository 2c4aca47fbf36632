import type { AccountStore } from '@avocet/accounts'
import { toJson } from '@avocet/data'
import { AppBskyActorPutPreferences } from '@avocet/lexicons/app.bsky'
import type { KeyedLock } from '@avocet/repo-server'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { hasOwnPassword } from '../../auth/callers.ts'
import { writePreferences, type Preference } from '../../accounts/preferences.ts'
import type { ServiceProxy } from '../../proxy/service-proxy.ts'
import type { Targets } from '../../proxy/targets.ts'
import { preferenceNeeds } from '../preference-needs.ts'

/** Replaces the caller's private preferences, here or at the other AppView that the client names. */
export function putPreferences(
  router: Router,
  authorizer: Authorizer,
  store: AccountStore,
  locks: KeyedLock,
  targets: Targets,
  proxy: ServiceProxy,
): void {
  router.add(AppBskyActorPutPreferences.main, {
    ...accountMethod(authorizer, { deactivated: true, oauth: preferenceNeeds(targets) }),
    handler: async (context) => {
      const { nsid, method, request, header, address, signal, input, auth } = context
      const json = toJson(input) as { preferences: Preference[] }
      if (targets.isForeign(header('atproto-proxy'))) {
        return proxy({ nsid, method, request, header, address, signal, json }, auth)
      }
      await writePreferences(store, locks, auth.did, json.preferences, hasOwnPassword(auth))
      return undefined
    },
  })
}
