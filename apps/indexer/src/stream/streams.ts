// The log as streams, put together: what `app.ts` starts.

import type { IncomingMessage } from 'node:http'
import { SUBSCRIBE_EVENTS } from '@avocet/jetstream/wire'
import type { Database } from '@avocet/sqlite'
import { dictionaryAnswer } from './dictionary.ts'
import { createDoors, type DoorLimits } from './doors.ts'
import { tooMany } from './http.ts'
import type { StreamEvent } from './event.ts'
import { createHub, type Hub } from './hub.ts'
import { type EventOptions, iterate } from './iterate.ts'
import { listEvents } from './list-events.ts'
import { createLogReader, type LogReader } from './log-reader.ts'
import { serverSent } from './server-sent.ts'
import { createShapes, type StreamDictionary } from './shapes.ts'
import { createStreamSockets, type StreamSockets, type Wire } from './sockets.ts'
import { createV1Wire } from './subscribe-v1.ts'
import { createV2Wire } from './subscribe-v2.ts'

const GET_DICTIONARY = 'network.bsky.jetstream.getZstdDictionary'

/** Everything that gives events away. */
export type Streams = {
  readonly hub: Hub
  /** Answers what is asked of them over HTTP; null for other paths. */
  fetch(request: Request, caller: { readonly address: string | null }): Response | Promise<Response> | null
  events(options: EventOptions): AsyncGenerator<StreamEvent, void, undefined>
  readonly sockets: StreamSockets
  /** Answers requests for methods of streams that ask for no socket; null for any other method. */
  method(nsid: string): Response | null
  /** Ends all of them. */
  close(): Promise<void>
}

/** Opens the streams of a database; what is in its log now is durable. */
export function openStreams(options: {
  readonly db: Database
  readonly limits: DoorLimits
  readonly dictionary: StreamDictionary | null
  readonly addressOf: (message: IncomingMessage) => string | null
  readonly onError: (error: unknown) => void
  readonly slowMs?: number
  readonly pingMs?: number
  /** Wires that are not of Jetstream. */
  readonly wires?: (parts: { readonly hub: Hub; readonly log: LogReader }) => readonly Wire[]
}): Streams {
  const { dictionary, onError } = options
  const log = createLogReader(options.db)
  const hub = createHub(log)
  const shapes = createShapes(dictionary)
  const doors = createDoors(options.limits)
  const sockets = createStreamSockets({
    wires: [
      createV1Wire({ hub, log, shapes, onError }),
      createV2Wire({ hub, log, shapes, dictionary, onError }),
      ...(options.wires?.({ hub, log }) ?? []),
    ],
    doors,
    addressOf: options.addressOf,
    ...(options.slowMs === undefined ? {} : { slowMs: options.slowMs }),
    ...(options.pingMs === undefined ? {} : { pingMs: options.pingMs }),
  })
  return {
    hub,
    sockets,
    fetch(request, caller) {
      if (request.method !== 'GET' && request.method !== 'HEAD') return null
      const { pathname, searchParams: query } = new URL(request.url)
      if (pathname !== '/stream' && pathname !== '/listEvents') return null
      const leave = doors.enter(caller.address)
      if (typeof leave === 'string') return tooMany(leave)
      if (pathname === '/stream') return serverSent({ request, query, hub, log, shapes, onError, leave })
      return listEvents({ query, signal: request.signal, hub, log, shapes, onError }).finally(leave)
    },
    events: (wanted) => iterate({ hub, log, shapes }, wanted),
    method(nsid) {
      if (nsid === GET_DICTIONARY) return dictionaryAnswer(dictionary)
      if (nsid !== SUBSCRIBE_EVENTS) return null
      const body = { error: 'UpgradeRequired', message: 'this is a WebSocket' }
      return Response.json(body, { status: 426, headers: { upgrade: 'websocket' } })
    },
    async close() {
      hub.close()
      await sockets.close()
    },
  }
}
