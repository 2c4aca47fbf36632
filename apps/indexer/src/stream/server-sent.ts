// Server-Sent Events: a stream that a page reads without a library. https://html.spec.whatwg.org/multipage/server-sent-events.html

import { CORS, readQuery } from './http.ts'
import type { Hub, Subscription } from './hub.ts'
import type { LogReader } from './log-reader.ts'
import type { Shapes } from './shapes.ts'
import { createTest } from './wanted.ts'

/** Bytes that wait for one reader, beside one event. */
const MARK = 128 * 1024
const HEARTBEAT_MS = 15_000
const HEADERS = { ...CORS, 'content-type': 'text/event-stream; charset=utf-8' }

/** Answers `stream` and the parameters of v2; `Last-Event-ID` goes before `cursor`. @param leave called when it has ended */
export function serverSent(options: {
  readonly request: Request
  readonly query: URLSearchParams
  readonly hub: Hub
  readonly log: LogReader
  readonly shapes: Shapes
  readonly onError: (error: unknown) => void
  readonly leave: () => void
}): Response {
  const { request, query, hub, shapes, leave } = options
  const last = request.headers.get('last-event-id')
  // A browser that comes back would give up for good when it is refused.
  const isBack = last !== null && /^\d{1,15}$/.test(last)
  if (isBack) query.set('cursor', String(Number(last) + 1))
  const asked = readQuery(query, options.log, hub.tip, isBack)
  if (asked instanceof Response || request.method === 'HEAD') {
    leave()
    return asked instanceof Response ? asked : new Response(null, { headers: HEADERS })
  }
  const { filter, start, info } = asked
  let subscription: Subscription | null = null
  let heartbeat: NodeJS.Timeout | undefined
  let isOpen = true
  const stop = (): void => {
    isOpen = false
    clearInterval(heartbeat)
    subscription?.close()
    leave()
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const say = (name: string, data: object): void =>
          controller.enqueue(Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`))
        const fail = (error: string, message: string): void => {
          say('error', { error, message })
          close()
        }
        const close = (): void => {
          if (!isOpen) return
          stop()
          controller.close()
        }
        // Nobody reads the rest, so nobody would say that it is not wanted.
        request.signal.addEventListener('abort', close, { once: true })
        controller.enqueue(Buffer.from('retry: 3000\n\n'))
        if (info !== null) say('info', info)
        heartbeat = setInterval(() => {
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(Buffer.from(':\n\n'))
        }, HEARTBEAT_MS)
        subscription = hub.subscribe({
          from: start.seq,
          test: createTest(filter),
          shape: shapes.lines,
          maxBytes: filter.maxMessageSizeBytes ?? 0,
          sink: {
            ready: () => (controller.desiredSize ?? 0) > 0,
            send: ({ bytes }) => controller.enqueue(bytes),
            outdated() {
              fail('ConsumerTooSlow', 'what comes next is not kept any more')
              return false
            },
            failed(error) {
              options.onError(error)
              fail('InternalError', 'the log cannot be read')
            },
            ended: close,
          },
        })
      },
      pull: () => subscription?.resume(),
      cancel: stop,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MARK }),
  )
  return new Response(body, { headers: HEADERS })
}
