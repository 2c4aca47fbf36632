import { notAdmitted, type Core } from '../core.ts'
import type { Result } from '@avocet/syntax'

import { PATHS, resourceDocument, serverDocument } from '../documents.ts'
import type { ProvedRequest } from '../dpop.ts'
import { refuse, type OAuthFailure, type Refused } from '../failure.ts'
import type { DpopNonces } from '../nonces.ts'
import { pushRequest } from '../par.ts'
import { revokeToken } from '../revoke.ts'
import { giveTokens } from '../token.ts'
import type { OAuthServer } from '../types.ts'
import { readParameters, type Parameters } from './body.ts'
import { answerDocument, answerFailure, answerJson, answerPreflight } from './respond.ts'

/** What differs between servers, beside what they are made of. */
export interface EndpointOptions {
  readonly documentation: string
  readonly locales: readonly string[]
  readonly onError: (error: unknown, endpoint: string) => void
}

type Endpoint = {
  readonly name: 'par' | 'token' | 'revoke'
  readonly status: number
  readonly run: (
    core: Core,
    params: Parameters,
    proved: ProvedRequest,
    from: string | null,
  ) => Promise<Result<object, OAuthFailure>>
}

/** The endpoints that machines call. */
export function createEndpoints(
  core: Core,
  nonces: DpopNonces,
  { documentation, locales, onError }: EndpointOptions,
): OAuthServer['fetch'] {
  const documents = new Map<string, object>([
    [PATHS.server, serverDocument(core.issuer, locales)],
    [PATHS.resource, resourceDocument(core.issuer, documentation)],
    [PATHS.jwks, core.keys.jwks],
  ])
  const endpoints = new Map<string, Endpoint>([
    [PATHS.par, { name: 'par', status: 201, run: pushRequest }],
    [PATHS.token, { name: 'token', status: 200, run: giveTokens }],
    [
      PATHS.revoke,
      { name: 'revoke', status: 200, run: (by, params, _, from) => revokeToken(by, params, from) },
    ],
  ])
  const unlimitedCore: Core = { ...core, admit: () => ({ ok: true }) }

  const call = async (
    by: Core,
    { name, status, run }: Endpoint,
    path: string,
    request: Request,
    from: string | null,
  ): Promise<Response> => {
    const params = await readParameters(request)
    const header = (key: string): string | null => request.headers.get(key)
    let result: Result<object, OAuthFailure> = params
    if (params.ok) {
      try {
        result = await run(by, params.value, { method: request.method, path, header }, from)
      } catch (error) {
        onError(error, name)
        result = refuse('server_error', 'the server failed', 500)
      }
    }
    const headers = { 'dpop-nonce': nonces.current() }
    if (result.ok) return answerJson(status, result.value, headers)
    const { code: error, message } = result.error
    const clientId = params.ok ? params.value.get('client_id') : null
    core.onEvent({ type: 'refused', endpoint: name, error, message, clientId })
    return answerFailure(result.error, headers)
  }

  const refusedByLimit = async (by: Core, from: string | null, name: string): Promise<Refused | null> => {
    try {
      return await notAdmitted(by, { what: 'request', clientId: null, from })
    } catch (error) {
      onError(error, name)
      return refuse('server_error', 'the server failed', 500)
    }
  }

  return async (request, { from = null, unlimited = false } = {}) => {
    const path = URL.parse(request.url)?.pathname ?? ''
    const document = documents.get(path)
    const endpoint = endpoints.get(path)
    if (document === undefined && endpoint === undefined) {
      return answerFailure(refuse('invalid_request', 'there is no such endpoint', 404).error, {})
    }
    const by = unlimited ? unlimitedCore : core
    const refused = await refusedByLimit(by, from, endpoint?.name ?? 'document')
    if (refused !== null) {
      void request.body?.cancel().catch(() => undefined)
      return answerFailure(refused.error, endpoint === undefined ? {} : { 'dpop-nonce': nonces.current() })
    }
    if (request.method === 'OPTIONS') return answerPreflight()
    if (document !== undefined) {
      if (request.method === 'GET' || request.method === 'HEAD') return answerDocument(document)
    } else if (request.method === 'POST') return call(by, endpoint!, path, request, from)
    const allow = document === undefined ? 'POST, OPTIONS' : 'GET, HEAD, OPTIONS'
    const wrong = refuse('invalid_request', `the method must be ${allow.split(',')[0]!}`, 405)
    return answerFailure(wrong.error, { allow })
  }
}
