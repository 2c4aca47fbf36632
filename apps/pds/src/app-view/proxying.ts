import type { RecordReader } from '@avocet/repo-server'
import type { Authorizer } from '../auth/authorizer.ts'
import type { PdsConfig } from '../config/config.ts'
import type { PublicAddress } from '../identity/address.ts'
import type { Logger } from '../logger.ts'
import type { Counts } from '../operations/counts.ts'
import { watchForward } from '../proxy/watched-forward.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Signers } from '../identity/signers.ts'
import type { Stores } from '../stores.ts'
import { createAppViewExtras } from './extras.ts'
import { createForward } from '../proxy/forward.ts'
import { createForwardPush, type ForwardPush } from './push.ts'
import { createFindRemoteRecord, type FindRemoteRecord } from '../proxy/remote-records.ts'
import { createServiceProxy, type ServiceProxy } from '../proxy/service-proxy.ts'
import { createTargets, type Targets } from '../proxy/targets.ts'

/** What is answered by other services, and how they are found. */
export interface Proxying {
  readonly targets: Targets
  readonly findRemote: FindRemoteRecord
  readonly proxy: ServiceProxy
  /** Null without an AppView. */
  readonly forwardPush: ForwardPush | null
}

/** What proxying composes. */
export interface ProxyingParts {
  readonly config: PdsConfig
  readonly stores: Pick<Stores, 'db' | 'repos' | 'accounts'>
  readonly outbound: Outbound
  readonly reader: RecordReader
  readonly authorizer: Authorizer
  readonly signers: Signers
  readonly address: PublicAddress
  readonly log: Logger
  readonly counts: Counts
}

/** Proxying by the services that the settings and DID documents name. */
export function createProxying(parts: ProxyingParts): Proxying {
  const { config, stores, outbound, reader, authorizer, signers, address, log, counts } = parts
  const { fetch, dids, resolveHandle } = outbound
  const { accounts } = stores
  const { appView } = config
  const forward = watchForward(createForward(fetch), log, counts)
  const targets = createTargets(config, dids)
  const findRemote = createFindRemoteRecord({ appView, fetch, dids, resolveHandle, address })
  const extras = createAppViewExtras({
    config,
    stores,
    accounts,
    reader,
    findRemote,
    fetch,
    signers,
    address,
    log,
  })
  return {
    targets,
    findRemote,
    proxy: createServiceProxy(authorizer, signers, targets, forward, extras),
    forwardPush: appView === null ? null : createForwardPush(signers, dids, appView, forward),
  }
}
