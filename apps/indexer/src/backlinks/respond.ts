// Answers about links, as Constellation's server gives them.

import { type List, type Position, writeCursor } from './cursor.ts'
import type { Refused } from './parameters.ts'

/** JSON. */
export function json(body: object, status = 200): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  })
}

/** A page of a list: `cursor` is null behind the last. */
export function page(body: object, list: List, next: Position | null): Response {
  return json({ ...body, cursor: next === null ? null : writeCursor(list, next) })
}

/** The refusal of a question. */
export function refusal({ message }: Refused): Response {
  const headers = message === null ? {} : { 'content-type': 'text/plain; charset=utf-8' }
  return new Response(message, { status: 400, headers })
}

/** The refusal of any method but GET and HEAD; null: it is one of them. */
export function onlyGet({ method }: Request): Response | null {
  if (method === 'GET' || method === 'HEAD') return null
  return new Response(null, { status: 405, headers: { allow: 'GET,HEAD' } })
}
