import type { PublicKey } from '@avocet/crypto'
import type { Did, Handle } from '@avocet/syntax'
import { INVALID_HANDLE } from './account.ts'
import type { DidResolver } from './did-resolver.ts'
import { pdsEndpoint, signingKey, verificationKey } from './document-fields.ts'
import type { DidError } from './error.ts'
import type { HandleResolver } from './handle-resolver.ts'
import { resolveIdentity } from './identity.ts'

/** What a verifier of commits asks of a DID. */
export interface VerificationIdentity {
  readonly key: PublicKey | null
  readonly pds: string | null
  /** Verified both ways; null when none is; undefined where handles are not looked up. */
  readonly handle: Handle | null | undefined
}

/**
 * The `resolveKey` of `@avocet/firehose`: null for a DID that does not exist or is gone; rejects with a `DidError` for all else.
 * @param resolvers `handles` null: handles are not looked up, which halves what is asked of the network
 */
export function createResolveKey(resolvers: {
  readonly dids: DidResolver
  readonly handles: HandleResolver | null
}): (
  did: Did,
  options: { readonly forceRefresh: boolean; readonly signal?: AbortSignal },
) => Promise<VerificationIdentity | null> {
  const { dids, handles } = resolvers
  return async (did, options) => {
    if (handles === null) {
      const document = await dids.resolve(did, options)
      if (!document.ok) return gone(document.error)
      return { key: signingKey(document.value), pds: pdsEndpoint(document.value), handle: undefined }
    }
    const identity = await resolveIdentity(did, { dids, handles }, options)
    if (!identity.ok) return gone(identity.error)
    const { key, pds, handle } = identity.value
    return { key, pds, handle: handle === INVALID_HANDLE ? null : handle }
  }
}

/**
 * The `resolveKey` of `@avocet/labels`: the key `#atproto_label` of a labeler. Null where the DID does not exist or is gone, or its document
 * has none (no other key stands in for it); rejects with a `DidError` for all else. https://atproto.com/specs/label#signatures
 */
export function createResolveLabelKey(
  dids: DidResolver,
): (did: Did, options: { readonly forceRefresh: boolean }) => Promise<PublicKey | null> {
  return async (did, options) => {
    const document = await dids.resolve(did, options)
    return document.ok ? verificationKey(document.value, 'atproto_label') : gone(document.error)
  }
}

/** @throws {DidError} unless it says that there is no such DID */
function gone(error: DidError): null {
  if (error.code === 'not-found' || error.code === 'tombstoned') return null
  throw error
}
