// https://www.rfc-editor.org/rfc/rfc6749#section-5.1, https://atproto.com/specs/oauth#tokens-and-session-lifetime
import { isDid, type Did } from '@avocet/syntax'

import { shown } from './bytes.ts'
import { OAuthClientError } from './error.ts'

/** The tokens of an answer. */
export interface Tokens {
  readonly sub: Did
  readonly scope: string
  readonly accessToken: string
  readonly refreshToken: string | null
  /** Milliseconds since 1970; null where the server did not say. */
  readonly expiresAt: number | null
}

const MAX_TOKEN = 32 * 1024

/**
 * @param did whose tokens they must be; null where that was left to the server
 * @throws {OAuthClientError} `invalid-answer`, `wrong-account`
 */
export function readTokens(answer: Readonly<Record<string, unknown>>, now: number, did: Did | null): Tokens {
  const {
    token_type: type,
    access_token: access,
    refresh_token: refresh,
    sub,
    scope,
    expires_in: seconds,
  } = answer
  if (typeof type !== 'string' || type.toLowerCase() !== 'dpop') throw invalid('token_type', type)
  if (!isToken(access)) throw invalid('access_token', typeof access)
  if (refresh !== undefined && !isToken(refresh)) throw invalid('refresh_token', typeof refresh)
  if (!isDid(sub)) throw invalid('sub', sub)
  if (typeof scope !== 'string' || !scope.split(' ').includes('atproto')) throw invalid('scope', scope)
  if (seconds !== undefined && !(typeof seconds === 'number' && seconds >= 0 && seconds < 1e9)) {
    throw invalid('expires_in', seconds)
  }
  if (did !== null && sub !== did) {
    throw new OAuthClientError('wrong-account', `tokens of another account; expected=${did} found=${sub}`)
  }
  return {
    sub,
    scope,
    accessToken: access,
    refreshToken: refresh ?? null,
    expiresAt: seconds === undefined ? null : now + seconds * 1000,
  }
}

/** Printable, as it has to go into a header. */
export function isToken(value: unknown, maxLength: number = MAX_TOKEN): value is string {
  return typeof value === 'string' && value.length <= maxLength && /^[\x21-\x7e]+$/.test(value)
}

function invalid(field: string, value: unknown): OAuthClientError {
  return new OAuthClientError('invalid-answer', `tokens with a wrong ${field}; found=${shown(value)}`)
}
