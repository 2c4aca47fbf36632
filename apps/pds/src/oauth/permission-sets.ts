import type { DidResolver, Fetch, LookupTxt } from '@avocet/did'
import { createLexiconResolver, type LexiconResolver } from '@avocet/lexicon'
import { catalog } from '@avocet/lexicons/catalog'
import type { PermissionSets } from '@avocet/oauth-server'
import type { Nsid } from '@avocet/syntax'

import { createLexiconFetchers } from '../outbound/lexicon-fetchers.ts'

/** What permission sets on the network are found by. */
export interface PermissionSetParts {
  readonly dids: DidResolver
  readonly lookupTxt: LookupTxt
  readonly fetch: Fetch
}

/** The oldest that a set may be which cannot be read afresh, for somebody who signs in. https://atproto.com/specs/permission */
const MAX_STALE_MS = 24 * 60 * 60 * 1000
/** Names remembered for renewals. */
const MAX_KNOWN = 1000

/**
 * Permission sets: as they are published, else those that come with this server. What was found stays known for renewals, which wait for
 * nobody's host; after a restart they go on with what the session has.
 * @param parts null where nothing is looked for on the network
 */
export function createPermissionSets(parts: PermissionSetParts | null): PermissionSets {
  const resolver = parts === null ? null : resolverOf(parts)
  const known = new Map<Nsid, unknown>()
  const bundled = (nsid: Nsid): unknown => catalog.get(nsid) ?? null

  const find = async (nsid: Nsid, signal: AbortSignal): Promise<unknown> => {
    const found = await resolver!.resolve(nsid, { signal })
    if (!found.ok) return bundled(nsid)
    known.delete(nsid)
    if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value!)
    known.set(nsid, found.value.document)
    return found.value.document
  }

  return {
    document: (nsid, purpose, signal) => {
      if (resolver === null) return bundled(nsid)
      return purpose === 'grant' ? find(nsid, signal) : (known.get(nsid) ?? null)
    },
  }
}

function resolverOf({ dids, lookupTxt, fetch }: PermissionSetParts): LexiconResolver {
  return createLexiconResolver({
    ...createLexiconFetchers(dids, lookupTxt, fetch),
    timeout: 10_000,
    maxAge: 5 * 60 * 1000,
    maxStale: MAX_STALE_MS,
    maxFailureAge: 60 * 1000,
  })
}
