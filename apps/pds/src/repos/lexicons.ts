import type { DidResolver, Fetch, LookupTxt } from '@avocet/did'
import { createCatalog, createLexiconResolver, resolveClosure, type Catalog } from '@avocet/lexicon'
import { catalog, documents } from '@avocet/lexicons/catalog'
import { BUNDLED_LEXICONS, type RecordLexicons } from '@avocet/repo-server'

import { createLexiconFetchers } from '../outbound/lexicon-fetchers.ts'

const LIMIT = 500
const MAX_AGE_MS = 10 * 60 * 1000
const MAX_FAILURE_AGE_MS = 60 * 1000
const WAIT_MS = 5000
/** Look-ups under way. Each asks hosts that strangers choose, and makes a catalog of some 100 KB. */
const MAX_LOADING = 8

interface Entry {
  readonly found: Promise<Catalog | null>
  /** What it came to; undefined while it is under way. */
  result: Catalog | null | undefined
  readonly since: number
}

/**
 * Lexicons published on the network: DNS, DID document, and the record with its proof.
 * https://atproto.com/specs/lexicon#lexicon-publication-and-resolution
 * @param now milliseconds by a clock that nobody sets
 */
export function createRecordLexicons(
  dids: DidResolver,
  lookupTxt: LookupTxt,
  fetch: Fetch,
  now: () => number = () => performance.now(),
): RecordLexicons {
  const resolver = createLexiconResolver({
    ...createLexiconFetchers(dids, lookupTxt, fetch),
    now,
    timeout: WAIT_MS,
  })
  const entries = new Map<string, Entry>()

  /** A catalog with the published lexicon and all it refers to; null if any of it is missing, or if it is no record. */
  const load = async (collection: string): Promise<Catalog | null> => {
    try {
      const { resolved, failed } = await resolveClosure(resolver, [collection], {
        known: (nsid) => catalog.get(nsid),
        maxDocuments: 50,
        signal: AbortSignal.timeout(WAIT_MS * 2),
      })
      if (failed.length > 0) return null
      const made = createCatalog([...documents, ...resolved.map(({ document }) => document)])
      return made.record(collection) === undefined ? null : made
    } catch {
      // Too slow, or documents that do not fit together: as good as none.
      return null
    }
  }

  let loading = 0
  const idle: (() => void)[] = []
  /** The entry of a type, looked up anew if it is too old; null if there is no room for a look-up now. */
  const entry = (collection: string): Entry | null => {
    const before = entries.get(collection)
    const maxAge = before?.result === null ? MAX_FAILURE_AGE_MS : MAX_AGE_MS
    if (before !== undefined && now() - before.since < maxAge) return before
    if (loading >= MAX_LOADING) return before ?? null
    if (entries.size >= LIMIT) entries.delete(entries.keys().next().value!)
    loading += 1
    const found = load(collection)
    const made: Entry = { found, result: before?.result ?? undefined, since: now() }
    void found.then((result) => {
      made.result = result
      loading -= 1
      for (const resolve of idle.splice(0)) resolve()
    })
    entries.set(collection, made)
    return made
  }

  return {
    known: (collection) => BUNDLED_LEXICONS.known(collection) ?? entry(collection)?.result ?? null,
    find: async (collection) => {
      const bundled = BUNDLED_LEXICONS.known(collection)
      if (bundled !== null) return bundled
      for (;;) {
        const found = entry(collection)
        if (found !== null) return found.found
        // Until one of those under way ends.
        await new Promise<void>((resolve) => idle.push(resolve))
      }
    },
  }
}
