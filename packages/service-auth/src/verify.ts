// https://atproto.com/specs/xrpc#inter-service-authentication-jwt
import { toLowS, verifySignature, type PublicKey, type VerifySignature } from '@avocet/crypto'
import type { Did } from '@avocet/syntax'
import { fail, type ServiceAuthResult } from './error.ts'
import type { ReplayGuard } from './replay.ts'
import { parseToken, type ParsedToken } from './token.ts'

/** A token that holds. */
export interface ServiceToken {
  /** As in the token: a DID, or `did#service`. */
  readonly iss: string
  /** The DID of `iss`. */
  readonly did: Did
  /** The fragment of `iss`, without `#`. */
  readonly service: string | undefined
  readonly aud: string
  readonly lxm: string | undefined
  /** Seconds since 1970. */
  readonly exp: number
  readonly iat: number | undefined
  readonly jti: string | undefined
}

/** How the key of an issuer is asked for. */
export interface ResolveKeyOptions {
  /** True on the second try, after a signature did not match: the key may have been rotated. */
  readonly forceRefresh: boolean
  /** The fragment of `iss`, for a resolver that knows keys other than `#atproto`. */
  readonly service: string | undefined
}

/** Options of {@link verifyServiceJwt}. */
export interface VerifyServiceJwtOptions {
  /** What `aud` must be, exactly: this service's DID, and `did#service` where it answers to that too. */
  readonly audience: string | readonly string[]
  /** The method that is called, which `lxm` must name; `'any'` takes tokens for any method and for none. */
  readonly lxm: string
  /** The issuer's signing key; null when it has none. A throw becomes `key-unavailable`. */
  readonly resolveKey: (did: Did, options: ResolveKeyOptions) => PublicKey | null | Promise<PublicKey | null>
  /** Refuses a second use of a token, which then needs a `jti`. Default: uses are not counted. */
  readonly replay?: ReplayGuard
  /** Tolerance of clocks in seconds; default 15. */
  readonly clockSkew?: number
  /** Longest time in seconds from now to `exp`; default 3600. */
  readonly maxLifetime?: number
  /** The signature check; default that of @avocet/crypto. */
  readonly verify?: VerifySignature
  /** The clock, in milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number
}

/**
 * Verifies a token of another service: claims first, then the signature by the issuer's current key, which is fetched
 * anew once if it does not match. Nothing is asked of the network for a token whose claims do not hold.
 */
export async function verifyServiceJwt(
  jwt: string,
  options: VerifyServiceJwtOptions,
): Promise<ServiceAuthResult<ServiceToken>> {
  const { now = Date.now, clockSkew = 15 } = options
  const parsed = parseToken(jwt)
  if (!parsed.ok) return parsed
  const token = parsed.value
  const claims = checkClaims(token, options, now() / 1000)
  if (claims !== null) return claims
  const signature = await checkSignature(token, options)
  if (signature !== null) return signature
  const { iss, did, service, aud, lxm, exp, iat, jti } = token
  if (options.replay !== undefined) {
    // The nonce counts only once the signature holds: nobody can use up another's.
    const fresh = await options.replay.use(`${iss} ${jti}`, (exp + clockSkew) * 1000)
    if (!fresh) return fail('replayed')
  }
  return { ok: true, value: { iss, did, service, aud, lxm, exp, iat, jti } }
}

type Failure = ReturnType<typeof fail>

function checkClaims(token: ParsedToken, options: VerifyServiceJwtOptions, now: number): Failure | null {
  const { audience, lxm, clockSkew = 15, maxLifetime = 3_600, replay } = options
  const audiences = typeof audience === 'string' ? [audience] : audience
  if (!audiences.includes(token.aud)) return fail('wrong-audience')
  if (lxm !== 'any' && token.lxm !== lxm) return fail('wrong-method')
  if (token.exp + clockSkew <= now) return fail('expired')
  if (Math.max(token.iat ?? 0, token.nbf ?? 0) > now + clockSkew) return fail('not-yet-valid')
  if (token.exp > now + maxLifetime + clockSkew) return fail('lifetime-too-long')
  if (replay !== undefined && token.jti === undefined) return fail('missing-nonce')
  return null
}

async function checkSignature(token: ParsedToken, options: VerifyServiceJwtOptions): Promise<Failure | null> {
  const { resolveKey, verify = verifySignature } = options
  // JWT libraries sign with high S as well. The token's identity is its nonce, so the other S is no second token.
  const signature = toLowS(token.curve, token.signature)
  const matches = (key: PublicKey): boolean =>
    key.curve === token.curve && verify(key, token.signed, signature)

  let first: PublicKey | null = null
  for (const forceRefresh of [false, true]) {
    let key: PublicKey | null
    try {
      key = await resolveKey(token.did, { forceRefresh, service: token.service })
    } catch (cause) {
      return fail('key-unavailable', { cause })
    }
    if (key !== null && !(forceRefresh && isSameKey(key, first)) && matches(key)) return null
    if (key === null && forceRefresh) return fail('key-not-found')
    first = key
  }
  return fail('bad-signature')
}

function isSameKey(a: PublicKey, b: PublicKey | null): boolean {
  return b !== null && a.curve === b.curve && a.bytes.every((byte, index) => byte === b.bytes[index])
}
