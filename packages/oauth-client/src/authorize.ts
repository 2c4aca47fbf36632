// https://www.rfc-editor.org/rfc/rfc9126, https://www.rfc-editor.org/rfc/rfc7636
import { randomText, sha256, shown } from './bytes.ts'
import { scopeText, type Scopes } from './client-metadata.ts'
import type { Core } from './core.ts'
import { discover } from './discovery.ts'
import { createDpopKey } from './dpop-key.ts'
import { post } from './endpoints.ts'
import { OAuthClientError } from './error.ts'
import { stored } from './kept.ts'
import { isToken } from './tokens.ts'

/** How a sign-in differs from the plain one. */
export interface AuthorizeOptions {
  /** Of those in the client's metadata. Default: all of them. */
  readonly scope?: Scopes
  /** One of those in the client's metadata. Default: the first. */
  readonly redirectUri?: string
  /** Given back by `callback`: where in the app to go on. Kept on this side, the server does not see it. */
  readonly appState?: string
  /** `create`: make an account. `login`, `select_account`, `consent`: ask even where it is clear. `none`: ask nothing. */
  readonly prompt?: 'none' | 'login' | 'consent' | 'select_account' | 'create'
  readonly display?: 'page' | 'popup' | 'touch'
  /** Languages for the page, the preferred first. */
  readonly uiLocales?: readonly string[]
  /** How the answer comes back: in the query, or behind `#` where only the browser sees it. Default `query`. */
  readonly responseMode?: 'query' | 'fragment'
  readonly signal?: AbortSignal
}

/** What a sign-in goes on with. */
export interface Authorization {
  /** The page to send the person to. */
  readonly url: URL
  /** The `state` that comes back: who sends people to the page may tie it to their browser. */
  readonly state: string
}

/** A sign-in that is not finished in this time is forgotten. */
const STATE_MS = 3_600_000
const MAX_REQUEST_URI = 2048

/** @throws {OAuthClientError} */
export async function authorize(
  core: Core,
  input: string,
  options: AuthorizeOptions,
): Promise<Authorization> {
  const { metadata } = core
  const { signal, appState = null, redirectUri = metadata.redirect_uris[0] } = options
  if (!isRedirect(redirectUri, metadata.redirect_uris)) throw foreign('redirect URI', redirectUri)
  const scope = options.scope === undefined ? metadata.scope : scopeText(options.scope)
  const known = metadata.scope.split(' ')
  const unknown = scope.split(' ').find((text) => !known.includes(text))
  if (unknown !== undefined) throw foreign('scope', unknown)
  const { server, did, loginHint } = await discover(core, input, signal)
  const key = await createDpopKey(core.extractableKeys)
  const clientKeyId = (await core.auth?.keyId()) ?? null
  const verifier = randomText(32)
  const state = randomText(16)
  const fields = {
    response_type: 'code',
    redirect_uri: redirectUri,
    scope,
    state,
    code_challenge: await sha256(verifier),
    code_challenge_method: 'S256',
    response_mode: options.responseMode ?? 'query',
    login_hint: loginHint,
    prompt: options.prompt,
    display: options.display,
    ui_locales: options.uiLocales?.join(' '),
  }
  const { parEndpoint, authorizationEndpoint, issuer } = server
  const answer = await post(core, { server, url: parEndpoint, fields, key, clientKeyId, signal })
  const { request_uri: requestUri } = answer
  if (!isToken(requestUri, MAX_REQUEST_URI)) {
    throw new OAuthClientError('invalid-answer', `no request_uri; server=${issuer}`)
  }
  const expiresAt = core.now() + STATE_MS
  const data = { issuer, key, verifier, redirectUri, did, clientKeyId, appState, expiresAt }
  await stored('keep the sign-in', () => core.stores.states.set(state, data))
  const url = new URL(authorizationEndpoint)
  url.searchParams.set('client_id', metadata.client_id)
  url.searchParams.set('request_uri', requestUri)
  return { url, state }
}

function foreign(what: string, found: string): OAuthClientError {
  return new OAuthClientError(
    'invalid-input',
    `not a ${what} of the client's metadata; found=${shown(found)}`,
  )
}

/** As servers compare: as text, but http on this machine may have any port where none is registered. */
function isRedirect(uri: string, registered: readonly string[]): boolean {
  const bare = uri.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\])):\d+([/?].*)?$/, '$1$2')
  return registered.includes(uri) || registered.includes(bare)
}
