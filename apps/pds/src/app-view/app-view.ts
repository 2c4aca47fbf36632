import type { KeyedLock, RecordReader } from '@avocet/repo-server'

import type { Auth } from '../auth/auth.ts'
import type { PdsConfig } from '../config/config.ts'
import type { PublicAddress } from '../identity/address.ts'
import type { Signers } from '../identity/signers.ts'
import type { Logger } from '../logger.ts'
import { NO_CHORES, type Capability } from '../operations/capability.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Proxy } from '../proxy/proxy.ts'
import type { ServiceProxy } from '../proxy/service-proxy.ts'
import type { Stores } from '../stores/stores.ts'
import { createAppViewExtras } from './extras.ts'
import { addAppViewMethods } from './methods.ts'
import { createForwardPush } from './push.ts'

/** What clients of an AppView get here: its answers, completed, and what of it lives with the account. */
export interface AppView extends Capability {
  /** Answers methods that this server does not have. */
  readonly fallback: ServiceProxy
}

/** What this folder composes. */
export interface AppViewParts {
  readonly config: PdsConfig
  readonly stores: Pick<Stores, 'recent' | 'server' | 'accounts' | 'accountStore'>
  readonly outbound: Pick<Outbound, 'fetch' | 'dids'>
  readonly auth: Auth
  readonly signers: Signers
  readonly address: PublicAddress
  readonly proxy: Proxy
  readonly reader: RecordReader
  readonly locks: KeyedLock
  readonly log: Logger
}

/** The AppView of the settings, if there is one, seen through this server. */
export function createAppView(parts: AppViewParts): AppView {
  const { config, stores, outbound, auth, signers, address, proxy, reader, locks, log } = parts
  const { fetch, dids } = outbound
  const { forward, targets, findRemote } = proxy
  const { appView } = config
  const fallback = proxy.serve(
    createAppViewExtras({
      config,
      stores,
      accounts: stores.accounts,
      reader,
      findRemote,
      fetch,
      signers,
      address,
      log,
    }),
  )
  const forwardPush = appView === null ? null : createForwardPush(signers, dids, appView, forward)
  return {
    fallback,
    methods: (router) =>
      addAppViewMethods(router, {
        ...auth,
        accountStore: stores.accountStore,
        locks,
        targets,
        proxy: fallback,
        forwardPush,
      }),
    chores: NO_CHORES,
  }
}
