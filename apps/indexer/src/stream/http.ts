// What the streams over HTTP have in common.

import type { Filter } from '@avocet/jetstream/wire'
import { parseV2Request } from '@avocet/jetstream/wire'
import { type Start, startOf } from './cursor.ts'
import type { Refusal } from './doors.ts'
import type { LogReader } from './log-reader.ts'
import { OUTDATED, tooOld } from './subscribe-v2.ts'

/** Pages from anywhere may read what anybody may. */
export const CORS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
}

/** An answer in JSON, given as its text. */
export function answer(json: string, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(json, {
    status,
    headers: { ...CORS, 'content-type': 'application/json; charset=utf-8', ...headers },
  })
}

/** A refusal in the words of XRPC. */
export function failure(status: number, error: string, message: string): Response {
  return answer(JSON.stringify({ error, message }), status, status >= 429 ? { 'retry-after': '10' } : {})
}

/** The refusal of one too many. */
export function tooMany(why: Refusal): Response {
  return why === 'full'
    ? failure(503, 'ServiceUnavailable', 'there are as many subscribers as are served')
    : failure(429, 'RateLimitExceeded', 'there are too many subscribers of this address')
}

/** What is asked for, by the parameters of v2. */
export type Asked = { readonly filter: Filter; readonly start: Start; readonly info: object | null }

/** @param resumed whether it is somebody who comes back, and takes what there is */
export function readQuery(
  query: URLSearchParams,
  log: Pick<LogReader, 'floor' | 'seqAt'>,
  tip: number,
  resumed = false,
): Asked | Response {
  const parsed = parseV2Request(query)
  if (!parsed.ok) return failure(400, 'InvalidRequest', parsed.error)
  const { filter, cursor, zstdDictionary } = parsed.value
  if (zstdDictionary !== null) return failure(400, 'InvalidRequest', 'zstdDictionary is for sockets')
  const start = startOf(cursor, log, tip)
  if (start.outdated && cursor.kind === 'seq' && !resumed)
    return failure(400, 'CursorTooOld', tooOld(start.floor))
  return { filter, start, info: start.outdated ? { name: 'OutdatedCursor', message: OUTDATED } : null }
}
