import type { PublicKey } from '@avocet/crypto'
import { pdsEndpoint, signingKey, type DidResolver, type Fetch, type LookupTxt } from '@avocet/did'
import type { LexiconFetchers } from '@avocet/lexicon'
import { verifyRecordProof } from '@avocet/repo'

/** What published lexicons are found by: DNS, DID document, and the record with its proof. */
export function createLexiconFetchers(
  dids: DidResolver,
  lookupTxt: LookupTxt,
  fetch: Fetch,
): LexiconFetchers<PublicKey> {
  return {
    lookupTxt,
    fetch,
    resolveAccount: async (did, options) => {
      const resolved = await dids.resolve(did, options)
      if (!resolved.ok) return resolved
      const [pds, key] = [pdsEndpoint(resolved.value), signingKey(resolved.value)]
      if (pds === null || key === null) return { ok: false, error: { message: `no PDS or key; did=${did}` } }
      return { ok: true, value: { pds, key } }
    },
    verifyProof: (car, record) => verifyRecordProof(car, record),
  }
}
