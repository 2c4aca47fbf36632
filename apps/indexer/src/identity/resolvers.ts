// Whoever is asked who an account is.

import {
  type DidResolver,
  type Fetch,
  createDidResolver,
  createHandleResolver,
  withCache,
  withHandleCache,
} from '@avocet/did'
import { askHostsFirst } from './host-handles.ts'
import { type Identities, createIdentities } from './identities.ts'
import { limitDocuments, limitHandles } from './limited.ts'

/** Answers that clients get again; also that there is no such handle. */
const HANDLE_CACHE = { maxEntries: 10_000, negativeMs: 5 * 60_000 }

/** What looks accounts up. */
export type Resolvers = {
  readonly dids: DidResolver
  /** The same for what strangers ask: limited. */
  readonly askedDids: DidResolver
  readonly identities: Identities
}

/** @param options.hosts origins that are asked for handles first where loopback is allowed: no DNS has those */
export function createResolvers(options: {
  readonly plcUrl: string
  readonly allowLoopback: boolean
  readonly hosts: readonly string[]
  readonly fetch: Fetch
  readonly now: () => number
}): Resolvers {
  const { allowLoopback, now } = options
  const resolver = createHandleResolver({ allowLoopback, allowTestTld: allowLoopback })
  const handles = allowLoopback ? askHostsFirst(options.hosts, options.fetch, resolver) : resolver
  const dids = withCache(createDidResolver({ plcUrl: options.plcUrl, allowLoopback }))
  const askedDids = limitDocuments(dids, now)
  const asked = { dids: askedDids, handles: withHandleCache(limitHandles(handles, now), HANDLE_CACHE) }
  return { dids, askedDids, identities: createIdentities({ dids, handles, asked }) }
}
