// https://www.rfc-editor.org/rfc/rfc9126, https://atproto.com/specs/oauth#authorization-requests

import { isDid, isHandle, type Result } from '@avocet/syntax'
import { randomBytes } from 'node:crypto'

import type { Client } from './client/client.ts'
import { identifyClient } from './client/identify.ts'
import { isRegistered } from './client/redirect-uri.ts'
import { notAdmitted, secondsOf, type Core } from './core.ts'
import type { ProvedRequest } from './dpop.ts'
import { quoted, refuse, tooMany, unavailable, type OAuthFailure, type Refused } from './failure.ts'
import type { Parameters } from './http/body.ts'
import type { AuthorizationRequest, Prompt, RequestParameters, ResponseMode } from './rows.ts'
import { expandScope, requestedScope } from './scopes.ts'

/** What a `request_uri` begins with. */
export const REQUEST_URI = 'urn:ietf:params:oauth:request_uri:req-'

const MAX_STATE = 4096
const MAX_LOCALES = 256
/** A challenge may be used once in that time, in ms. */
const CHALLENGE_FOR = 86_400_000
const THUMBPRINT = /^[\w-]{43}$/
const MODES: readonly unknown[] = ['query', 'fragment', 'form_post'] satisfies ResponseMode[]
const PROMPTS: readonly unknown[] = [
  'none',
  'login',
  'consent',
  'select_account',
  'create',
] satisfies Prompt[]
const DISPLAYS: readonly unknown[] = ['page', 'popup', 'touch']
/** What other profiles have, and what would change the meaning of a request if it were passed over. */
const REFUSED = ['claims', 'id_token_hint', 'nonce', 'request', 'request_uri', 'authorization_details']

/** Takes a request of a client, to be opened in a browser. */
export async function pushRequest(
  core: Core,
  params: Parameters,
  proved: ProvedRequest,
  from: string | null,
): Promise<Result<{ readonly request_uri: string; readonly expires_in: number }, OAuthFailure>> {
  const clientId = params.get('client_id')
  if (clientId === null) return refuse('invalid_request', 'client_id is missing')
  const key = await boundKey(core, params, proved)
  if (!key.ok) return key
  const refused = await notAdmitted(core, { what: 'par', clientId, from })
  if (refused !== null) return refused
  const asker = { from, patient: false }
  const known = await identifyClient(core, params, clientId, key.value, asker)
  if (!known.ok) return known
  const { client, clientKey } = known.value
  const isTrusted = core.isTrusted(clientId)
  const parameters = readRequest(params, client, clientKey !== null || isTrusted)
  if (!parameters.ok) return parameters
  const expanded = await expandScope(parameters.value.scope, core.permissionSets, 'grant')
  if (!expanded.ok) return expanded
  const { codeChallenge } = parameters.value
  if (!(await core.challenges.use(`challenge:${codeChallenge}`, core.now() + CHALLENGE_FOR))) {
    return refuse('invalid_request', 'code_challenge was used before')
  }
  const now = secondsOf(core)
  const request: AuthorizationRequest = {
    id: randomBytes(16).toString('hex'),
    clientId,
    clientKey,
    dpopThumbprint: key.value,
    parameters: parameters.value,
    from,
    createdAt: now,
    expiresAt: now + core.lifetimes.request,
    device: null,
    granted: null,
  }
  const { requestsPerClient, requestsPerOrigin, requests: maxTotal } = core.limits
  const max = clientKey === null ? requestsPerOrigin : requestsPerClient
  const outcome = await core.store.apply([
    { type: 'forgetExpired', now, limit: 100 },
    { type: 'addRequest', request, max, maxTotal, now },
  ])
  if (outcome.status === 'refused') return tooMany('too many requests are under way', core.lifetimes.request)
  if (outcome.status === 'stale') return unavailable('the request could not be kept', 1)
  return {
    ok: true,
    value: { request_uri: REQUEST_URI + request.id, expires_in: core.lifetimes.request },
  }
}

/** The key that the tokens will be bound to: that of the proof, and of `dpop_jkt`. */
async function boundKey(
  core: Core,
  params: Parameters,
  proved: ProvedRequest,
): Promise<Result<string, OAuthFailure>> {
  const jkt = params.get('dpop_jkt')
  if (jkt !== null && !THUMBPRINT.test(jkt)) return refuse('invalid_request', 'dpop_jkt must be a thumbprint')
  if (jkt !== null && proved.header('dpop') === null) return { ok: true, value: jkt }
  const proof = core.dpop.verify(proved, null)
  if (!proof.ok) return refuse(proof.error.code, proof.error.message)
  const { thumbprint, use } = proof.value
  if (!(await use())) return refuse('invalid_dpop_proof', 'DPoP proof was used before')
  if (jkt !== null && jkt !== thumbprint) {
    return refuse('invalid_dpop_proof', 'dpop_jkt is not the thumbprint of the key of the DPoP proof')
  }
  return { ok: true, value: thumbprint }
}

/** @param vouched whether somebody answers for the client, so that it may do without a page */
function readRequest(
  params: Parameters,
  client: Client,
  vouched: boolean,
): Result<RequestParameters, OAuthFailure> {
  const refusedName = REFUSED.find((name) => params.get(name) !== null)
  if (refusedName !== undefined) return refuse('invalid_request', `${refusedName} is not supported`)
  const redirectUri = readRedirect(params.get('redirect_uri'), client)
  if (!redirectUri.ok) return redirectUri
  const problem = formProblem(params, redirectUri.value)
  if (problem !== null) return problem
  const scope = requestedScope(params.get('scope'), client.scopes)
  if (!scope.ok) return scope
  const prompt = params.get('prompt') as Prompt | null
  if (prompt === 'none' && !vouched) {
    return refuse('consent_required', 'prompt none is for clients that prove who they are')
  }
  const hint = params.get('login_hint')
  return {
    ok: true,
    value: {
      redirectUri: redirectUri.value,
      responseMode: (params.get('response_mode') ?? 'query') as ResponseMode,
      scope: scope.value,
      codeChallenge: params.get('code_challenge')!,
      state: params.get('state'),
      prompt,
      loginHint: hint?.startsWith('did:') === false ? hint.toLowerCase() : hint,
      display: params.get('display') as RequestParameters['display'],
      uiLocales: params.get('ui_locales'),
    },
  }
}

function readRedirect(asked: string | null, { redirectUris }: Client): Result<string, OAuthFailure> {
  if (asked === null) {
    return redirectUris.length === 1
      ? { ok: true, value: redirectUris[0]! }
      : refuse('invalid_request', 'redirect_uri is missing')
  }
  return isRegistered(asked, redirectUris)
    ? { ok: true, value: asked }
    : refuse('invalid_redirect_uri', `redirect_uri is not in the client's document; got ${quoted(asked)}`)
}

/** What breaks a rule that the client does not matter for. */
function formProblem(params: Parameters, redirectUri: string): Refused | null {
  const type = params.get('response_type')
  if (type !== 'code') {
    return type === null
      ? refuse('invalid_request', 'response_type is missing')
      : refuse('unsupported_response_type', `response_type must be code; got ${quoted(type)}`)
  }
  const challenge = params.get('code_challenge')
  if (challenge === null || !THUMBPRINT.test(challenge)) {
    return refuse('invalid_request', 'code_challenge must be 43 characters of base64url')
  }
  const method = params.get('code_challenge_method')
  if (method !== 'S256') {
    return refuse('invalid_request', `code_challenge_method must be S256; got ${quoted(method)}`)
  }
  for (const [name, values] of [
    ['response_mode', MODES],
    ['prompt', PROMPTS],
    ['display', DISPLAYS],
  ] as const) {
    const value = params.get(name)
    if (value !== null && !values.includes(value)) {
      return refuse('invalid_request', `${name} must be one of ${values.join(', ')}; got ${quoted(value)}`)
    }
  }
  if (params.get('response_mode') === 'form_post' && !/^https?:/.test(redirectUri)) {
    return refuse('invalid_request', 'response_mode form_post needs a redirect_uri of https')
  }
  if ((params.get('state')?.length ?? 0) > MAX_STATE) {
    return refuse('invalid_request', `state must be of up to ${MAX_STATE} characters`)
  }
  if ((params.get('ui_locales')?.length ?? 0) > MAX_LOCALES) {
    return refuse('invalid_request', `ui_locales must be of up to ${MAX_LOCALES} characters`)
  }
  const hint = params.get('login_hint')
  return hint === null || isDid(hint) || isHandle(hint)
    ? null
    : refuse('invalid_request', 'login_hint must be a DID or a handle')
}
