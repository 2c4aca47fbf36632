import { signingKey, type DidResolver } from '@avocet/did'
import { verifyServiceJwt } from '@avocet/service-auth'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { PublicAddress } from '../identity/address.ts'
import type { AccountStore } from './account-store.ts'
import type { Authorizer, Headed } from './authorizer.ts'

/** Callers who prove themselves with a token signed by the key of their DID. https://atproto.com/specs/xrpc#inter-service-authentication-jwt */
export interface ServiceCallers {
  /** The DID that signed the token. @throws PdsError `auth-missing`, `auth-required`, `expired-token` */
  verify(request: Headed, lxm: string): Promise<Did>
  /** A session of this server, or a service token of an account that lives here. */
  accessOrService(request: Headed, authorizer: Authorizer, lxm: string): Promise<{ did: Did }>
}

/** Verifies service tokens addressed to this server, with keys as `dids` resolves them. */
export function createServiceCallers(
  dids: DidResolver,
  accounts: AccountStore,
  address: PublicAddress,
): ServiceCallers {
  const verify: ServiceCallers['verify'] = async ({ header }, lxm) => {
    const token = /^Bearer +(\S+)$/i.exec(header('authorization') ?? '')?.[1]
    if (token === undefined) throw new PdsError('auth-missing', 'Authentication Required')
    const result = await verifyServiceJwt(token, {
      audience: address.serviceDid(),
      lxm,
      resolveKey: async (did, options) => {
        const resolved = await dids.resolve(did, options)
        return resolved.ok ? signingKey(resolved.value) : null
      },
    })
    if (result.ok) return result.value.iss.split('#')[0] as Did
    throw new PdsError('auth-required', `Service token was not accepted: ${result.error.message}`)
  }

  return {
    verify,
    accessOrService: async (request, authorizer, lxm) => {
      const token = /^Bearer +(\S+)$/i.exec(request.header('authorization') ?? '')?.[1]
      if (token === undefined || !isServiceToken(token))
        return authorizer.access(request, { deactivated: true })
      const did = await verify(request, lxm)
      if (accounts.get(did) === null) throw new PdsError('auth-required', 'Account not found')
      return { did }
    },
  }
}

/** A service token names its method and is signed by an elliptic curve; a session token is neither. */
function isServiceToken(token: string): boolean {
  try {
    const header = JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { alg?: unknown }
    return header.alg !== 'HS256'
  } catch {
    return false
  }
}
