/** A service that keeps the session which a plain call of createSession begins. @see https://atproto.com/specs/xrpc#authentication */
import { readText } from './body.ts'
import { serviceUrl } from './service-url.ts'
import { pdsOf, readTokens } from './session-data.ts'
import { resumeSession, type ResumeOptions, type Session } from './session.ts'
import type { Service } from './types.ts'

/** Settings of {@link keepSession}. */
export interface KeepSessionOptions extends ResumeOptions {
  /** Where calls go while nobody is signed in, and where one signs in. */
  readonly service: string | URL
}

/** A service that is signed in once a call of createSession or createAccount worked. */
export interface KeptSession extends Service {
  /** The session that is kept; null before the first, and after deleteSession. */
  readonly session: Session | null
}

const MAX_ANSWER = 1024 * 1024

/**
 * A service that keeps what a plain call gives: after `com.atproto.server.createSession` or `createAccount` worked, every further call carries the
 * tokens, goes to the PDS that the answer names, and renews them; after `deleteSession` none does. For programs that sign in by a call like any
 * other; `passwordSession` does it for you.
 *
 * @throws {TypeError} for a service that is no http(s) URL
 *
 * @example
 * const service = keepSession({ service: 'https://pds.example.com' })
 * const client = createClient({ service })
 * await client.call(ComAtprotoServerCreateSession.main, { input: { identifier, password } })
 */
export function keepSession(options: KeepSessionOptions): KeptSession {
  const base = serviceUrl(options.service).href.replace(/^(.*[^/])?\/*$/s, '$1')
  const send = options.fetch ?? ((url: string, init: RequestInit) => globalThis.fetch(url, init))
  let session: Session | null = null
  return {
    get session() {
      return session
    },
    get url() {
      return session?.data?.service ?? base
    },
    async fetch(url, init) {
      const nsid = new URL(url).pathname.split('/xrpc/').at(-1)!
      const begins =
        nsid === 'com.atproto.server.createSession' || nsid === 'com.atproto.server.createAccount'
      const open = session?.data === null ? null : session
      // Who signs in anew does so as nobody, and where the program said.
      if (begins) url = url.replace(open?.data?.service ?? base, base)
      if (open !== null && nsid === 'com.atproto.server.deleteSession') {
        await open.logout()
        session = null
        return new Response(null)
      }
      const response = await (open === null || begins ? send(url, init) : open.fetch(url, init))
      if (begins && response.ok) {
        const answer = parse(await readText(response.clone(), MAX_ANSWER).catch(() => ''))
        const tokens = readTokens(answer, null)
        if (tokens !== null) {
          const data = { ...tokens, service: pdsOf(answer) ?? base }
          session = resumeSession(data, options)
          options.onUpdate?.(data)
          await options.store?.save(data)
        }
      }
      return response
    },
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
