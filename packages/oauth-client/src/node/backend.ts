// A backend for front ends: tokens and keys stay on the server, the page has a cookie and calls paths of its own origin.
// https://datatracker.ietf.org/doc/html/draft-ietf-oauth-browser-based-apps#name-backend-for-frontend-bff
import { readBounded } from '@avocet/data'

import type { OAuthClient } from '../client.ts'
import { OAuthClientError } from '../error.ts'
import type { OAuthSession } from '../session.ts'
import { clearCookie, readCookie, writeCookie } from './cookies.ts'

/** Settings of {@link createOAuthBackend}. */
export interface OAuthBackendOptions {
  /** Its stores are the server's; `<origin><base>/callback` is one of the redirect URIs of its document. */
  readonly client: OAuthClient
  /** Of the app as browsers see it, like `https://app.example.com`. */
  readonly origin: string
  /** Where its own paths are. Default `/oauth`. */
  readonly base?: string
  /** Where people go after sign-in and sign-out, unless they came from elsewhere in the app. Default `/`. */
  readonly home?: string
  /** The methods that pages may call under `/xrpc/`, by their NSIDs; null: all that the session may. Default: none. */
  readonly methods?: readonly string[] | null
  /** Longest body of such a call, in bytes. Default 10 MiB. */
  readonly maxBodyBytes?: number
  /** Told of a sign-in that failed, before the browser goes to `home?error=<code>`. */
  readonly onError?: (error: OAuthClientError) => void
}

/** Answers for the paths of its own, and knows who calls. */
export interface OAuthBackend {
  /** Null for a path that is not its own. */
  fetch(request: Request): Promise<Response | null>
  /** The session of whoever calls; null for nobody. */
  session(request: Request): Promise<OAuthSession | null>
}

const STATE_SECONDS = 3600
const SESSION_SECONDS = 180 * 86_400
/** An id of a session: never a DID, which `restore` would take for any session of the account. */
const SESSION_ID = /^[A-Za-z0-9_-]{22}$/
const MAX_FORM = 4096
/** What a call brings along. */
const PASSED = ['accept', 'accept-language', 'atproto-accept-labelers', 'atproto-proxy', 'content-type']
/** What its answer takes back. */
const RETURNED = ['atproto-content-labelers', 'atproto-repo-rev', 'content-type', 'retry-after']

/**
 * A backend for front ends. Its paths:
 *
 * - `POST <base>/login`, a form with `handle` and perhaps `next` (a path of the app): goes to the authorization page
 * - `GET <base>/callback`: comes back from there
 * - `POST <base>/logout`: ends the session
 * - `GET <base>/session`: `{ did }`, or 401
 * - `/xrpc/<nsid>`: calls the account's PDS, for the methods that `methods` names
 * - the path of the client's document, where that is of this origin
 *
 * Whoever may not be trusted with the account gets nothing from it: calls of other origins are refused (403), and what a PDS answers cannot
 * run as a page of the app. How often somebody may sign in is for the app to limit.
 */
export function createOAuthBackend(options: OAuthBackendOptions): OAuthBackend {
  const { client, origin, base = '/oauth', home = '/' } = options
  const secure = origin.startsWith('https:')
  const cookies = {
    session: { name: secure ? '__Host-session' : 'session', path: '/', secure, maxAge: SESSION_SECONDS },
    state: { name: secure ? '__Secure-sign-in' : 'sign-in', path: base, secure, maxAge: STATE_SECONDS },
  }
  const document = new URL(client.metadata.client_id)

  const sessionOf = async (request: Request): Promise<OAuthSession | null> => {
    const id = readCookie(request, cookies.session.name)
    if (id === null || !SESSION_ID.test(id)) return null
    const found = await client.restore(id)
    if (found.ok) return found.value
    if (found.error.code === 'unknown-session') return null
    throw found.error
  }

  const failed = (error: OAuthClientError, headers: readonly string[]): Response => {
    options.onError?.(error)
    return go(`${home}?error=${error.code}`, headers)
  }

  const login = async (request: Request): Promise<Response> => {
    const bytes = await readBounded(request.body, MAX_FORM)
    if (bytes === null) return plain(413)
    const form = new URLSearchParams(new TextDecoder().decode(bytes))
    const begun = await client.authorize(form.get('handle') ?? '', {
      redirectUri: `${origin}${base}/callback`,
      appState: localPath(form.get('next'), origin) ?? home,
    })
    if (!begun.ok) return failed(begun.error, [])
    return go(begun.value.url.href, [writeCookie(cookies.state, begun.value.state)])
  }

  const callback = async (request: Request): Promise<Response> => {
    const { searchParams } = new URL(request.url)
    const over = clearCookie(cookies.state)
    // An answer that somebody else began would sign this browser in as them.
    const state = readCookie(request, cookies.state.name)
    if (state === null || state !== searchParams.get('state')) {
      return failed(new OAuthClientError('unknown-state', 'another browser began this sign-in'), [over])
    }
    const finished = await client.callback(searchParams)
    if (!finished.ok) return failed(finished.error, [over])
    const { session, appState } = finished.value
    return go(appState ?? home, [over, writeCookie(cookies.session, session.id)])
  }

  const logout = async (request: Request): Promise<Response> => {
    await (await sessionOf(request))?.signOut()
    return go(home, [clearCookie(cookies.session)])
  }

  const call = async (request: Request, url: URL): Promise<Response> => {
    const { methods = [] } = options
    const nsid = url.pathname.slice('/xrpc/'.length)
    if (methods !== null && !methods.includes(nsid)) return plain(404)
    const session = await sessionOf(request)
    if (session === null) return plain(401)
    const headers = new Headers()
    for (const name of PASSED) {
      const value = request.headers.get(name)
      if (value !== null) headers.set(name, value)
    }
    const { method, signal } = request
    const body = await readBounded(request.body, options.maxBodyBytes ?? 10 * 1024 * 1024)
    if (body === null) return plain(413)
    try {
      const sent = method === 'POST' ? { body } : {}
      const answer = await session.fetch(`/xrpc/${nsid}${url.search}`, { method, headers, signal, ...sent })
      return guarded(answer)
    } catch (error) {
      if (error instanceof OAuthClientError && error.code === 'session-ended') return plain(401)
      return plain(502)
    }
  }

  return {
    session: sessionOf,
    fetch: async (request) => {
      const url = new URL(request.url)
      const { pathname } = url
      const { method } = request
      if (method === 'GET' && document.origin === origin && pathname === document.pathname) {
        return Response.json(client.metadata)
      }
      // It comes from the authorization server: the cookie says whose it is.
      if (method === 'GET' && pathname === `${base}/callback`) return callback(request)
      const isCall = /^\/xrpc\/[A-Za-z0-9.-]+$/.test(pathname) && (method === 'GET' || method === 'POST')
      const ours = {
        [`POST ${base}/login`]: login,
        [`POST ${base}/logout`]: logout,
        [`GET ${base}/session`]: async (from: Request): Promise<Response> => {
          const session = await sessionOf(from)
          return session === null ? plain(401) : Response.json({ did: session.did }, { headers: PRIVATE })
        },
      }
      const run = isCall ? (from: Request) => call(from, url) : ours[`${method} ${pathname}`]
      if (run === undefined) return null
      return isOwnPage(request, origin) ? run(request) : plain(403)
    },
  }
}

const PRIVATE = { 'cache-control': 'no-store' }

/** Whether a page of the app sent it: browsers say so, and pages cannot say otherwise. */
function isOwnPage(request: Request, origin: string): boolean {
  const site = request.headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  return request.headers.get('origin') === origin
}

/** A path of the app, with its query; null for anything that could lead elsewhere. */
function localPath(text: string | null, origin: string): string | null {
  if (text === null || text.length > 2048 || !/^\/(?![/\\])/.test(text)) return null
  const url = URL.parse(text, origin)
  return url?.origin === origin ? url.pathname + url.search : null
}

function go(to: string, cookies: readonly string[]): Response {
  const headers = new Headers({ ...PRIVATE, location: to })
  for (const cookie of cookies) headers.append('set-cookie', cookie)
  return new Response(null, { status: 303, headers })
}

function plain(status: number): Response {
  const error = ERRORS[status] ?? 'InternalServerError'
  return Response.json({ error, message: error }, { status, headers: PRIVATE })
}

const ERRORS: Readonly<Record<number, string>> = {
  401: 'AuthenticationRequired',
  403: 'Forbidden',
  404: 'MethodNotImplemented',
  413: 'PayloadTooLarge',
  502: 'UpstreamFailure',
}

/** The answer of a PDS, whose bytes may be anybody's: no browser may run them as a page of this origin. */
function guarded(answer: Response): Response {
  const headers = new Headers({
    ...PRIVATE,
    'content-security-policy': "default-src 'none'; sandbox",
    'content-disposition': 'attachment',
    'x-content-type-options': 'nosniff',
  })
  for (const name of RETURNED) {
    const value = answer.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  return new Response(answer.body, { status: answer.status, headers })
}
