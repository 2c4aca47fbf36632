/** Cross-origin access: https://fetch.spec.whatwg.org/#http-cors-protocol */
import type { Answer, Call, HeaderRecord } from './call.ts'

/** Who may call from a web page. */
export interface CorsOptions {
  /** `*` (default), or the origins allowed. */
  readonly origin?: '*' | readonly string[]
  /** Response headers that pages may read. Default `*`. */
  readonly exposeHeaders?: string
  /** Seconds that a browser may remember a preflight. Default one day. */
  readonly maxAge?: number
}

/** Adds the headers that let a page read the answer. */
export function addCors(headers: HeaderRecord, call: Call, options: CorsOptions): void {
  const allowed = options.origin ?? '*'
  if (allowed === '*') {
    headers['access-control-allow-origin'] = '*'
  } else {
    headers['vary'] = headers['vary'] === undefined ? 'Origin' : `${String(headers['vary'])}, Origin`
    const origin = call.header('origin')
    if (origin === null || !allowed.includes(origin)) return
    headers['access-control-allow-origin'] = origin
  }
  headers['access-control-expose-headers'] = options.exposeHeaders ?? '*'
}

/** Answers a preflight. `*` would not cover `Authorization`, so the headers asked for are named. */
export function preflight(call: Call, options: CorsOptions): Answer {
  const headers: HeaderRecord = {
    'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
    'access-control-allow-headers': call.header('access-control-request-headers') ?? '*',
    'access-control-max-age': String(options.maxAge ?? 86_400),
    vary: 'Access-Control-Request-Headers',
  }
  addCors(headers, call, options)
  return { status: 204, headers, body: null }
}
