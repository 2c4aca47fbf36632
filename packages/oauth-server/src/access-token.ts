// https://www.rfc-editor.org/rfc/rfc9068, https://atproto.com/specs/oauth#tokens-and-session-lifetime

import { isDid, type Did } from '@avocet/syntax'

import { isObject, parseJson } from './json.ts'
import type { OAuthKeys } from './keys.ts'
import type { OAuthSession } from './rows.ts'

/** What an access token says. Its scopes are those of its session, so that ending or narrowing that works at once. */
export interface AccessToken {
  readonly did: Did
  readonly clientId: string
  readonly sessionId: string
  readonly dpopThumbprint: string
  /** Seconds since 1970. */
  readonly expiresAt: number
}

/** Who gives tokens, and to whom. */
export interface TokenParties {
  /** The public origin of the server. */
  readonly issuer: string
  /** The DID of the server as a resource. */
  readonly audience: () => string
}

/** Longer than any token of this server, with the longest id that a client may have. */
const MAX_TOKEN = 8192

/**
 * The access token of a session's present generation: for the same one always the same text, so that a client that lost an
 * answer gets what it lost.
 * @param lifetime seconds
 */
export async function signAccessToken(
  keys: OAuthKeys,
  { issuer, audience }: TokenParties,
  session: OAuthSession,
  lifetime: number,
): Promise<string> {
  const { id, did, clientId, dpopThumbprint, generation, refreshedAt } = session
  return keys.sign(
    JSON.stringify({
      iss: issuer,
      aud: audience(),
      sub: did,
      client_id: clientId,
      iat: refreshedAt,
      exp: accessExpiry(session, lifetime),
      jti: `tok-${keys.macs('access-token-id', `${id}.${generation}`)[0]!.slice(0, 22)}`,
      sid: id,
      cnf: { jkt: dpopThumbprint },
    }),
  )
}

/** When the access token of a session's present generation is over, in seconds since 1970. @param lifetime seconds */
export function accessExpiry({ refreshedAt, expiresAt }: OAuthSession, lifetime: number): number {
  return Math.min(refreshedAt + lifetime, expiresAt)
}

/** What a token of this server says, also one that is over; null for any other text. Never throws. */
export async function readAccessToken(
  keys: OAuthKeys,
  { issuer, audience }: TokenParties,
  token: string,
): Promise<AccessToken | null> {
  if (token.length > MAX_TOKEN) return null
  const payload = await keys.open(token)
  const claims = payload === null ? undefined : parseJson(payload)
  if (!isObject(claims) || claims['iss'] !== issuer || claims['aud'] !== audience()) return null
  const { sub, client_id: clientId, sid, exp, cnf } = claims
  const jkt = isObject(cnf) ? cnf['jkt'] : undefined
  if (!isDid(sub) || typeof clientId !== 'string' || typeof sid !== 'string') return null
  if (typeof exp !== 'number' || typeof jkt !== 'string') return null
  return { did: sub, clientId, sessionId: sid, dpopThumbprint: jkt, expiresAt: exp }
}
