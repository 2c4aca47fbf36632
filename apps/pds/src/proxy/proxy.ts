import type { Authorizer } from '../auth/authorizer.ts'
import type { PdsConfig } from '../config/config.ts'
import type { PublicAddress } from '../identity/address.ts'
import type { Signers } from '../identity/signers.ts'
import type { Logger } from '../logger.ts'
import type { Counts } from '../operations/counts.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { createForward, type Forward } from './forward.ts'
import { createFindRemoteRecord, type FindRemoteRecord } from './remote-records.ts'
import { createServiceProxy, type ProxyExtras, type ServiceProxy } from './service-proxy.ts'
import { createTargets, type Targets } from './targets.ts'
import { watchForward } from './watched-forward.ts'

/** What is answered by other services, and how they are found. */
export interface Proxy {
  readonly forward: Forward
  readonly targets: Targets
  readonly findRemote: FindRemoteRecord
  /** Answers what this server has no method for. @param extras what is special about an AppView; null without one */
  serve(extras: ProxyExtras | null): ServiceProxy
}

/** What proxying composes. */
export interface ProxyParts {
  readonly config: PdsConfig
  readonly outbound: Pick<Outbound, 'dids' | 'fetch' | 'resolveHandle'>
  readonly authorizer: Authorizer
  readonly signers: Signers
  readonly address: PublicAddress
  readonly log: Logger
  readonly counts: Counts
}

/** Proxying to the services that the settings and DID documents name. */
export function createProxy(parts: ProxyParts): Proxy {
  const { config, outbound, authorizer, signers, address, log, counts } = parts
  const { fetch, dids, resolveHandle } = outbound
  const forward = watchForward(createForward(fetch), log, counts)
  const targets = createTargets(config, dids)
  return {
    forward,
    targets,
    findRemote: createFindRemoteRecord({ appView: config.appView, fetch, dids, resolveHandle, address }),
    serve: (extras) => createServiceProxy(authorizer, signers, targets, forward, extras),
  }
}
