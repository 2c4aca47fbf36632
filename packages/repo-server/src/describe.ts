import type { DataObject } from '@avocet/data'
import { handleOf, INVALID_HANDLE, type DidResolver } from '@avocet/did'
import type { Did, Handle } from '@avocet/syntax'

import { RepoServerError } from './error.ts'
import type { RepoAccounts } from './host.ts'
import type { Awaitable } from './store.ts'

/**
 * What describeRepo shows: the DID's document, and the handle, which is correct where the document says the same one.
 * @param ownHandleOf what the host has for a handle; null where it has none
 */
export function describeBy(
  dids: DidResolver,
  ownHandleOf: (did: Did) => Awaitable<Handle | null>,
): RepoAccounts['describe'] {
  return async (did) => {
    const found = await dids.resolve(did)
    if (!found.ok) {
      const { error: cause } = found
      throw new RepoServerError('unresolvable-did', `Could not resolve DID: ${did}`, { cause })
    }
    const handle = await ownHandleOf(did)
    return {
      handle: handle ?? INVALID_HANDLE,
      didDoc: found.value as unknown as DataObject,
      handleIsCorrect: handle !== null && handleOf(found.value) === handle,
    }
  }
}
