/**
 * Session tokens: HS256 JWTs in the form of the reference PDS (types `at+jwt` and `refresh+jwt`, scopes
 * `com.atproto.*`), so that sessions survive a move between the two when the secret moves too.
 */
import { isDid, type Did } from '@avocet/syntax'
import { errors, jwtVerify, SignJWT } from 'jose'

import { PdsError } from '../errors.ts'

/** What an access token allows. */
export type AccessScope =
  | 'com.atproto.access'
  | 'com.atproto.appPass'
  | 'com.atproto.appPassPrivileged'
  | 'com.atproto.takendown'

/** Whether a session was begun with an app password, a privileged one or not. */
export const isAppPassword = (scope: AccessScope): boolean =>
  scope === 'com.atproto.appPass' || scope === 'com.atproto.appPassPrivileged'

/** A verified access token. */
export interface AccessClaims {
  readonly did: Did
  readonly scope: AccessScope
}

/** A verified refresh token; `id` names its row. */
export interface RefreshClaims {
  readonly did: Did
  readonly id: string
  /** Expiry in seconds since the epoch. */
  readonly exp: number
}

/** Signs and verifies the tokens of this server. */
export interface Tokens {
  access(did: Did, scope: AccessScope): Promise<string>
  refresh(did: Did, id: string, exp: number): Promise<string>
  /** @throws PdsError `invalid-token` or `expired-token` */
  verifyAccess(token: string): Promise<AccessClaims>
  /** @throws PdsError `invalid-token`, or `expired-token` unless `allowExpired` (ending a session needs no more) */
  verifyRefresh(token: string, options?: { allowExpired?: boolean }): Promise<RefreshClaims>
}

/** Lifetime of an access token, in seconds. */
const ACCESS_SECONDS: number = 2 * 60 * 60
/** Lifetime of a refresh token, in seconds. */
export const REFRESH_SECONDS: number = 90 * 24 * 60 * 60

const REFRESH_SCOPE = 'com.atproto.refresh'
const MAX_TOKEN_LENGTH = 8192
const VERIFIED_LIMIT = 5000

const isScope = (scope: unknown): scope is AccessScope =>
  scope === 'com.atproto.access' ||
  scope === 'com.atproto.appPass' ||
  scope === 'com.atproto.appPassPrivileged' ||
  scope === 'com.atproto.takendown'

/** Tokens signed with `secret`; `audience` is this service's DID, read at each use since the port may come late. */
export function createTokens(secret: string, audience: () => string, now: () => number = Date.now): Tokens {
  const key = new TextEncoder().encode(secret)
  // An access token is sent with every request and its signature never changes: the newest ones are remembered.
  const verified = new Map<string, AccessClaims & { exp: number }>()
  const seconds = (): number => Math.floor(now() / 1000)

  const sign = (typ: string, claims: Record<string, string>, did: Did, exp: number): Promise<string> =>
    new SignJWT(claims)
      .setProtectedHeader({ typ, alg: 'HS256' })
      .setAudience(audience())
      .setSubject(did)
      .setIssuedAt(seconds())
      .setExpirationTime(exp)
      .sign(key)

  const verify = async (
    token: string,
    typ: string,
    allowExpired = false,
  ): Promise<{ did: Did; exp: number; scope: unknown; jti: string | undefined }> => {
    if (token.length > MAX_TOKEN_LENGTH) throw new PdsError('invalid-token', 'Token could not be verified')
    try {
      const { payload } = await jwtVerify(token, key, {
        typ,
        algorithms: ['HS256'],
        audience: audience(),
        requiredClaims: ['sub', 'exp'],
        currentDate: new Date(allowExpired ? 0 : now()),
      })
      const { sub, exp, jti } = payload
      // The types of these are what the signer pleased. One that is bound to a key counts with a proof of that key only, not here.
      if (!isDid(sub) || (jti !== undefined && typeof jti !== 'string') || payload['cnf'] !== undefined) {
        throw new TypeError('odd claims')
      }
      return { did: sub, exp: exp!, scope: payload['scope'], jti }
    } catch (cause) {
      if (cause instanceof errors.JWTExpired) {
        throw new PdsError('expired-token', 'Token has expired', { cause })
      }
      throw new PdsError('invalid-token', 'Token could not be verified', { cause })
    }
  }

  return {
    access: (did, scope) => sign('at+jwt', { scope }, did, seconds() + ACCESS_SECONDS),
    refresh: (did, id, exp) => sign('refresh+jwt', { scope: REFRESH_SCOPE, jti: id }, did, exp),
    verifyAccess: async (token) => {
      const known = verified.get(token)
      if (known !== undefined && known.exp > seconds()) return known
      const { did, exp, scope } = await verify(token, 'at+jwt')
      if (!isScope(scope)) throw new PdsError('invalid-token', 'Token could not be verified')
      const claims = { did, scope, exp }
      if (verified.size >= VERIFIED_LIMIT) verified.delete(verified.keys().next().value!)
      verified.set(token, claims)
      return claims
    },
    verifyRefresh: async (token, options) => {
      const { did, exp, scope, jti } = await verify(token, 'refresh+jwt', options?.allowExpired)
      if (scope !== REFRESH_SCOPE || jti === undefined) {
        throw new PdsError('invalid-token', 'Token could not be verified')
      }
      return { did, id: jti, exp }
    },
  }
}
