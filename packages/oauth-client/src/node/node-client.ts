import {
  createDidResolver,
  createGuardedFetch,
  createHandleResolver,
  withCache,
  withHandleCache,
} from '@avocet/did'

import { createAccountResolver, type ResolveAccount } from '../account.ts'
import type { OAuthClient } from '../client.ts'
import { MAX_ANSWER, type OAuthClientOptions } from '../core.ts'
import { createOAuthClient } from '../oauth-client.ts'
import { createPdsFetch } from './pds-fetch.ts'

/** Settings of a client on Node: those of any client; who is not told otherwise resolves and fetches by itself. */
export interface NodeClientOptions extends Omit<OAuthClientOptions, 'resolve' | 'extractableKeys'> {
  /** Default: DNS, https and the did:plc directory, remembered for ten minutes. */
  readonly resolve?: ResolveAccount
  /** The did:plc directory, for the default of `resolve`. */
  readonly plcUrl?: string
}

const MINUTE_MS = 60_000

/**
 * Makes a client on Node. Servers' documents and endpoints and the PDS of a session are reached by a fetch that leads to public
 * addresses alone. Keys can be written out, for stores of text.
 * @throws {TypeError} for settings that do not fit to each other
 */
export function createNodeOAuthClient(options: NodeClientOptions): OAuthClient {
  const { allowLoopback = false, timeoutMs = 20_000, resolve, plcUrl, ...rest } = options
  const guarded = createGuardedFetch({ allowLoopback, timeoutMs, maxBytes: MAX_ANSWER })
  return createOAuthClient({
    fetch: guarded,
    pdsFetch: createPdsFetch(allowLoopback),
    ...rest,
    allowLoopback,
    timeoutMs,
    extractableKeys: true,
    resolve: resolve ?? createDefaultResolver(plcUrl, allowLoopback),
  })
}

function createDefaultResolver(plcUrl: string | undefined, allowLoopback: boolean): ResolveAccount {
  const age = { staleMs: 5 * MINUTE_MS, maxMs: 10 * MINUTE_MS, maxEntries: 10_000 }
  const dids = createDidResolver({ allowLoopback, ...(plcUrl === undefined ? {} : { plcUrl }) })
  const handles = createHandleResolver({ allowLoopback })
  return createAccountResolver({ dids: withCache(dids, age), handles: withHandleCache(handles, age) })
}
