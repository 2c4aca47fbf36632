// What the streams over HTTP have in common.

import { type Filter, parseV2Request } from '@avocet/jetstream/wire'
import { OUTDATED, type Start, startOf, tooOld } from './cursor.ts'
import { type Refusal, REFUSALS } from './doors.ts'
import type { LogReader } from './log-reader.ts'

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
  const { status, error, message } = REFUSALS[why]
  return failure(status, error, message)
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
  return { filter, start, info: start.outdated ? OUTDATED : null }
}
