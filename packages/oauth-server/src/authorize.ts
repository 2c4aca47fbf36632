// https://atproto.com/specs/oauth#authorization-interface, https://www.rfc-editor.org/rfc/rfc9126#section-4

import { isLanguage, type Did, type Result } from '@avocet/syntax'
import { randomBytes } from 'node:crypto'

import type { Client } from './client/client.ts'
import { isRegistered, redirectSource } from './client/redirect-uri.ts'
import { consentState, nextConsent, rememberedScope } from './consent.ts'
import { secondsOf, type Core } from './core.ts'
import { sha256 } from './keys.ts'
import type { AuthorizationPage, AuthorizationRedirect, DenialCode, PageFailure } from './page.ts'
import { REQUEST_URI } from './par.ts'
import { redirectOf } from './redirect.ts'
import type { AuthorizationRequest, Consent } from './rows.ts'
import { canonicalTexts, expandScope, scopeTexts } from './scopes.ts'
import { showClient } from './shown-client.ts'
import type { OAuthServer, PageVisit } from './types.ts'

/** A failure that is shown as a page. */
type NoPage = { readonly ok: false; readonly error: PageFailure }

const MAX_LANGUAGES = 10
const REQUEST_ID = /^[0-9a-f]{32}$/

const DESCRIPTIONS: Readonly<Record<DenialCode, string>> = {
  access_denied: 'The request was declined',
  login_required: 'Somebody has to sign in',
  consent_required: 'The account has to agree',
  account_selection_required: 'An account has to be chosen',
  invalid_request: 'The request cannot be answered',
  invalid_scope: 'The scope cannot be granted',
  server_error: 'The server failed',
  temporarily_unavailable: 'The server cannot answer now',
}

/** What the pages do with a pushed request. */
export function createPages(core: Core): Pick<OAuthServer, 'open' | 'consent' | 'deny'> {
  /** The request that a browser came with, and its client, as far as they can be trusted. */
  const find = async ({
    parameters,
  }: PageVisit): Promise<Result<{ request: AuthorizationRequest; client: Client }, PageFailure>> => {
    const clientId = one(parameters, 'client_id')
    const uri = one(parameters, 'request_uri')
    if (clientId === null || uri === null) {
      return noPage(
        'invalid_request',
        'The request must be pushed first: client_id and request_uri are needed',
      )
    }
    const id = uri.startsWith(REQUEST_URI) ? uri.slice(REQUEST_URI.length) : ''
    const request = REQUEST_ID.test(id) ? await core.store.requests.get(id) : null
    if (request === null || request.granted !== null || request.expiresAt <= secondsOf(core)) {
      return noPage('request-gone', 'This request is over, or was answered already')
    }
    if (request.clientId !== clientId) return noPage('invalid_request', 'This request is of another app')
    const found = await core.clients.get(clientId, { from: request.from, patient: true })
    if (!found.ok) {
      return found.error.code === 'temporarily_unavailable'
        ? noPage('temporarily_unavailable', found.error.message)
        : noPage('invalid_client', found.error.message)
    }
    // The app may have taken it back since.
    if (!isRegistered(request.parameters.redirectUri, found.value.redirectUris)) {
      return noPage('invalid_redirect_uri', 'This request leads to a place that is not of the app any more')
    }
    return { ok: true, value: { request, client: found.value } }
  }

  /** Whether an app that somebody answers for need not ask each time. */
  const remembers = ({ clientId, clientKey }: AuthorizationRequest): boolean =>
    clientKey !== null || core.isTrusted(clientId)

  const remembered = async (request: AuthorizationRequest, did: Did): Promise<Consent | null> =>
    remembers(request) ? core.store.consents.get(did, request.clientId) : null

  /** A request that a second browser opens may have been sent there by somebody else: nobody goes on with it. */
  const elsewhere = async ({ id }: AuthorizationRequest): Promise<NoPage> => {
    await core.store.apply([{ type: 'dropRequest', id }])
    return noPage('request-elsewhere', 'This request was opened in another browser')
  }

  const end = async (
    request: AuthorizationRequest,
    error: DenialCode,
  ): Promise<Result<AuthorizationRedirect, PageFailure>> => {
    await core.store.apply([{ type: 'dropRequest', id: request.id }])
    const answer = { error, description: DESCRIPTIONS[error] }
    return { ok: true, value: redirectOf(core.issuer, request.parameters, answer) }
  }

  /** What an account agreed to, or why there is nothing. */
  const agreed = (
    { parameters }: AuthorizationRequest,
    scope: string | undefined,
    before: Consent | null,
  ): { readonly scope: string } | { readonly error: DenialCode } => {
    if (scope === undefined) {
      if (before === null || consentState(parameters.scope, before).needed)
        return { error: 'consent_required' }
      return { scope: rememberedScope(parameters.scope, before) }
    }
    const chosen = new Set(canonicalTexts(scope))
    const texts = scopeTexts(parameters.scope).filter((text) => chosen.has(text))
    return texts.includes('atproto') ? { scope: texts.join(' ') } : { error: 'access_denied' }
  }

  return {
    open: async (visit) => {
      const found = await find(visit)
      if (!found.ok) return found
      const { request, client } = found.value
      const { parameters, id, clientId } = request
      const now = secondsOf(core)
      const expiresAt = now + core.lifetimes.request
      const outcome = await core.store.apply([
        { type: 'openRequest', id, device: visit.device, expiresAt, now },
      ])
      if (outcome.status === 'refused' && outcome.reason === 'request-elsewhere') return elsewhere(request)
      if (outcome.status !== 'applied') return noPage('request-gone', 'This request is over')
      const expanded = await expandScope(parameters.scope, core.permissionSets, 'grant')
      if (!expanded.ok) return noPage('invalid_scope', expanded.error.message)
      const languages = (parameters.uiLocales ?? '').split(' ').filter((tag) => isLanguage(tag))
      const page: AuthorizationPage = {
        requestId: id,
        client: showClient(client, core.isTrusted(clientId)),
        scopes: expanded.value.scopes,
        sets: expanded.value.sets,
        prompt: parameters.prompt,
        loginHint: parameters.loginHint,
        display: parameters.display,
        languages: languages.slice(0, MAX_LANGUAGES),
        redirectSource: redirectSource(parameters.redirectUri),
        consentOf: async (did) => consentState(parameters.scope, await remembered(request, did)),
      }
      return { ok: true, value: page }
    },

    consent: async (visit, { did, scope }) => {
      const found = await find(visit)
      if (!found.ok) return found
      const { request } = found.value
      if (request.device !== visit.device) return elsewhere(request)
      const { id, clientId, parameters } = request
      if ((await core.accounts.status(did)) !== 'active') return end(request, 'access_denied')
      const before = await remembered(request, did)
      const answer = agreed(request, scope, before)
      if ('error' in answer) return end(request, answer.error)
      const expanded = await expandScope(answer.scope, core.permissionSets, 'grant')
      if (!expanded.ok) return end(request, 'invalid_scope')
      const now = secondsOf(core)
      const code = `cod-${randomBytes(32).toString('hex')}`
      const { permissions } = expanded.value
      const granted = { codeHash: sha256(code), did, scope: answer.scope, permissions }
      const { device } = visit
      const grant = {
        type: 'grantRequest',
        id,
        device,
        granted,
        expiresAt: now + core.lifetimes.code,
        now,
      } as const
      const texts = { asked: parameters.scope, granted: answer.scope }
      const outcome = await core.store.apply(
        remembers(request) && scope !== undefined
          ? [grant, { type: 'keepConsent', consent: nextConsent(did, clientId, texts, before, now) }]
          : [grant],
      )
      return outcome.status === 'applied'
        ? { ok: true, value: redirectOf(core.issuer, parameters, { code }) }
        : noPage('request-gone', 'This request is over, or was answered already')
    },

    deny: async (visit, code = 'access_denied') => {
      const found = await find(visit)
      if (!found.ok) return found
      const { request } = found.value
      return request.device === visit.device ? end(request, code) : elsewhere(request)
    },
  }
}

/** The value of a parameter that is there once, and not empty. */
function one(parameters: URLSearchParams, name: string): string | null {
  const values = parameters.getAll(name)
  return values.length === 1 && values[0] !== '' ? values[0]! : null
}

function noPage(code: PageFailure['code'], message: string): NoPage {
  return { ok: false, error: { code, message } }
}
