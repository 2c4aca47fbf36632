import { accessExpiry, signAccessToken } from './access-token.ts'
import { secondsOf, type Core } from './core.ts'
import { writeRefreshToken } from './refresh-token.ts'
import type { OAuthSession } from './rows.ts'

/** What the token endpoint answers. https://atproto.com/specs/oauth#token-requests */
export interface TokenAnswer {
  readonly access_token: string
  readonly token_type: 'DPoP'
  readonly refresh_token?: string
  /** What was granted, permission sets expanded. */
  readonly scope: string
  readonly expires_in: number
  /** The account: clients refuse an answer without it. */
  readonly sub: string
}

/** The tokens of a session's present generation. @param secret of its refresh token; null where the client gets none */
export async function tokenAnswer(
  core: Core,
  session: OAuthSession,
  secret: string | null,
): Promise<TokenAnswer> {
  const { keys, lifetimes } = core
  const { id: sessionId, generation, did, permissions } = session
  return {
    access_token: await signAccessToken(keys, core, session, lifetimes.access),
    token_type: 'DPoP',
    ...(secret === null ? {} : { refresh_token: writeRefreshToken(keys, { sessionId, generation, secret }) }),
    scope: permissions,
    expires_in: Math.max(1, accessExpiry(session, lifetimes.access) - secondsOf(core)),
    sub: did,
  }
}

/**
 * When a session ends unless it is renewed.
 * @param from its first and its present renewal, in seconds since 1970
 */
export function sessionExpiry(
  { lifetimes, isTrusted }: Pick<Core, 'lifetimes' | 'isTrusted'>,
  { clientId, clientKey }: Pick<OAuthSession, 'clientId' | 'clientKey'>,
  from: { readonly createdAt: number; readonly refreshedAt: number },
): number {
  return clientKey === null && !isTrusted(clientId)
    ? from.createdAt + lifetimes.publicSession
    : Math.min(
        from.createdAt + lifetimes.confidentialSession,
        from.refreshedAt + lifetimes.confidentialRefresh,
      )
}
