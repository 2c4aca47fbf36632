// https://www.rfc-editor.org/rfc/rfc7009

import type { Result } from '@avocet/syntax'

import { readAccessToken } from './access-token.ts'
import { parseClientId } from './client/client-id.ts'
import { identifyClient } from './client/identify.ts'
import { notAdmitted, type Core } from './core.ts'
import { endSession } from './end-session.ts'
import { refuse, type OAuthFailure } from './failure.ts'
import type { Parameters } from './http/body.ts'
import { readRefreshToken, refreshHash } from './refresh-token.ts'
import type { OAuthSession } from './rows.ts'

/**
 * Ends the session of a token, an access token (also one that is over) or a refresh token. What is no token of this client ends
 * nothing, and is answered the same.
 */
export async function revokeToken(
  core: Core,
  params: Parameters,
  from: string | null,
): Promise<Result<Record<string, never>, OAuthFailure>> {
  const clientId = params.get('client_id')
  const token = params.get('token')
  if (clientId === null) return refuse('invalid_request', 'client_id is missing')
  if (token === null) return refuse('invalid_request', 'token is missing')
  const id = parseClientId(clientId)
  if (!id.ok) return refuse('invalid_client_id', id.error)
  const refused = await notAdmitted(core, { what: 'revoke', clientId, from })
  if (refused !== null) return refused
  const done = { ok: true, value: {} } as const
  const session = await sessionOf(core, token)
  if (session === null || session.clientId !== clientId) return done
  if (session.clientKey !== null) {
    // The document of a public client is not asked for: to sign out must work while its host is down.
    const known = await identifyClient(core, params, clientId, null, { from, patient: true })
    if (!known.ok) return known
  }
  await endSession(core, session, 'revoked')
  return done
}

async function sessionOf(core: Core, token: string): Promise<OAuthSession | null> {
  const refresh = readRefreshToken(core.keys, token)
  if (refresh !== null) {
    const session = await core.store.sessions.get(refresh.sessionId)
    // One that was replaced ends nothing: it may have been found in a log.
    const isLast = refresh.generation === session?.generation && refreshHash(refresh) === session.refreshHash
    return isLast ? session : null
  }
  const access = await readAccessToken(core.keys, core, token)
  return access === null ? null : core.store.sessions.get(access.sessionId)
}
