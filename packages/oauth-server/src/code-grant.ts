// https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3, https://www.rfc-editor.org/rfc/rfc7636#section-4.6

import type { Result } from '@avocet/syntax'
import { randomBytes } from 'node:crypto'

import { secondsOf, type Core } from './core.ts'
import { endSession } from './end-session.ts'
import { refuse, type OAuthFailure } from './failure.ts'
import type { Parameters } from './http/body.ts'
import { sha256 } from './keys.ts'
import { refreshHash } from './refresh-token.ts'
import type { AuthorizationRequest, OAuthSession } from './rows.ts'
import type { TokenCaller } from './token-caller.ts'
import { sessionExpiry, tokenAnswer, type TokenAnswer } from './token-answer.ts'

const VERIFIER = /^[\w.~-]{43,128}$/
/** `cod-` and 32 bytes. */
const CODE = /^cod-[0-9a-f]{64}$/

/** A session for a code, once. */
export async function exchangeCode(
  core: Core,
  params: Parameters,
  caller: TokenCaller,
): Promise<Result<TokenAnswer, OAuthFailure>> {
  const code = params.get('code')
  const redirectUri = params.get('redirect_uri')
  const verifier = params.get('code_verifier')
  if (code === null) return refuse('invalid_request', 'code is missing')
  if (redirectUri === null) return refuse('invalid_request', 'redirect_uri is missing')
  if (verifier === null || !VERIFIER.test(verifier)) {
    return refuse('invalid_request', 'code_verifier must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~')
  }
  const gone = refuse('invalid_grant', 'code is not known, over, or was used before')
  if (!CODE.test(code)) return gone
  const codeHash = sha256(code)
  const request = await core.store.requests.byCode(codeHash)
  if (request === null) {
    await endReplayed(core, codeHash, caller)
    return gone
  }
  const { granted, dpopThumbprint } = request
  const now = secondsOf(core)
  if (granted === null || request.expiresAt <= now) return gone
  // Whoever saw the code, and has another key, uses nothing up.
  if (dpopThumbprint !== caller.dpopThumbprint) {
    return refuse('invalid_grant', 'code is bound to another key of DPoP')
  }
  const problem = mismatch(request, caller, redirectUri, verifier)
  if (problem !== null) {
    await core.store.apply([{ type: 'takeCode', codeHash, now }])
    return refuse('invalid_grant', problem)
  }
  if (!isUsable(await core.accounts.status(granted.did))) {
    await core.store.apply([{ type: 'takeCode', codeHash, now }])
    return refuse('invalid_grant', 'the account may not sign in')
  }
  const secret = caller.client.renews ? randomBytes(32).toString('base64url') : null
  const { clientId, clientKey, device } = request
  const times = { createdAt: now, refreshedAt: now }
  const session: OAuthSession = {
    id: randomBytes(16).toString('hex'),
    did: granted.did,
    clientId,
    clientKey,
    dpopThumbprint,
    scope: granted.scope,
    permissions: granted.permissions,
    codeHash,
    device,
    ...times,
    generation: 1,
    refreshHash: secret === null ? null : refreshHash({ secret }),
    expiresAt: secret === null ? now + core.lifetimes.access : sessionExpiry(core, request, times),
  }
  const { sessionsPerAccount: maxPerAccount, sessionsPerClient: maxPerClient } = core.limits
  const outcome = await core.store.apply([
    { type: 'takeCode', codeHash, now },
    { type: 'addSession', session, maxPerAccount, maxPerClient },
  ])
  if (outcome.status !== 'applied') {
    // Somebody was quicker with the same code.
    await endReplayed(core, codeHash, caller)
    return gone
  }
  core.onEvent({ type: 'session-began', did: session.did, clientId, sessionId: session.id })
  return { ok: true, value: await tokenAnswer(core, session, secret) }
}

/** Whether an account may have sessions. One that is deactivated may come back to them; what it may do is for the resource to say. */
export function isUsable(status: 'active' | 'deactivated' | 'takendown' | null): boolean {
  return status === 'active' || status === 'deactivated'
}

function mismatch(
  { clientId, clientKey, parameters }: AuthorizationRequest,
  { client, clientKey: shown }: TokenCaller,
  redirectUri: string,
  verifier: string,
): string | null {
  if (clientId !== client.id) return 'code is of another client'
  if (clientKey?.thumbprint !== shown?.thumbprint || clientKey?.id !== shown?.id) {
    return 'code was asked for with another key of the client'
  }
  if (parameters.redirectUri !== redirectUri) return 'redirect_uri is not the one of the request'
  return sha256(verifier) === parameters.codeChallenge ? null : 'code_verifier does not match code_challenge'
}

/** Ends what a code gave that is used again, by whoever could have used it. */
async function endReplayed(core: Core, codeHash: string, caller: TokenCaller): Promise<void> {
  const session = await core.store.sessions.byCode(codeHash)
  if (session === null || session.clientId !== caller.client.id) return
  if (session.dpopThumbprint !== caller.dpopThumbprint) return
  await endSession(core, session, 'code-replayed')
}
