import type { Procedure, Query, Subscription } from '@avocet/lexicon'
import { errorBody, XrpcError } from '@avocet/xrpc'
import type { Answer, Call, HeaderRecord } from './call.ts'
import { isEarly, type RateLimitRule } from './rate-limit.ts'

/** The rules that can be applied at once, and those that need to know more. */
export function splitRules(rules: readonly RateLimitRule[]): {
  early: RateLimitRule[]
  late: RateLimitRule[]
} {
  return { early: rules.filter(isEarly), late: rules.filter((rule) => !isEarly(rule)) }
}

/** Refuses the wrong HTTP method. @throws {XrpcError} 405, 426 */
export function checkMethod(schema: Query | Procedure | Subscription, call: Call): void {
  if (schema.type === 'procedure') {
    if (call.method !== 'POST') throw wrongMethod(call.method, 'POST')
    return
  }
  if (call.method !== 'GET' && (call.method !== 'HEAD' || schema.type === 'subscription')) {
    throw wrongMethod(call.method, 'GET')
  }
  if (schema.type === 'subscription') {
    const headers = { upgrade: 'websocket', connection: 'Upgrade' }
    throw new XrpcError(426, 'UpgradeRequired', 'This method is a WebSocket subscription', { headers })
  }
}

/** The refusal of an HTTP method. */
export function wrongMethod(got: string, expected: 'GET' | 'POST'): XrpcError {
  return new XrpcError(405, 'InvalidRequest', `Incorrect HTTP method (${got}) expected ${expected}`, {
    headers: { allow: expected === 'GET' ? 'GET, HEAD, OPTIONS' : 'POST, OPTIONS' },
  })
}

/** An error as an answer, over the headers that are there already. */
export function errorAnswer(error: XrpcError, headers: HeaderRecord): Answer {
  headers['content-type'] = 'application/json; charset=utf-8'
  if (error.status === 401) headers['www-authenticate'] = 'Bearer'
  for (const [name, value] of Object.entries(error.headers)) headers[name.toLowerCase()] = value
  return { status: error.status, headers, body: JSON.stringify(errorBody(error)) }
}

/** Whether a handler's result is still to come. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/**
 * Marks an answer to somebody who showed credentials: caches that serve others must not keep it, unless the method says
 * otherwise. https://www.rfc-editor.org/rfc/rfc9111#section-3.5
 */
export function markPrivate(headers: HeaderRecord): void {
  headers['cache-control'] ??= 'private'
  const vary = headers['vary']
  if (vary === undefined) headers['vary'] = 'Authorization'
  else if (!/\bauthorization\b|\*/i.test(String(vary))) headers['vary'] = `${String(vary)}, Authorization`
}
