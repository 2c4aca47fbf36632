import { ComAtprotoServerGetServiceAuth } from '@avocet/lexicons/com.atproto'
import type { Need } from '@avocet/oauth-scopes'
import type { Router } from '@avocet/xrpc-server'
import { createServiceJwt } from '@avocet/service-auth'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { closedToApps } from '../../auth/needs.ts'
import type { AccessScope } from '../../auth/tokens.ts'
import { PdsError } from '../../errors.ts'
import { isAudience } from '../../proxy/audience.ts'
import { isOfAccounts, isPrivileged, isProtected } from '../../proxy/methods.ts'
import type { Signers } from '../../identity/signers.ts'

/** Longest lifetime of a token for one method, and of one for any, in seconds. */
const MAX_SECONDS = 60 * 60
const MAX_METHODLESS_SECONDS = 60

/** A token that proves to another service that the caller asked for a method of it. */
export function getServiceAuth(router: Router, authorizer: Authorizer, signers: Signers): void {
  router.add(ComAtprotoServerGetServiceAuth.main, {
    ...accountMethod(authorizer, { deactivated: true, takendown: true, oauth: { call: needsOf } }),
    handler: async ({ params, auth, headers }) => {
      headers.set('cache-control', 'no-store')
      const { aud, exp, lxm = null } = params
      requireAudience(aud)
      if (auth.kind === 'session') checkScope(auth.scope, lxm)
      const expiresIn = lifetime(exp, lxm)
      if (lxm !== null && isProtected(lxm)) {
        throw new PdsError(
          'invalid-request',
          `cannot request a service auth token for the following protected method: ${lxm}`,
        )
      }
      const signer = await signers.get(auth.did)
      return {
        token: await createServiceJwt({ iss: auth.did, aud, lxm, expiresIn, signer }),
      }
    },
  })
}

/**
 * A token gives what a call through this server would: an app needs a scope for the method at that audience, and one for methods of an
 * account is for no app. Without a method it would be good for all of them, the protected ones too.
 */
function needsOf({ params }: { readonly params: ComAtprotoServerGetServiceAuth.Params }): readonly Need[] {
  const { aud, lxm } = params
  requireAudience(aud)
  if (lxm === undefined) throw new PdsError('invalid-request', 'lxm is required with OAuth credentials')
  if (isOfAccounts(lxm)) throw closedToApps()
  return [{ resource: 'rpc', lxm, aud }]
}

function requireAudience(aud: string): void {
  if (isAudience(aud)) return
  throw new PdsError('invalid-request', 'aud must be a valid atproto DID or did#serviceId reference')
}

/** An account that was taken down may still make one elsewhere; a plain app password does nothing in private. */
function checkScope(scope: AccessScope, lxm: string | null): void {
  if (scope === 'com.atproto.takendown' && lxm !== 'com.atproto.server.createAccount') {
    throw new PdsError('invalid-token', 'Bad token scope')
  }
  if (scope === 'com.atproto.appPass' && lxm !== null && isPrivileged(lxm)) {
    throw new PdsError(
      'invalid-request',
      `insufficient access to request a service auth token for the following method: ${lxm}`,
    )
  }
}

function lifetime(exp: number | undefined, lxm: string | null): number {
  if (exp === undefined) return 60
  const seconds = exp - Math.floor(Date.now() / 1000)
  if (seconds <= 0) throw new PdsError('bad-expiration', 'expiration is in past')
  if (seconds > MAX_SECONDS) {
    throw new PdsError(
      'bad-expiration',
      'cannot request a token with an expiration more than an hour in the future',
    )
  }
  if (lxm === null && seconds > MAX_METHODLESS_SECONDS) {
    throw new PdsError(
      'bad-expiration',
      'cannot request a method-less token with an expiration more than a minute in the future',
    )
  }
  return seconds
}
