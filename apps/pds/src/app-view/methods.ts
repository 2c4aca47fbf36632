import type { AccountStore } from '@avocet/accounts'
import type { KeyedLock } from '@avocet/repo-server'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../auth/authorizer.ts'
import type { ServiceCallers } from '../auth/service-callers.ts'
import type { ServiceProxy } from '../proxy/service-proxy.ts'
import type { Targets } from '../proxy/targets.ts'
import { getPreferences } from './methods/app.bsky.actor.getPreferences.ts'
import { putPreferences } from './methods/app.bsky.actor.putPreferences.ts'
import { registerPush } from './methods/app.bsky.notification.registerPush.ts'
import { unregisterPush } from './methods/app.bsky.notification.unregisterPush.ts'
import type { ForwardPush } from './push.ts'

/** What the methods of this folder are made of. */
export interface AppViewMethodParts {
  readonly authorizer: Authorizer
  readonly services: ServiceCallers
  readonly accountStore: AccountStore
  readonly locks: KeyedLock
  readonly targets: Targets
  readonly proxy: ServiceProxy
  /** Null without an AppView: then its methods are not there. */
  readonly forwardPush: ForwardPush | null
}

/** Adds the methods of `app.bsky` that are answered here. */
export function addAppViewMethods(router: Router, parts: AppViewMethodParts): void {
  const { authorizer, services, accountStore, locks, targets, proxy, forwardPush } = parts
  getPreferences(router, authorizer, services, accountStore, targets, proxy)
  putPreferences(router, authorizer, accountStore, locks, targets, proxy)
  if (forwardPush === null) return
  registerPush(router, authorizer, forwardPush)
  unregisterPush(router, authorizer, forwardPush)
}
