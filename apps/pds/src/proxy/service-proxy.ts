import { createServiceJwt } from '@avocet/service-auth'
import { isNsid } from '@avocet/syntax'

import type { Authorizer } from '../accounts/authorizer.ts'
import { PdsError } from '../errors.ts'
import type { Signers } from '../repos/signers.ts'
import type { Forward, Forwarded } from './forward.ts'
import { isPrivileged, isProtected } from './methods.ts'
import type { FindTarget } from './targets.ts'

/** Answers a method that this server does not have, by the service that has it. */
export type ServiceProxy = (forwarded: Forwarded) => Promise<Response>

/** A proxy that speaks to services in the name of the signed-in user. */
export function createServiceProxy(
  authorizer: Authorizer,
  signers: Signers,
  findTarget: FindTarget,
  forward: Forward,
): ServiceProxy {
  return async (forwarded) => {
    const { nsid, header } = forwarded
    if (!isNsid(nsid) || isProtected(nsid)) {
      throw new PdsError('invalid-request', `No service configured for ${nsid}`)
    }
    const target = await findTarget(nsid, header('atproto-proxy'))
    const takendown = nsid === 'com.atproto.moderation.createReport'
    const caller = await authorizer.access(forwarded, { privileged: isPrivileged(nsid), takendown })
    const token = await createServiceJwt({
      iss: caller.did,
      aud: target.did,
      lxm: nsid,
      signer: signers.get(caller.did),
    })
    return forward(forwarded, target.url, token)
  }
}
