import {
  createDidResolver,
  createGuardedFetch,
  createHandleResolver,
  withCache,
  type CachedDidResolver,
  type Fetch,
  type LookupTxt,
} from '@avocet/did'
import { plcClient, type PlcClient } from '@avocet/plc'

import { reachOf, type PdsConfig } from './config/config.ts'
import type { ResolveHandle } from './identity/handles.ts'
import type { Logger } from './logger.ts'
import { watchDirectory, watchResolver, type Counts } from './operations/failures.ts'
import { MAX_PROXIED_BYTES } from './proxy/forward.ts'

/** What this server asks others by: hosts that strangers name are reached through the guard alone. */
export interface Outbound {
  readonly fetch: Fetch
  readonly dids: CachedDidResolver
  readonly resolveHandle: ResolveHandle
  readonly plc: PlcClient
}

/** The ways out, within the reach that the settings give; failures are logged and counted. */
export function createOutbound(
  config: PdsConfig,
  lookupTxt: LookupTxt,
  log: Logger,
  counts: Counts,
): Outbound {
  const reach = reachOf(config)
  const fetch = createGuardedFetch({ ...reach, maxBytes: MAX_PROXIED_BYTES, timeoutMs: 30_000 })
  const dids = withCache(watchResolver(createDidResolver({ plcUrl: config.plcUrl, ...reach }), log, counts))
  const handleResolver = createHandleResolver({
    dns: lookupTxt,
    ...reach,
    allowTestTld: config.devMode,
  })
  const resolveHandle: ResolveHandle = async (handle) => {
    const result = await handleResolver.resolve(handle)
    return result.ok ? result.value : null
  }
  const plc = watchDirectory(plcClient({ url: config.plcUrl }), log, counts)
  return { fetch, dids, resolveHandle, plc }
}
