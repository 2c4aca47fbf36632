import { ComAtprotoServerGetServiceAuth } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import { createServiceJwt } from '@avocet/service-auth'

import type { Authorizer } from '../accounts/authorizer.ts'
import { PdsError } from '../errors.ts'
import { isPrivileged, isProtected } from '../proxy/methods.ts'
import type { Signers } from '../repos/signers.ts'

/** Longest lifetime of a token. */
const MAX_SECONDS = 60 * 60

/** A token that proves to another service that the caller asked for one method of it. */
export function getServiceAuth(router: Router, authorizer: Authorizer, signers: Signers): void {
  router.add(ComAtprotoServerGetServiceAuth.main, {
    auth: (context) => authorizer.access(context, { deactivated: true, takendown: true }),
    handler: async ({ params, auth }) => {
      const { aud, exp, lxm } = params
      const expiresIn = lifetime(exp)
      if (
        lxm !== undefined &&
        isProtected(lxm) &&
        lxm !== 'com.atproto.server.createAccount' &&
        lxm !== 'com.atproto.repo.uploadBlob'
      ) {
        throw new PdsError(
          'invalid-request',
          `cannot request a service auth token for the following protected method: ${lxm}`,
        )
      }
      const app = auth.scope === 'com.atproto.appPass'
      if (app && lxm !== undefined && isPrivileged(lxm)) {
        throw new PdsError(
          'invalid-request',
          `insufficient access to request a service auth token for: ${lxm}`,
        )
      }
      if (auth.scope === 'com.atproto.takendown' && lxm !== 'com.atproto.server.createAccount') {
        throw new PdsError('invalid-token', 'Bad token scope')
      }
      if (lxm === undefined)
        throw new PdsError('invalid-request', 'lxm is required: a token is for one method')
      return {
        token: await createServiceJwt({ iss: auth.did, aud, lxm, expiresIn, signer: signers.get(auth.did) }),
      }
    },
  })
}

function lifetime(exp: number | undefined): number {
  if (exp === undefined) return 60
  const seconds = exp - Math.floor(Date.now() / 1000)
  if (seconds <= 0) throw new PdsError('bad-expiration', 'expiration is in past')
  if (seconds > MAX_SECONDS)
    throw new PdsError(
      'bad-expiration',
      'cannot request a token with an expiration more than an hour in the future',
    )
  return seconds
}
