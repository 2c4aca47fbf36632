// https://www.rfc-editor.org/rfc/rfc6749#section-6, https://atproto.com/specs/oauth#tokens-and-session-lifetime

import type { Result } from '@avocet/syntax'

import { isUsable } from './code-grant.ts'
import { secondsOf, type Core } from './core.ts'
import { endSession } from './end-session.ts'
import { refuse, unavailable, type OAuthFailure, type Refused } from './failure.ts'
import type { Parameters } from './http/body.ts'
import { readRefreshToken, refreshHash, successorSecrets, type RefreshToken } from './refresh-token.ts'
import type { OAuthSession } from './rows.ts'
import { canonicalTexts, expandScope, scopeTexts } from './scopes.ts'
import type { TokenCaller } from './token-caller.ts'
import { sessionExpiry, tokenAnswer, type TokenAnswer } from './token-answer.ts'

/** How often a renewal is built before the store counts as busy. */
const ATTEMPTS = 5

type Answer = Result<TokenAnswer, OAuthFailure>

const gone = (): Refused => refuse('invalid_grant', 'refresh_token is not known, over, or its session ended')

/** The next tokens of a session. Of many requests with one token at once, each gets the same. */
export async function refreshSession(core: Core, params: Parameters, caller: TokenCaller): Promise<Answer> {
  const text = params.get('refresh_token')
  if (text === null) return refuse('invalid_request', 'refresh_token is missing')
  const token = readRefreshToken(core.keys, text)
  if (token === null) return gone()
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const answer = await renew(core, token, params.get('scope'), caller)
    if (answer !== 'stale') return answer
  }
  return unavailable('the session is renewed by many requests at once', 1)
}

async function renew(
  core: Core,
  token: RefreshToken,
  asked: string | null,
  caller: TokenCaller,
): Promise<Answer | 'stale'> {
  const session = await core.store.sessions.get(token.sessionId)
  const now = secondsOf(core)
  if (session === null || session.expiresAt <= now) return gone()
  const stranger = await callerProblem(core, session, caller)
  if (stranger !== null) return stranger
  if (token.generation !== session.generation) return answerAgain(core, session, token, now)
  if (session.refreshHash === null || refreshHash(token) !== session.refreshHash) return gone()
  if (asked !== null && !isWithin(asked, session)) {
    return refuse('invalid_scope', 'scope is wider than what was granted')
  }
  if (!isUsable(await core.accounts.status(session.did))) {
    await endSession(core, session, 'account-gone')
    return refuse('invalid_grant', 'the account may not sign in')
  }
  // Sets grow and shrink with their documents; one that cannot be read now gives what it gave before.
  const expanded = await expandScope(session.scope, core.permissionSets, 'renewal')
  const secret = successorSecrets(core.keys, token)[0]!
  const set = {
    refreshHash: refreshHash({ secret }),
    refreshedAt: now,
    expiresAt: sessionExpiry(core, session, { createdAt: session.createdAt, refreshedAt: now }),
    permissions: expanded.ok ? expanded.value.permissions : session.permissions,
  }
  const { id, generation } = session
  const outcome = await core.store.apply([{ type: 'rotateSession', id, generation, set }])
  if (outcome.status !== 'applied') return 'stale'
  const value = await tokenAnswer(core, { ...session, ...set, generation: generation + 1 }, secret)
  return { ok: true, value }
}

/** Why this caller may not renew this session. Who has no right to it does not end it either. */
async function callerProblem(
  core: Core,
  session: OAuthSession,
  { client, clientKey, dpopThumbprint, asker }: TokenCaller,
): Promise<Refused | null> {
  if (session.clientId !== client.id) return refuse('invalid_grant', 'refresh_token is of another client')
  if (session.dpopThumbprint !== dpopThumbprint) {
    return refuse('invalid_grant', 'refresh_token is bound to another key of DPoP')
  }
  const bound = session.clientKey
  if (bound === null) return null
  if (bound.id === clientKey?.id && bound.thumbprint === clientKey.thumbprint) return null
  const published = await core.clients.key(client, bound.id, asker)
  if (!published.ok) return published
  // A client takes a key back when somebody else may have it.
  if (published.value === null) await endSession(core, session, 'client-key-gone')
  return refuse('invalid_grant', 'refresh_token is bound to another key of the client')
}

/**
 * For the token before the present one, a short time: the present one once more, as its answer was lost or another tab of the app
 * was quicker. Anything else is a token that was used twice, by somebody.
 */
async function answerAgain(
  core: Core,
  session: OAuthSession,
  token: RefreshToken,
  now: number,
): Promise<Answer> {
  if (token.generation > session.generation) return gone()
  // Only the token before the present one leads to it.
  const secret =
    now < session.refreshedAt + core.lifetimes.grace
      ? successorSecrets(core.keys, token).find((one) => refreshHash({ secret: one }) === session.refreshHash)
      : undefined
  if (secret === undefined) {
    await endSession(core, session, 'refresh-replayed')
    return refuse('invalid_grant', 'refresh_token was used before')
  }
  // What was read may not be on the disk yet.
  await core.store.apply([])
  return { ok: true, value: await tokenAnswer(core, session, secret) }
}

function isWithin(asked: string, { scope, permissions }: OAuthSession): boolean {
  const held = new Set([...scopeTexts(scope), ...scopeTexts(permissions)])
  return canonicalTexts(asked).every((text) => held.has(text))
}
