// https://www.rfc-editor.org/rfc/rfc6749#section-5, https://atproto.com/specs/oauth#token-requests

import type { Result } from '@avocet/syntax'

import { identifyClient } from './client/identify.ts'
import { notAdmitted, type Core } from './core.ts'
import { exchangeCode } from './code-grant.ts'
import type { ProvedRequest } from './dpop.ts'
import { quoted, refuse, type OAuthFailure } from './failure.ts'
import type { Parameters } from './http/body.ts'
import { refreshSession } from './refresh-grant.ts'
import type { TokenAnswer } from './token-answer.ts'
import type { TokenCaller } from './token-caller.ts'

/**
 * Gives tokens for a code or a refresh token. Neither is looked at before the proof, its nonce and the client are known to be right:
 * a client that has to come again with a nonce has lost nothing.
 */
export async function giveTokens(
  core: Core,
  params: Parameters,
  proved: ProvedRequest,
  from: string | null,
): Promise<Result<TokenAnswer, OAuthFailure>> {
  const grant = params.get('grant_type')
  if (grant === null) return refuse('invalid_request', 'grant_type is missing')
  if (grant !== 'authorization_code' && grant !== 'refresh_token') {
    return refuse(
      'unsupported_grant_type',
      `grant_type must be authorization_code or refresh_token; got ${quoted(grant)}`,
    )
  }
  const clientId = params.get('client_id')
  if (clientId === null) return refuse('invalid_request', 'client_id is missing')
  const proof = core.dpop.verify(proved, null)
  if (!proof.ok) return refuse(proof.error.code, proof.error.message)
  const { thumbprint: dpopThumbprint, use } = proof.value
  if (!(await use())) return refuse('invalid_dpop_proof', 'DPoP proof was used before')
  const refused = await notAdmitted(core, { what: 'token', clientId, from })
  if (refused !== null) return refused
  const asker = { from, patient: true }
  const known = await identifyClient(core, params, clientId, dpopThumbprint, asker)
  if (!known.ok) return known
  const caller: TokenCaller = { ...known.value, dpopThumbprint, asker }
  if (grant === 'authorization_code') return exchangeCode(core, params, caller)
  return caller.client.renews
    ? refreshSession(core, params, caller)
    : refuse('unauthorized_client', 'grant_types of the client do not include refresh_token')
}
