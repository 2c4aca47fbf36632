// https://www.rfc-editor.org/rfc/rfc9449#section-7, https://atproto.com/specs/oauth#demonstrating-proof-of-possession-dpop
import type { Did } from '@avocet/syntax'

import type { Core } from './core.ts'
import { createProof } from './dpop-key.ts'
import { OAuthClientError } from './error.ts'
import { current, endSession } from './kept.ts'
import { mayRepeat } from './nonces.ts'
import { ended, renew } from './renewal.ts'
import type { SessionData } from './store.ts'
import { unlessAborted } from './within.ts'

/**
 * A signed-in account: a service whose calls carry its credentials. Give it to `createClient` of `@avocet/xrpc-client` as
 * `service`.
 */
export interface OAuthSession {
  /** Of this session, not of the account, which may have several. */
  readonly id: string
  readonly did: Did
  /** The authorization server. */
  readonly issuer: string
  /** What was granted, separated by spaces. `createScopeSet` of `@avocet/oauth-scopes` answers what it allows. */
  readonly scope: string
  /** Origin of the account's PDS. */
  readonly url: string
  /** Aborted once this object has learnt that the session is over, with an `OAuthClientError` as reason. */
  readonly ended: AbortSignal
  /**
   * As `fetch`, to the PDS alone, with tokens renewed before or when they run out. A call that was refused for its nonce or its
   * token is sent again, once for each; never one whose body is a stream.
   *
   * Rejects with `OAuthClientError`: `session-ended`, `foreign-url`, `store`, and what the renewal failed with; and with whatever
   * the fetch underneath rejects with.
   */
  fetch(url: string, init?: RequestInit): Promise<Response>
  /** Renews the tokens now. Those who ask at once share one renewal. Rejects with `OAuthClientError`. */
  refresh(): Promise<void>
  /** Ends the session here and at the server. Rejects with `OAuthClientError` `store` when it could not be forgotten. */
  signOut(): Promise<void>
}

/** Renewing this long before the end spares a round trip, and allows for slow calls. */
const MARGIN_MS = 60_000
/** So that many processes do not all renew in the same second. */
const JITTER_MS = 10_000

/** A session object over what is kept. */
export function createSession(core: Core, kept: SessionData): OAuthSession {
  let data = kept
  const over = new AbortController()
  const margin = MARGIN_MS + Math.random() * JITTER_MS

  const isOver = (before: number): boolean => data.expiresAt !== null && data.expiresAt - before <= core.now()

  const refresh = async (): Promise<void> => {
    if (over.signal.aborted) throw over.signal.reason
    try {
      data = await renew(core, data)
    } catch (error) {
      if (isEnded(error)) over.abort(error)
      throw error
    }
  }

  /** Tokens of short lives are renewed in their last third, so that not every call renews. */
  const renewInTime = async (): Promise<void> => {
    const life = data.expiresAt === null ? 0 : data.expiresAt - data.updatedAt
    if (!isOver(Math.min(margin, life / 3))) return
    try {
      await refresh()
    } catch (error) {
      if (isEnded(error) || isOver(0)) throw error
    }
  }

  const send = async (url: URL, init: RequestInit): Promise<Response> => {
    const { accessToken: token, key } = data
    const { origin } = url
    const target = { method: (init.method ?? 'GET').toUpperCase(), url: url.href, token }
    const iat = core.nonces.seconds(origin)
    const proof = await createProof(key, { ...target, iat, nonce: core.nonces.get(origin) })
    const headers = new Headers(init.headers)
    headers.set('authorization', `DPoP ${token}`)
    headers.set('dpop', proof)
    const response = await core.pdsFetch(url.href, { ...init, headers })
    core.nonces.take(origin, response.headers)
    return response
  }

  /** With the nonce that the server asks for. */
  const sendWithNonce = async (url: URL, init: RequestInit): Promise<Response> => {
    if (isRepeatable(init.body)) {
      const iat = core.nonces.seconds(url.origin)
      const response = await send(url, init)
      const isNonce = response.headers.has('dpop-nonce')
      if (!isNonce || !(await mayRepeat(core.nonces, url.origin, challenge(response), iat))) return response
      await response.body?.cancel()
      return send(url, init)
    }
    // A stream is gone once it is sent: something small fetches the nonce before.
    if (!core.nonces.isFresh(url.origin)) {
      const small = new URL('/xrpc/com.atproto.server.getSession', url)
      const response = await send(small, init.signal === undefined ? {} : { signal: init.signal })
      await response.body?.cancel()
      if (challenge(response) === 'invalid_token') await refresh()
    }
    return send(url, init)
  }

  return {
    id: kept.id,
    did: kept.did,
    issuer: kept.issuer,
    ended: over.signal,
    get scope() {
      return data.scope
    },
    get url() {
      return data.pds
    },
    refresh,
    fetch: async (input, init = {}) => {
      if (over.signal.aborted) throw over.signal.reason
      const url = URL.parse(input, data.pds)
      // Where the account lives may change by a renewal.
      const here = (): URL => new URL(data.pds + url!.pathname + url!.search)
      if (url?.origin !== data.pds) {
        throw new OAuthClientError('foreign-url', `calls of a session go to its PDS alone; pds=${data.pds}`)
      }
      await unlessAborted(renewInTime(), init.signal)
      const used = data.accessToken
      const response = await sendWithNonce(here(), init)
      if (response.status !== 401 || challenge(response) !== 'invalid_token') return response
      try {
        // Another call may have renewed the tokens meanwhile.
        if (data.accessToken === used) await unlessAborted(refresh(), init.signal)
      } catch (error) {
        if (isEnded(error)) throw error
        return response
      }
      if (!isRepeatable(init.body)) return response
      await response.body?.cancel()
      return sendWithNonce(here(), init)
    },
    signOut: async () => {
      if (over.signal.aborted) return
      await core.lock(`avocet-oauth:${kept.id}`, async () => {
        const now = await current(core, kept.id)
        if (now !== null) await endSession(core, now, 'signed-out')
      })
      over.abort(ended(data, 'signed-out'))
    },
  }
}

function isEnded(error: unknown): boolean {
  return error instanceof OAuthClientError && error.code === 'session-ended'
}

/** The word of a `WWW-Authenticate` of DPoP, as `use_dpop_nonce`; null where there is none. */
function challenge(response: Response): string | null {
  if (response.status !== 401) return null
  const header = response.headers.get('www-authenticate') ?? ''
  if (header.length > 4096 || !/^(?:DPoP|Bearer) /i.test(header)) return null
  return /[ ,]error="([a-z_]+)"/.exec(header)?.[1] ?? null
}

function isRepeatable(body: RequestInit['body']): boolean {
  return (
    !(body instanceof ReadableStream) && !(typeof body === 'object' && body && Symbol.asyncIterator in body)
  )
}
