// Jetstream v2, `network.bsky.jetstream.subscribeEvents`: JSON over WebSocket. https://github.com/bluesky-social/proposals (0015)

import {
  encodeV2Error,
  encodeV2Frame,
  JSON_SUBPROTOCOL,
  parseV2Request,
  SUBSCRIBE_EVENTS,
  type V2ErrorName,
} from '@avocet/jetstream/wire'
import { OUTDATED, startOf, tooOld } from './cursor.ts'
import { REFUSALS } from './doors.ts'
import type { Hub, Subscription } from './hub.ts'
import type { LogReader } from './log-reader.ts'
import type { Shapes, StreamDictionary } from './shapes.ts'
import { textFrame } from './socket.ts'
import { type HttpRefusal, jsonRefusal, socketSink, type Wire } from './sockets.ts'
import { createTest } from './wanted.ts'

/** The wire over a log. */
export function createV2Wire(options: {
  readonly hub: Hub
  readonly log: LogReader
  readonly shapes: Shapes
  readonly dictionary: StreamDictionary | null
  readonly onError: (error: unknown) => void
}): Wire {
  const { hub, log, shapes, dictionary } = options
  return {
    path: `/xrpc/${SUBSCRIBE_EVENTS}`,
    protocol: JSON_SUBPROTOCOL,
    refuse(why) {
      const { status, error, message } = REFUSALS[why]
      return jsonRefusal(status, error, message)
    },
    ask({ query }) {
      const parsed = parseV2Request(query)
      if (!parsed.ok) return refusal('InvalidRequest', parsed.error)
      const { filter, cursor, zstdDictionary } = parsed.value
      if (zstdDictionary !== null && zstdDictionary !== dictionary?.id)
        return refusal('UnknownZstdDictionary', unknownDictionary(dictionary))
      const start = startOf(cursor, log, hub.tip)
      if (start.outdated && cursor.kind === 'seq') return refusal('CursorTooOld', tooOld(start.floor))
      return (socket, mark) => {
        const end = (error: V2ErrorName, message: string): void => {
          subscription?.close()
          socket.write(textFrame(encodeV2Error(error, message)).bytes)
          socket.close(1008, error)
        }
        if (start.outdated) socket.write(textFrame(encodeV2Frame({ kind: 'info', ...OUTDATED })).bytes)
        let subscription: Subscription | null = null
        const sink = socketSink(socket, mark, {
          resume: () => subscription?.resume(),
          outdated() {
            end('ConsumerTooSlow', 'what comes next is not kept any more')
            return false
          },
          failed(error) {
            options.onError(error)
            end('InternalError', 'the log cannot be read')
          },
        })
        subscription = hub.subscribe({
          from: start.seq,
          test: createTest(filter),
          shape: zstdDictionary === null ? shapes.v2 : shapes.v2Packed!,
          sink,
          maxBytes: filter.maxMessageSizeBytes ?? 0,
        })
        return {
          tooSlow: () => end('ConsumerTooSlow', 'events are not read as fast as they come'),
          received: () => socket.close(1008, 'nothing is to be said here'),
          receivedBytes: () => socket.close(1008, 'nothing is to be said here'),
          ended: () => subscription.close(),
        }
      }
    },
  }
}

function unknownDictionary(dictionary: StreamDictionary | null): string {
  return dictionary === null ? 'there is no dictionary here' : `the dictionary is ${dictionary.id}`
}

function refusal(error: V2ErrorName, message: string): HttpRefusal {
  return jsonRefusal(400, error, message)
}
