import { readBounded } from '@avocet/data'

import { isObject, shown } from './bytes.ts'
import { OAuthClientError } from './error.ts'
import { within, type Patience } from './within.ts'

/** The part of `fetch` that the endpoints of OAuth need. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: string
    readonly redirect: 'manual'
    readonly signal: AbortSignal
  },
) => Promise<Response>

/** An answer that was read whole. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** How much of an answer is waited for and read. */
export interface Bounds extends Patience {
  readonly maxBytes: number
}

/** A request of OAuth: `body` makes it a POST of a form. */
export interface HttpRequest {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: URLSearchParams
}

/**
 * Sends a request and reads its answer, within bounds that hold even where `send` obeys no signal.
 * @throws {OAuthClientError} `timeout`, `network`, `aborted`, `too-large`, `redirected`
 */
export function exchange(send: Fetch, request: HttpRequest, bounds: Bounds): Promise<Answer> {
  const { url, body } = request
  return within(bounds, `answer; url=${shown(url)}`, async (signal) => {
    const headers = {
      accept: 'application/json',
      ...(body && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...request.headers,
    }
    const form = body ? { method: 'POST', body: body.toString() } : { method: 'GET' }
    try {
      const response = await send(url, { ...form, redirect: 'manual', signal, headers })
      if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
        await response.body?.cancel()
        throw new OAuthClientError('redirected', `the answer is a redirect; url=${shown(url)}`)
      }
      const text = await readText(response, bounds.maxBytes, url)
      return { status: response.status, headers: response.headers, text }
    } catch (cause) {
      if (cause instanceof OAuthClientError) throw cause
      // A fetch with a guard has bounds of its own.
      const { code } = (cause ?? {}) as { code?: unknown }
      const isBound = code === 'timeout' || code === 'too-large'
      throw new OAuthClientError(isBound ? code : 'network', `no answer; url=${shown(url)}`, { cause })
    }
  })
}

/** @throws {OAuthClientError} `too-large` */
async function readText(response: Response, maxBytes: number, url: string): Promise<string> {
  const bytes = await readBounded(response.body, maxBytes)
  if (bytes !== null) return new TextDecoder().decode(bytes)
  throw new OAuthClientError('too-large', `answer is too large; url=${shown(url)} max=${maxBytes}`)
}

/** The JSON object that an answer is; null for anything else. */
export function readObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}
