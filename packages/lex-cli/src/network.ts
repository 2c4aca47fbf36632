import { createLexiconResolver, type LexiconResolver } from '@avocet/lexicon'
import { createDidResolver, createGuardedFetch, pdsEndpoint, signingKey, type LookupTxt } from '@avocet/did'
import { createTxtLookup } from '@avocet/did/node'
import { verifyRecordProof } from '@avocet/repo'

/** How to reach the network. */
export type NetworkOptions = {
  /** The PLC directory (default `https://plc.directory`). */
  readonly plcUrl?: string
  /** DNS servers, `address` or `address:port` (default: the system's). */
  readonly dns?: readonly string[]
  /** For development: loopback addresses, and http to them. */
  readonly allowLoopback?: boolean
}

/** A resolver over the network: DNS, DID documents, and records with their proofs. */
export function createNetworkResolver(options: NetworkOptions = {}): LexiconResolver {
  const { plcUrl, dns, allowLoopback = false } = options
  const lookup: LookupTxt = createTxtLookup(dns === undefined ? {} : { servers: dns })
  const fetch = createGuardedFetch({ allowLoopback, maxBytes: 4 * 1024 * 1024 })
  const dids = createDidResolver({ fetch, ...(plcUrl === undefined ? {} : { plcUrl }) })
  return createLexiconResolver({
    lookupTxt: lookup,
    resolveAccount: async (did, how) => {
      const document = await dids.resolve(did, how)
      if (!document.ok) return document
      const pds = pdsEndpoint(document.value)
      const key = signingKey(document.value)
      if (pds === null) return { ok: false, error: { message: `no PDS in the DID document; did=${did}` } }
      if (key === null) {
        return { ok: false, error: { message: `no signing key in the DID document; did=${did}` } }
      }
      return { ok: true, value: { pds, key } }
    },
    fetch: (url, init) => fetch(url, init),
    verifyProof: verifyRecordProof,
  })
}
