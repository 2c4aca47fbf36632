import type { AccountRows } from '@avocet/accounts'
import { verificationKey, type DidResolver } from '@avocet/did'
import { verifyServiceJwt, type ServiceAuthErrorCode } from '@avocet/service-auth'
import type { Did } from '@avocet/syntax'

import { PdsError, type PdsErrorCode } from '../errors.ts'
import type { Authorizer, Headed } from './authorizer.ts'
import type { Caller, Operator, ServiceCaller } from './callers.ts'
import { ANY_APP, type Asked } from './needs.ts'

/** Callers who prove themselves with a token signed by the key of their DID. https://atproto.com/specs/xrpc#inter-service-authentication-jwt */
export interface ServiceCallers {
  /** The DID that signed the token. @throws PdsError `auth-missing`, `auth-required`, `bad-jwt` and its kin */
  verify(request: Headed, lxm: string): Promise<Did>
  /**
   * The operator by password, or the moderation service by a token of its own.
   * @throws PdsError `auth-required`, `untrusted-issuer`, `bad-jwt` and its kin
   */
  moderator(request: Asked, authorizer: Authorizer, lxm: string): Promise<Operator | ServiceCaller>
  /** Whether the request carries a token that no session of this server has. */
  carriesServiceToken(request: Headed): boolean
  /** Whoever acts for an account of this server, or a service token of one that lives here. */
  accessOrService(request: Asked, authorizer: Authorizer, lxm: string): Promise<Caller | ServiceCaller>
}

/**
 * Verifies service tokens addressed to this server, with keys as `dids` resolves them.
 * @param serviceDid the DID of this server
 * @param moderationService the DID of the service that may moderate here, or null
 */
export function createServiceCallers(
  dids: DidResolver,
  accounts: AccountRows,
  serviceDid: () => string,
  moderationService: string | null,
): ServiceCallers {
  /** Verifies the token, of an issuer (`did` or `did#service`) that is trusted. */
  const check = async (
    { header }: Headed,
    lxm: string,
    isTrusted: (iss: string) => boolean,
  ): Promise<Did> => {
    const token = bearer(header)
    if (token === null) throw new PdsError('auth-missing', 'Authentication Required')
    let untrusted = false
    const result = await verifyServiceJwt(token, {
      audience: serviceDid(),
      lxm,
      resolveKey: async (did, options) => {
        const { service } = options
        // Nobody is resolved who would be refused anyway.
        untrusted = !isTrusted(service === undefined ? did : `${did}#${service}`)
        if (untrusted) return null
        const resolved = await dids.resolve(did, options)
        const fragment = service === 'atproto_labeler' ? 'atproto_label' : 'atproto'
        return resolved.ok ? verificationKey(resolved.value, fragment) : null
      },
    })
    if (result.ok) return result.value.did
    if (untrusted) throw new PdsError('untrusted-issuer', 'Untrusted issuer')
    throw new PdsError(
      REFUSALS[result.error.code] ?? 'bad-jwt',
      `Service token was not accepted: ${result.error.message}`,
    )
  }

  const verify: ServiceCallers['verify'] = (request, lxm) => check(request, lxm, (iss) => !iss.includes('#'))

  return {
    verify,
    moderator: async (request, authorizer, lxm) => {
      if (bearer(request.header) === null) return authorizer.admin(request)
      const did = await check(
        request,
        lxm,
        (iss) =>
          moderationService !== null &&
          (iss === moderationService || iss === `${moderationService}#atproto_labeler`),
      )
      return { kind: 'service', did }
    },
    carriesServiceToken: ({ header }) => {
      const token = bearer(header)
      return token !== null && isServiceToken(token)
    },
    accessOrService: async (request, authorizer, lxm) => {
      const token = bearer(request.header)
      if (token === null || !isServiceToken(token)) {
        return authorizer.access(request, { deactivated: true, oauth: ANY_APP })
      }
      const did = await verify(request, lxm)
      const account = await accounts.get(did)
      if (account === null) throw new PdsError('auth-required', 'Account not found')
      if (account.takedownRef !== null) {
        throw new PdsError('account-takendown', 'Account has been taken down')
      }
      return { kind: 'service', did }
    },
  }
}

/** What refusals of a token are here. */
const REFUSALS: Readonly<Partial<Record<ServiceAuthErrorCode, PdsErrorCode>>> = {
  'wrong-type': 'bad-jwt-type',
  'invalid-issuer': 'bad-jwt-issuer',
  'wrong-audience': 'bad-jwt-audience',
  'wrong-method': 'bad-jwt-method',
  expired: 'jwt-expired',
  'bad-signature': 'bad-jwt-signature',
  'key-not-found': 'auth-required',
  'key-unavailable': 'auth-required',
}

function bearer(header: Headed['header']): string | null {
  return /^Bearer +(\S+)$/i.exec(header('authorization') ?? '')?.[1] ?? null
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
