// Jetstream v1, `/subscribe`: what its clients expect, and nothing new but the members `cursor` and `identity.handle`.
// https://github.com/bluesky-social/jetstream-legacy

import { parseV1Message, parseV1Request, type V1Filter } from '@avocet/jetstream/wire'
import { startOf } from './cursor.ts'
import { REFUSALS } from './doors.ts'
import type { Hub, Sink, Subscription } from './hub.ts'
import type { LogEvent, LogReader } from './log-reader.ts'
import type { Shapes } from './shapes.ts'
import { type HttpRefusal, socketSink, type Wire } from './sockets.ts'
import { createTest } from './wanted.ts'

/** Which events of the parameter `wantedEventTypes`, which is ours: what exports brought is asked for by name. */
type Types = { readonly live: boolean; readonly historical: boolean }

/** The wire over a log. */
export function createV1Wire(options: {
  readonly hub: Hub
  readonly log: LogReader
  readonly shapes: Shapes
  readonly onError: (error: unknown) => void
}): Wire {
  const { hub, log, shapes } = options
  return {
    path: '/subscribe',
    protocol: null,
    refuse: (why) => plain(REFUSALS[why].status, REFUSALS[why].message),
    ask({ query, header }) {
      const parsed = parseV1Request(query, header('socket-encoding'))
      if (!parsed.ok) return plain(400, parsed.error)
      const { compress, requireHello, cursor, filter } = parsed.value
      if (compress && shapes.v1Packed === null)
        return plain(400, 'compress is not served here: there is no dictionary')
      const types = typesOf(query.getAll('wantedEventTypes'))
      if (types === null) return plain(400, 'invalid wantedEventTypes: live, historical')
      const { seq } = startOf(cursor, log, hub.tip)
      return (socket, mark) => {
        let subscription: Subscription | null = null
        // Too slow: a v1 server cuts the socket off, and its clients connect again with their cursor.
        const sink: Sink = socketSink(socket, mark, {
          resume: () => subscription?.resume(),
          outdated: () => true,
          failed(error) {
            options.onError(error)
            socket.close(1011, 'the log cannot be read')
          },
        })
        const begin = (wanted: V1Filter): void => {
          subscription?.close()
          subscription = hub.subscribe({
            from: subscription?.next ?? seq,
            test: testOf(wanted, types),
            shape: compress ? shapes.v1Packed! : shapes.v1,
            sink,
            maxBytes: wanted.maxMessageSizeBytes ?? 0,
          })
        }
        if (!requireHello) begin(filter)
        return {
          tooSlow: () => socket.cut(),
          received(text) {
            const message = parseV1Message(text)
            if (message.kind === 'options') begin(message.filter)
            else if (message.kind === 'refused') socket.close(message.code, message.reason)
          },
          receivedBytes: () => {},
          ended: () => subscription?.close(),
        }
      }
    },
  }
}

function testOf(filter: V1Filter, types: Types): (event: LogEvent) => boolean {
  return createTest({ ...filter, ...types, kinds: ['commit', 'identity', 'account'] })
}

function typesOf(names: readonly string[]): Types | null {
  if (names.length === 0) return { live: true, historical: false }
  if (!names.every((name) => name === 'live' || name === 'historical')) return null
  return { live: names.includes('live'), historical: names.includes('historical') }
}

function plain(status: number, body: string): HttpRefusal {
  return { status, type: 'text/plain; charset=utf-8', body }
}
