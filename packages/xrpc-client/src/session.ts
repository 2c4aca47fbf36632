/**
 * Sessions of an account, by password or app password.
 * @see https://atproto.com/specs/xrpc#authentication
 */
import type { Did } from '@avocet/syntax'
import { reasonOf, userAgent } from '#platform'
import { readText } from './body.ts'
import { XrpcClientError } from './error.ts'
import { parse, refusalOf } from './refusal.ts'
import { serviceUrl } from './service-url.ts'
import { pdsOf, readTokens, tokenExpiry, type SessionData } from './session-data.ts'
import type { CallResult, Service } from './types.ts'

/** Where a session is kept between runs of a program. */
export interface SessionStore {
  /** The session kept, or null. */
  load(): Promise<SessionData | null>
  /** Keeps a session; null forgets it. */
  save(data: SessionData | null): Promise<void>
}

/** Settings of {@link passwordSession}. */
export interface PasswordSessionOptions {
  /** Handle, DID or email address. */
  readonly identifier: string
  /** Password or, better, an app password. */
  readonly password: string
  /** Code of a second factor, for accounts that have one. */
  readonly authFactorToken?: string
  /** The account's PDS, or an entryway that knows it. */
  readonly service?: string | URL
  /** Finds the PDS of an account, where `service` is not given: identity resolution is the caller's. */
  readonly resolveService?: (identifier: string) => Promise<string>
  /** Keeps the session; a kept one is taken up again without logging in. */
  readonly store?: SessionStore
  /** Told of every change: after login and refresh, and null after logout. */
  readonly onUpdate?: (data: SessionData | null) => void
  /** Sends the requests. Default the platform's. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** Milliseconds for each request of the session's own. Default 30 000. */
  readonly timeoutMs?: number
  /** Milliseconds since the epoch. Default the platform's clock. */
  readonly now?: () => number
}

/** A session of one account: a service whose calls carry its credentials. Give it to `createClient` as `service`. */
export interface Session extends Service {
  /** Whose it is; also after logout. */
  readonly did: Did
  /** DID, handle, tokens; null after logout. */
  readonly data: SessionData | null
  /** Renews the tokens now. Concurrent callers share one renewal. */
  refresh(): Promise<SessionData>
  /** Ends the session, at the service and in the store. */
  logout(): Promise<void>
}

/**
 * Opens a session: takes up the one kept in `store`, or logs in.
 *
 * Tokens are renewed before they run out, or when the service says they have: once, however many calls wait for it; if
 * the renewal itself is refused, by logging in afresh. A call refused for an expired token is sent again only after
 * the renewal succeeded, and never when its body was a stream, which is used up.
 *
 * @throws {XrpcClientError} when the login fails
 */
export async function passwordSession(options: PasswordSessionOptions): Promise<Session> {
  const session = new PasswordSession(options, null)
  await session.open()
  return session
}

/** Settings of {@link resumeSession}. */
export type ResumeOptions = Pick<PasswordSessionOptions, 'store' | 'onUpdate' | 'fetch' | 'timeoutMs' | 'now'>

/**
 * A session of tokens alone, as `data` of a session had them: no password is needed, and none is there when the service takes the tokens no
 * more. Then the call's failure says so, `onUpdate` is told null, and the store forgets it. Asks nothing of the service.
 */
export function resumeSession(data: SessionData, options: ResumeOptions = {}): Session {
  return new PasswordSession(options, data)
}

// Renewing this much before the end spares a round trip, and allows for clocks that differ a little.
const marginMs = 10_000
const maxErrorBytes = 64 * 1024
const maxAnswerBytes = 1024 * 1024

class PasswordSession implements Session {
  #data: SessionData | null
  #did: Did | undefined
  #renewing: Promise<SessionData> | undefined
  #loggedOut = false
  readonly #options: PasswordSessionOptions | ResumeOptions
  readonly #fetch: (url: string, init: RequestInit) => Promise<Response>
  readonly #now: () => number

  constructor(options: PasswordSessionOptions | ResumeOptions, data: SessionData | null) {
    this.#options = options
    this.#data = data
    this.#did = data?.did
    this.#fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init))
    this.#now = options.now ?? Date.now
  }

  get data(): SessionData | null {
    return this.#data
  }

  get did(): Did {
    if (this.#did === undefined) throw loggedOut()
    return this.#did
  }

  get url(): string {
    if (this.#data === null) throw loggedOut()
    return this.#data.service
  }

  async open(): Promise<void> {
    const kept = await this.#options.store?.load()
    if (kept === null || kept === undefined) await this.#login(this.#options as PasswordSessionOptions)
    else {
      this.#data = kept
      this.#did = kept.did
    }
  }

  async fetch(url: string, init: RequestInit): Promise<Response> {
    let data = this.#data
    if (data === null) throw loggedOut()
    if (this.#isOver(data)) data = await this.refresh().catch(() => data!)
    const response = await this.#authorized(url, init, data)
    if (!(await isExpired(response))) return response
    let renewed: SessionData
    try {
      // Another call may have renewed the tokens meanwhile.
      renewed =
        this.#data !== null && this.#data.accessJwt !== data.accessJwt ? this.#data : await this.refresh()
    } catch {
      return response
    }
    if (init.body instanceof ReadableStream) return response
    await response.body?.cancel()
    return await this.#authorized(url, init, renewed)
  }

  refresh(): Promise<SessionData> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  async logout(): Promise<void> {
    const data = this.#data
    this.#loggedOut = true
    if (data === null) return
    await this.#update(null)
    // Best effort: the session is forgotten here whatever the service says.
    await this.#post(data.service, 'com.atproto.server.deleteSession', undefined, data.refreshJwt)
  }

  async #renew(): Promise<SessionData> {
    const data = this.#data
    if (data === null) throw loggedOut()
    const result = await this.#post(
      data.service,
      'com.atproto.server.refreshSession',
      undefined,
      data.refreshJwt,
    )
    if (result.ok) return await this.#take(result.value, data.service, data)
    // Only a refusal shows that the refresh token is of no more use; what else failed may pass.
    if (result.error.code !== 'response' || result.error.status >= 500 || result.error.status === 429)
      throw result.error
    if ('password' in this.#options) return await this.#login(this.#options)
    await this.#update(null)
    throw result.error
  }

  async #login({
    identifier,
    password,
    authFactorToken,
    service,
    resolveService,
  }: PasswordSessionOptions): Promise<SessionData> {
    const at = service === undefined ? await resolveService?.(identifier) : String(service)
    if (at === undefined) throw new TypeError('passwordSession needs service or resolveService')
    const url = serviceUrl(at).href.replace(/^(.*[^/])?\/*$/s, '$1')
    const body = { identifier, password, ...(authFactorToken === undefined ? {} : { authFactorToken }) }
    const result = await this.#post(url, 'com.atproto.server.createSession', body, undefined)
    if (!result.ok) throw result.error
    return await this.#take(result.value, url, null)
  }

  async #take(answer: unknown, service: string, before: SessionData | null): Promise<SessionData> {
    const tokens = readTokens(answer, before)
    if (tokens === null)
      throw new XrpcClientError('invalid-response', `no session in the answer; service=${service}`)
    if (this.#loggedOut) throw loggedOut()
    const data = { ...tokens, service: pdsOf(answer) ?? before?.service ?? service }
    await this.#update(data)
    return data
  }

  async #update(data: SessionData | null): Promise<void> {
    this.#data = data
    this.#did ??= data?.did
    this.#options.onUpdate?.(data)
    await this.#options.store?.save(data)
  }

  #isOver(data: SessionData): boolean {
    const expiry = tokenExpiry(data.accessJwt)
    return expiry !== null && expiry - marginMs <= this.#now()
  }

  #authorized(url: string, init: RequestInit, data: SessionData): Promise<Response> {
    const headers = new Headers(init.headers)
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${data.accessJwt}`)
    return this.#fetch(url, { ...init, headers })
  }

  /** One call, without a second try: what it does may be done already. */
  async #post(
    service: string,
    nsid: string,
    body: object | undefined,
    token: string | undefined,
  ): Promise<CallResult<unknown>> {
    const timeoutMs = this.#options.timeoutMs ?? 30_000
    const signal = timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : null
    const headers = new Headers()
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    if (body !== undefined) headers.set('content-type', 'application/json')
    if (userAgent !== null) headers.set('user-agent', userAgent)
    try {
      const init = { method: 'POST', headers, signal, body: body === undefined ? null : JSON.stringify(body) }
      const response = await this.#fetch(`${service}/xrpc/${nsid}`, init)
      const { ok, status } = response
      if (ok)
        return {
          ok,
          value: parse(await readText(response, maxAnswerBytes)),
          status,
          headers: response.headers,
        }
      const text = await readText(response, maxErrorBytes).catch(() => '')
      return { ok, error: refusalOf(response, text, nsid) }
    } catch (cause) {
      if (cause instanceof XrpcClientError) return { ok: false, error: cause }
      const isLate = signal?.aborted === true
      const code = isLate ? 'timeout' : 'network'
      const reason = isLate ? `ms=${timeoutMs}` : reasonOf(cause) || 'fetch failed'
      const message = `no answer: ${reason}; nsid=${nsid} service=${service}`
      return { ok: false, error: new XrpcClientError(code, message, { cause }) }
    }
  }
}

function loggedOut(): XrpcClientError {
  return new XrpcClientError('invalid-request', 'the session is logged out')
}

/** Whether the service refused the token for its age. The response's body stays readable. */
async function isExpired(response: Response): Promise<boolean> {
  if (response.status !== 400 && response.status !== 401) return false
  const text = await readText(response.clone(), maxErrorBytes).catch(() => '')
  return refusalOf(response, text, '').error === 'ExpiredToken'
}
