// The log by pages: for who asks now and then (a cron job, a serverless function), and cannot hold a stream open.

import { failure, answer, readQuery } from './http.ts'
import type { Hub } from './hub.ts'
import type { LogReader } from './log-reader.ts'
import type { Shapes } from './shapes.ts'
import { createTest } from './wanted.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000
/** Seconds that a question may wait for an answer. */
const MAX_WAIT = 30
/** Of one answer, about. */
const MAX_BYTES = 4 * 1024 * 1024
/** Numbers looked at for one answer: a filter that wants next to nothing gets an empty page, and a cursor that is further on. */
const MAX_SCANNED = 50_000

/** Answers `listEvents?cursor&limit&wait` and the filters of v2. Without a cursor: from now on. */
export async function listEvents(options: {
  readonly query: URLSearchParams
  readonly signal: AbortSignal
  readonly hub: Hub
  readonly log: LogReader
  readonly shapes: Shapes
  readonly onError: (error: unknown) => void
}): Promise<Response> {
  const { query, hub, shapes, signal } = options
  const limit = wholeOf(query.get('limit'), DEFAULT_LIMIT, 1, MAX_LIMIT)
  if (limit === null) return failure(400, 'InvalidRequest', `invalid limit: 1 to ${MAX_LIMIT}`)
  const wait = wholeOf(query.get('wait'), 0, 0, MAX_WAIT)
  if (wait === null) return failure(400, 'InvalidRequest', `invalid wait: 0 to ${MAX_WAIT} seconds`)
  const asked = readQuery(query, options.log, hub.tip)
  if (asked instanceof Response) return asked
  const { filter, start, info } = asked
  const events: string[] = []
  const ended = Promise.withResolvers<'done' | 'failed'>()
  const timer = wait === 0 ? null : setTimeout(() => end('done'), wait * 1000)
  let bytes = 0
  let isEnded = false
  let caughtUp = false
  const end = (how: 'done' | 'failed'): void => {
    isEnded = true
    ended.resolve(how)
  }
  const onAbort = (): void => end('done')
  signal.addEventListener('abort', onAbort, { once: true })
  const subscription = hub.subscribe({
    from: start.seq,
    test: createTest(filter),
    shape: shapes.objects,
    maxBytes: filter.maxMessageSizeBytes ?? 0,
    sink: {
      ready: () => !isEnded,
      send(encoded) {
        events.push(encoded.bytes.toString())
        bytes += encoded.size
        if (events.length >= limit || bytes >= MAX_BYTES) end('done')
      },
      passed(seq) {
        caughtUp = seq + 1 >= hub.tip
        if (caughtUp && (events.length > 0 || wait === 0)) end('done')
        else if (seq - start.seq >= MAX_SCANNED) end('done')
      },
      outdated: () => true,
      failed(error) {
        options.onError(error)
        end('failed')
      },
      ended: () => end('done'),
    },
  })
  const how = await ended.promise
  const { next } = subscription
  subscription.close()
  if (timer !== null) clearTimeout(timer)
  signal.removeEventListener('abort', onAbort)
  if (how === 'failed') return failure(500, 'InternalError', 'the log cannot be read')
  const rest = JSON.stringify({ cursor: next, caughtUp: next >= hub.tip, ...(info === null ? {} : { info }) })
  return answer(`{"events":[${events.join(',')}],${rest.slice(1)}`)
}

function wholeOf(text: string | null, otherwise: number, least: number, most: number): number | null {
  if (text === null) return otherwise
  const value = /^\d{1,6}$/.test(text) ? Number(text) : -1
  return value >= least && value <= most ? value : null
}
