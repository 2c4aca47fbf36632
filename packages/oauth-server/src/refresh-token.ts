// https://www.rfc-editor.org/rfc/rfc6749#section-10.4, https://www.rfc-editor.org/rfc/rfc9700#section-4.14

import { timingSafeEqual } from 'node:crypto'

import { sha256, type OAuthKeys } from './keys.ts'

/** A refresh token of this server, taken apart. */
export interface RefreshToken {
  readonly sessionId: string
  /** Which generation of the session's tokens it is of. */
  readonly generation: number
  /** What only its holder knows. */
  readonly secret: string
}

const TOKEN = /^ref-([0-9a-f]{32})\.([1-9]\d{0,8})\.([\w-]{43})\.([\w-]{22})$/

/**
 * The text of a refresh token. It names its session and generation, and a MAC shows that this server made it: so a token that is
 * used again is known as one, however old, with nothing kept of it.
 */
export function writeRefreshToken(keys: OAuthKeys, token: RefreshToken): string {
  return `ref-${bodyOf(token)}.${macs(keys, token)[0]!}`
}

/** A token that this server made; null for any other text. */
export function readRefreshToken(keys: OAuthKeys, text: string): RefreshToken | null {
  const match = TOKEN.exec(text)
  if (match === null) return null
  const [, sessionId, generation, secret, mac] = match
  const token = { sessionId: sessionId!, generation: Number(generation), secret: secret! }
  const given = Buffer.from(mac!)
  return macs(keys, token).some((one) => timingSafeEqual(Buffer.from(one), given)) ? token : null
}

/**
 * The secrets that may follow this one, by each of the server's keys, the one in use first. Who shows a token again gets the same
 * successor, though only its hash is kept; and without the token nobody knows it, the server neither.
 */
export function successorSecrets(
  keys: OAuthKeys,
  { sessionId, generation, secret }: RefreshToken,
): readonly string[] {
  return keys.macs('refresh-successor', `${sessionId}.${generation + 1}.${secret}`)
}

/** What is kept of a token. */
export function refreshHash({ secret }: Pick<RefreshToken, 'secret'>): string {
  return sha256(secret)
}

function bodyOf({ sessionId, generation, secret }: RefreshToken): string {
  return `${sessionId}.${generation}.${secret}`
}

/** 132 bits. */
function macs(keys: OAuthKeys, token: RefreshToken): string[] {
  return keys.macs('refresh-token', bodyOf(token)).map((mac) => mac.slice(0, 22))
}
