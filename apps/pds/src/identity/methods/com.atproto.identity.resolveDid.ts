import { ComAtprotoIdentityResolveDid } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { DataObject } from '@avocet/data'
import type { DidResolver } from '@avocet/did'

import { PdsError } from '../../errors.ts'

/** The DID document of any DID. */
export function resolveDid(router: Router, dids: DidResolver): void {
  router.add(ComAtprotoIdentityResolveDid.main, async ({ params }) => {
    const resolved = await dids.resolve(params.did)
    if (!resolved.ok) throw new PdsError('did-not-found', `Could not resolve DID: ${params.did}`)
    return { didDoc: resolved.value as unknown as DataObject }
  })
}
