import { handleOf, pdsEndpoint, type DidResolver, type HandleResolver } from '@avocet/did'
import { isDid, isHandle, normalizeHandle, type AtIdentifier, type Did } from '@avocet/syntax'

import { OAuthClientError } from './error.ts'

/** An account, and where it lives. */
export interface Account {
  readonly did: Did
  /** Origin of its PDS. */
  readonly pds: string
}

/**
 * Finds an account. A handle must be the one that its DID claims. Rejects for what cannot be resolved.
 * `fresh` asks the sources themselves, whatever a cache holds.
 */
export type ResolveAccount = (
  actor: AtIdentifier,
  options: { readonly fresh: boolean; readonly signal?: AbortSignal },
) => Promise<Account>

/** A {@link ResolveAccount} by the resolvers of `@avocet/did`. @throws {OAuthClientError} `identity`, with a `DidError` as cause */
export function createAccountResolver(resolvers: {
  readonly dids: DidResolver
  readonly handles: Pick<HandleResolver, 'resolve'>
}): ResolveAccount {
  return async (actor, { fresh, signal }) => {
    const options = { forceRefresh: fresh, ...(signal === undefined ? {} : { signal }) }
    let did = actor
    if (isHandle(actor)) {
      const found = await resolvers.handles.resolve(normalizeHandle(actor), options)
      if (!found.ok) throw new OAuthClientError('identity', found.error.message, { cause: found.error })
      did = found.value
    }
    if (!isDid(did)) throw new OAuthClientError('identity', 'neither a handle nor a DID')
    const document = await resolvers.dids.resolve(did, options)
    if (!document.ok)
      throw new OAuthClientError('identity', document.error.message, { cause: document.error })
    if (isHandle(actor) && handleOf(document.value) !== normalizeHandle(actor)) {
      throw new OAuthClientError('identity', `the DID does not claim the handle; handle=${actor} did=${did}`)
    }
    const pds = pdsEndpoint(document.value)
    if (pds === null) throw new OAuthClientError('identity', `the account has no PDS; did=${did}`)
    return { did, pds }
  }
}
