import { formatDidKey } from '@avocet/crypto'
import { pdsEndpoint, signingKey, type DidResolver } from '@avocet/did'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { Signers } from './signers.ts'
import type { PublicAddress } from './address.ts'

/** Whether the world, asking for a DID, is sent to this server and its key. */
export interface DocumentChecks {
  /** Null when all is well, else what is wrong. */
  problem(did: Did): Promise<string | null>
  /** @throws PdsError `invalid-request` naming the problem */
  require(did: Did): Promise<void>
}

/** Checks against the document as the directory has it now, not as a cache remembers it. */
export function createDocumentChecks(
  dids: DidResolver,
  signers: Signers,
  address: PublicAddress,
): DocumentChecks {
  const problem: DocumentChecks['problem'] = async (did) => {
    const resolved = await dids.resolve(did, { forceRefresh: true })
    if (!resolved.ok) return `could not resolve DID: ${resolved.error.message}`
    const endpoint = pdsEndpoint(resolved.value)
    if (endpoint === null || new URL(endpoint).origin !== new URL(address.url()).origin) {
      return `DID document atproto_pds service endpoint does not match PDS public url: ${endpoint ?? 'none'}`
    }
    const key = signingKey(resolved.value)
    if (key === null || formatDidKey(key) !== (await signers.get(did)).didKey) {
      return 'DID document verification method does not match expected signing key'
    }
    return null
  }
  return {
    problem,
    require: async (did) => {
      const found = await problem(did)
      if (found !== null) throw new PdsError('invalid-request', found)
    },
  }
}
