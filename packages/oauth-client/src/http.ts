import { readBounded } from '@avocet/data'

import { isObject, shown } from './bytes.ts'
import { OAuthClientError } from './error.ts'

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
export interface Bounds {
  /** From the call to the last byte. */
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal?: AbortSignal | undefined
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
export async function exchange(send: Fetch, request: HttpRequest, bounds: Bounds): Promise<Answer> {
  const { url, body } = request
  const controller = new AbortController()
  const { promise: over, reject } = Promise.withResolvers<never>()
  over.catch(() => undefined)
  const stop = (error: OAuthClientError): void => {
    reject(error)
    controller.abort(error)
  }
  const { timeoutMs, signal } = bounds
  const timer = setTimeout(
    () => stop(new OAuthClientError('timeout', `no answer in time; url=${shown(url)} ms=${timeoutMs}`)),
    timeoutMs,
  )
  const aborted = (): void =>
    stop(new OAuthClientError('aborted', `aborted; url=${shown(url)}`, { cause: signal?.reason as unknown }))
  if (signal?.aborted === true) aborted()
  signal?.addEventListener('abort', aborted, { once: true })
  try {
    const headers: Record<string, string> = { accept: 'application/json', ...request.headers }
    if (body !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded'
    const init = { redirect: 'manual' as const, signal: controller.signal, headers }
    const sent = send(
      url,
      body === undefined ? { ...init, method: 'GET' } : { ...init, method: 'POST', body: body.toString() },
    )
    const response = await Promise.race([sent, over])
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
      await response.body?.cancel()
      throw new OAuthClientError('redirected', `the answer is a redirect; url=${shown(url)}`)
    }
    const text = await Promise.race([readText(response, bounds.maxBytes, url), over])
    return { status: response.status, headers: response.headers, text }
  } catch (cause) {
    if (cause instanceof OAuthClientError) throw cause
    const { reason } = controller.signal as { reason: unknown }
    if (reason instanceof OAuthClientError) throw reason
    const { code, name } = (cause ?? {}) as { code?: unknown; name?: unknown }
    if (name === 'DidError' && (code === 'timeout' || code === 'too-large')) {
      throw new OAuthClientError(code, (cause as Error).message, { cause })
    }
    throw new OAuthClientError('network', `no answer; url=${shown(url)}`, { cause })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', aborted)
    controller.abort()
  }
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
