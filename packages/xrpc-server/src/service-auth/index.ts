// https://atproto.com/specs/xrpc#inter-service-authentication-jwt
import { verificationKey, type DidResolver } from '@avocet/did'
import {
  verifyServiceJwt,
  type ServiceAuthErrorCode,
  type ServiceToken,
  type VerifyServiceJwtOptions,
} from '@avocet/service-auth'
import { XrpcError } from '@avocet/xrpc'
import type { Auth } from '../types.ts'

/** Settings of {@link serviceAuth}. */
export interface ServiceAuthOptions extends Pick<
  VerifyServiceJwtOptions,
  'replay' | 'clockSkew' | 'maxLifetime' | 'verify' | 'now'
> {
  /** Finds the keys of callers; wrap it in `withCache`, since each call asks. */
  readonly dids: Pick<DidResolver, 'resolve'>
  /** What tokens must be meant for: this service's DID, and `did#service` where callers name that. */
  readonly audience: string | readonly string[]
  /**
   * Which services of an account may call beside the account itself, and the key of each: by the fragment of `iss`, the fragment of a verification
   * method: `{ atproto_labeler: 'atproto_label' }`. Default none.
   */
  readonly services?: Readonly<Record<string, string>>
}

/**
 * The `auth` of methods that other services call for an account: takes the service token of a request (`Authorization: Bearer`) and gives what it
 * says. It must be meant for this service and for the method that is called, and signed by the key in the document of its issuer, which is fetched anew
 * once where the signature does not match.
 *
 * Throws an `XrpcError`: 401 `AuthMissing`, `BadJwt`, `BadJwtType`, `BadJwtIss`, `BadJwtAudience`, `BadJwtLexiconMethod`, `JwtExpired`,
 * `BadJwtSignature`; 502 `UpstreamFailure` where the key cannot be asked for now.
 *
 * @example
 * const auth = serviceAuth({ dids: withCache(createDidResolver()), audience: 'did:web:feed.example.com' })
 * router.add(GetFeedSkeleton.main, { auth, handler: ({ auth: { did } }) => feedFor(did) })
 */
export function serviceAuth(options: ServiceAuthOptions): Auth<ServiceToken> {
  const { dids, audience, services = {}, ...rest } = options
  return async ({ nsid, header }) => {
    const token = /^Bearer +(\S+)$/i.exec(header('authorization') ?? '')?.[1]
    if (token === undefined) throw refused('AuthMissing', 'Authentication Required')
    let isAllowed = true
    const result = await verifyServiceJwt(token, {
      ...rest,
      audience,
      lxm: nsid,
      resolveKey: async (did, { service, forceRefresh }) => {
        const fragment = service === undefined ? 'atproto' : keyOf(services, service)
        isAllowed = fragment !== null
        // Nobody is looked up who would be refused anyway.
        if (fragment === null) return null
        const document = await dids.resolve(did, { forceRefresh })
        if (document.ok) return verificationKey(document.value, fragment)
        const { code } = document.error
        if (code === 'not-found' || code === 'tombstoned') return null
        throw document.error
      },
    })
    if (result.ok) return result.value
    const { code, message, cause } = result.error
    if (!isAllowed) throw refused('BadJwtIss', 'Untrusted issuer')
    if (code === 'key-unavailable') {
      throw new XrpcError(502, 'UpstreamFailure', 'The key of the caller cannot be looked up now', { cause })
    }
    throw refused(NAMES[code] ?? 'BadJwt', `Service token was not accepted: ${message}`)
  }
}

/** Names that callers know; what is not here is `BadJwt`. */
const NAMES: Readonly<Partial<Record<ServiceAuthErrorCode, string>>> = {
  'wrong-type': 'BadJwtType',
  'invalid-issuer': 'BadJwtIss',
  'wrong-audience': 'BadJwtAudience',
  'wrong-method': 'BadJwtLexiconMethod',
  expired: 'JwtExpired',
  'key-not-found': 'BadJwtSignature',
  'bad-signature': 'BadJwtSignature',
}

function keyOf(services: Readonly<Record<string, string>>, service: string): string | null {
  return Object.hasOwn(services, service) ? services[service]! : null
}

function refused(error: string, message: string): XrpcError {
  return new XrpcError(401, error, message, { headers: { 'www-authenticate': 'Bearer' } })
}
