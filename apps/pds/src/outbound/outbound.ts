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
import type { Did, Handle } from '@avocet/syntax'

import { reachOf, type PdsConfig } from '../config/config.ts'
import type { Logger } from '../logger.ts'
import type { Counts } from '../operations/counts.ts'
import { watchDirectory, watchResolver } from './watched.ts'

/** Answers which DID a handle points at, from outside this server; null if it cannot be told. */
export type ResolveHandle = (handle: Handle) => Promise<Did | null>

/** Largest answer of another server, in bytes. */
const MAX_ANSWER_BYTES = 10 * 1024 * 1024

/** What this server asks others by: hosts that strangers name are reached through the guard alone. */
export interface Outbound {
  readonly fetch: Fetch
  readonly dids: CachedDidResolver
  readonly resolveHandle: ResolveHandle
  readonly plc: PlcClient
}

/** What an embedder may bring. */
export interface OutboundParts {
  readonly lookupTxt: LookupTxt
  /** Default: the guarded one. */
  readonly fetch?: Fetch | undefined
}

/** The ways out, within the reach that the settings give; failures are logged and counted. */
export function createOutbound(
  config: PdsConfig,
  { lookupTxt, fetch: given }: OutboundParts,
  log: Logger,
  counts: Counts,
): Outbound {
  const reach = reachOf(config)
  const fetch = given ?? createGuardedFetch({ ...reach, maxBytes: MAX_ANSWER_BYTES, timeoutMs: 30_000 })
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
