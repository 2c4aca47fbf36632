import type { Fetch } from '@avocet/did'

import { PdsError } from '../errors.ts'
import { headersToClient, headersToService } from './headers.ts'
import { toRefusal } from './refusal.ts'

/** A request to hand on. */
export interface Forwarded {
  readonly nsid: string
  /** The HTTP method. */
  readonly method: string
  readonly request: Request
  /** What to send instead of the request's body, where that was read already. */
  readonly json?: object
  /** The request's body, read by who bounds it. */
  readonly body?: Uint8Array<ArrayBuffer>
  readonly header: (name: string) => string | null
  /** Where it came from; null when unknown. */
  readonly address: string | null
  readonly signal: AbortSignal
  /** Who calls, once that is known: for the log. */
  auth?: unknown
}

/**
 * Sends a request to a service and hands its answer back, with the headers that are meant for the client; a refusal is
 * told in this server's own form.
 * @throws (from what it returns) PdsError `upstream-failed`, `upstream-timeout`
 */
export type Forward = (forwarded: Forwarded, serviceUrl: string, token: string | null) => Promise<Response>

/** Time until the service's headers are there, in milliseconds. */
const HEADERS_MS = 10_000

/**
 * Forwards with `fetch`, which bounds the answer's size and time and refuses private addresses, unless this is a
 * development network.
 */
export function createForward(fetch: Fetch, headersMs: number = HEADERS_MS): Forward {
  return async ({ nsid, method, request, json, body: given, signal }, serviceUrl, token) => {
    const headers = headersToService(request.headers, given !== undefined)
    if (token !== null) headers['authorization'] = `Bearer ${token}`
    if (json !== undefined) headers['content-type'] = 'application/json'
    const body = json === undefined ? given : JSON.stringify(json)
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), headersMs)
    let response: Response
    try {
      response = await fetch(
        `${serviceUrl.replace(/^(.*[^/])?\/*$/s, '$1')}/xrpc/${nsid}${new URL(request.url).search}`,
        {
          method,
          headers,
          redirect: 'manual',
          signal: AbortSignal.any([signal, deadline.signal]),
          ...(body === undefined ? {} : { body }),
        },
      )
    } catch (cause) {
      if (deadline.signal.aborted)
        throw new PdsError('upstream-timeout', 'Upstream service timed out', { cause })
      throw new PdsError('upstream-failed', 'Upstream service unreachable', { cause })
    } finally {
      clearTimeout(timer)
    }
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel()
      throw new PdsError('upstream-failed', 'Upstream service answered with a redirect')
    }
    if (response.status >= 400) return toRefusal(response)
    return new Response(response.body, {
      status: response.status,
      headers: headersToClient(response.headers, true),
    })
  }
}
