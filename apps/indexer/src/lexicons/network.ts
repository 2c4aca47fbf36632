// Lexicons by their NSIDs, from who publishes them. https://atproto.com/specs/lexicon#lexicon-publication-and-resolution

import {
  type Catalog,
  createLexiconResolver,
  dependencies,
  type LexiconDocument,
  type LexiconResolver,
  resolveClosure,
} from '@avocet/lexicon'
import { type DidResolver, type Fetch, type LookupTxt, pdsEndpoint, signingKey } from '@avocet/did'
import { verifyRecordProof } from '@avocet/repo'
import { IndexerError } from '../errors.ts'
import { documentHash, type LexiconLock, type LockedLexicon } from './lock.ts'

/** Lexicons that one configuration may need. */
const MAX_DOCUMENTS = 200
const TIMEOUT_MS = 60_000

/** A resolver over DNS, DID documents and records with their proofs. */
export function createNetworkLexicons(
  dids: DidResolver,
  lookupTxt: LookupTxt,
  fetch: Fetch,
): LexiconResolver {
  return createLexiconResolver({
    lookupTxt,
    fetch,
    verifyProof: verifyRecordProof,
    resolveAccount: async (did, how) => {
      const document = await dids.resolve(did, how)
      if (!document.ok) return document
      const [pds, key] = [pdsEndpoint(document.value), signingKey(document.value)]
      if (pds !== null && key !== null) return { ok: true, value: { pds, key } }
      return { ok: false, error: { message: `its document has no PDS or no key; did=${did}` } }
    },
  })
}

/**
 * The lexicons of these names with all that they refer to: those that are locked as they are, the others from the network.
 * @param known documents that need no resolution
 * @throws IndexerError `bad-config` for what cannot be found
 */
export async function resolveLexicons(
  resolver: LexiconResolver,
  nsids: readonly string[],
  known: Pick<Catalog, 'get'>,
  lock: LexiconLock,
): Promise<LexiconLock> {
  const { resolved, failed } = await resolveClosure(resolver, nsids, {
    known: (nsid) => lock.get(nsid)?.document ?? known.get(nsid),
    maxDocuments: MAX_DOCUMENTS,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const [first] = failed
  if (first !== undefined) {
    const { nsid, code, message, neededBy } = first
    const why = neededBy === null ? '' : `, which ${neededBy} refers to`
    throw new IndexerError('bad-config', `Cannot find the lexicon ${nsid}${why}: ${message} (${code})`)
  }
  const found = new Map<string, LockedLexicon>(lock)
  for (const { nsid, uri, cid, document } of resolved) {
    found.set(nsid, { uri, cid: String(cid), sha256: documentHash(document), document })
  }
  return new Map(reachable(nsids, found))
}

/** What is needed still: names that are not asked for any more go. */
function reachable(nsids: readonly string[], found: LexiconLock): [string, LockedLexicon][] {
  const seen = new Set(nsids)
  const needed: [string, LockedLexicon][] = []
  for (const nsid of seen) {
    const entry = found.get(nsid)
    if (entry === undefined) continue
    needed.push([nsid, entry])
    for (const other of dependencies(entry.document)) seen.add(other)
  }
  return needed
}

/** The documents of a lock. */
export function documentsOf(lock: LexiconLock): LexiconDocument[] {
  return [...lock.values()].map(({ document }) => document)
}
