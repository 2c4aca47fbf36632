import type { DataObject } from '@avocet/data'
import { handleOf, type DidResolver } from '@avocet/did'
import { normalizeHandle, type Did, type Handle } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { ResolveHandle } from '../outbound/outbound.ts'

/** Who somebody is: the handle counts only if it points back at the DID, else it is `handle.invalid`. */
export type ResolveActor = (
  identifier: string,
  forceRefresh: boolean,
) => Promise<{ did: Did; handle: Handle; didDoc: DataObject }>

/** @throws (from what it returns) PdsError `handle-not-found`, `did-not-found` */
export function createResolveActor(dids: DidResolver, resolveHandle: ResolveHandle): ResolveActor {
  return async (identifier, forceRefresh) => {
    const did = identifier.startsWith('did:')
      ? (identifier as Did)
      : await resolveHandle(normalizeHandle(identifier as Handle))
    if (did === null) throw new PdsError('handle-not-found', 'Unable to resolve handle')
    const resolved = await dids.resolve(did, { forceRefresh })
    if (!resolved.ok) throw new PdsError('did-not-found', `Could not resolve DID: ${did}`)
    const claimed = handleOf(resolved.value)
    const verified = claimed !== null && (await resolveHandle(normalizeHandle(claimed))) === did
    return {
      did,
      handle: verified ? claimed : 'handle.invalid',
      didDoc: resolved.value as unknown as DataObject,
    }
  }
}
