// The WebSocket side of the streams: who asks is let in or refused in the words of their wire, and who does not read is let go.

import { type IncomingMessage, STATUS_CODES } from 'node:http'
import { type Duplex, getDefaultHighWaterMark } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Doors, Refusal } from './doors.ts'
import type { Sink } from './hub.ts'
import { createStreamSocket, type StreamSocket } from './socket.ts'

/** An answer instead of a socket. */
export type HttpRefusal = { readonly status: number; readonly type: string; readonly body: string }

/** What a wire does with a socket. */
export type Session = {
  /** Says that it reads too slowly, and closes. */
  tooSlow(): void
  /** A text of the subscriber. */
  received(text: string): void
  /** Bytes of the subscriber. */
  receivedBytes(): void
  /** It has left. */
  ended(): void
}

/** One wire: a path, and what it answers. */
export type Wire = {
  readonly path: string
  /** Agreed to when offered; null: none. */
  readonly protocol: string | null
  /** What a subscriber may say in ten seconds. Default: a hundred messages. */
  readonly maxMessages?: number
  refuse(why: Refusal): HttpRefusal
  /** @returns what makes a session of the socket, or the refusal */
  ask(request: {
    readonly query: URLSearchParams
    readonly header: (name: string) => string | null
    readonly address: string | null
  }): ((socket: StreamSocket, mark: () => number) => Session) | HttpRefusal
}

/** How long a subscriber may take next to nothing, ms. */
const SLOW_MS = 60_000
/** What it has to take in that time, bytes. */
const SLOW_BYTES = 64 * 1024
const SWEEP_MS = 1000
const PING_MS = 30_000
/** For what a subscriber says: ten thousand DIDs of a hundred characters. */
const MAX_INCOMING = 1024 * 1024
/** What subscribers may say in ten seconds, bytes. */
const INCOMING_BUDGET = 4 * MAX_INCOMING
const MAX_MESSAGES = 100
/** What may wait for all subscribers together, and for one of them at most, bytes. */
const MAX_WAITING = 256 * 1024 * 1024
const MAX_MARK = 512 * 1024
/** Above what a stream takes before it says `drain`: below that nobody would say that it is empty again. */
const MIN_MARK = 2 * getDefaultHighWaterMark(false)

/** All sockets of the streams. */
export type StreamSockets = {
  readonly paths: readonly string[]
  readonly upgrade: (message: IncomingMessage, socket: Duplex, head: Buffer) => void
  close(): Promise<void>
}

type Open = {
  readonly socket: StreamSocket
  readonly session: Session
  /** Since when it takes little, and how much it took since. */
  since: number
  taken: number
  incoming: number
  messages: number
}

/** @param slowMs for tests */
export function createStreamSockets(options: {
  readonly wires: readonly Wire[]
  readonly doors: Doors
  readonly addressOf: (message: IncomingMessage) => string | null
  readonly slowMs?: number
  readonly pingMs?: number
}): StreamSockets {
  const { slowMs = SLOW_MS, pingMs = PING_MS } = options
  const wires = new Map(options.wires.map((wire) => [wire.path, wire]))
  const open = new Set<Open>()
  let closed = false
  const mark = (): number => Math.min(MAX_MARK, Math.max(MIN_MARK, MAX_WAITING / 2 / Math.max(1, open.size)))

  const settings = {
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_INCOMING,
    handleProtocols: (offered: Set<string>, message: IncomingMessage) => {
      const { protocol } = wires.get(pathOf(message))!
      return protocol !== null && offered.has(protocol) ? protocol : false
    },
    closeTimeout: 2000,
  }
  const server = new WebSocketServer(settings)

  const slow = (each: Open, now: number): boolean => {
    each.taken += each.socket.taken()
    if (each.socket.buffered < mark() || each.taken >= SLOW_BYTES) {
      each.since = now
      each.taken = 0
      return false
    }
    return now - each.since >= slowMs
  }

  let pingAt = Date.now() + pingMs
  let budgetAt = Date.now() + 10_000
  const sweep = setInterval(
    () => {
      const now = Date.now()
      let waiting = 0
      for (const each of open) {
        if (now >= pingAt) each.socket.ping()
        if (now >= budgetAt) each.incoming = each.messages = 0
        if (slow(each, now)) each.session.tooSlow()
        waiting += each.socket.buffered
      }
      if (now >= pingAt) pingAt = now + pingMs
      if (now >= budgetAt) budgetAt = now + 10_000
      if (waiting <= MAX_WAITING) return
      // Those with most to take go first: others must not lack the memory.
      for (const each of [...open].toSorted((a, b) => b.socket.buffered - a.socket.buffered)) {
        if (waiting <= MAX_WAITING) return
        waiting -= each.socket.buffered
        each.socket.cut()
      }
    },
    Math.min(SWEEP_MS, slowMs, pingMs),
  )
  sweep.unref()

  const accept = (
    ws: WebSocket,
    stream: Duplex,
    begin: (socket: StreamSocket, mark: () => number) => Session,
    leave: () => void,
    maxMessages = MAX_MESSAGES,
  ): void => {
    const socket = createStreamSocket(ws, stream)
    const session = begin(socket, mark)
    const each: Open = { socket, session, since: Date.now(), taken: 0, incoming: 0, messages: 0 }
    open.add(each)
    ws.on('message', (data: Buffer, isBinary) => {
      each.incoming += data.length
      if (each.incoming > INCOMING_BUDGET || ++each.messages > maxMessages)
        socket.close(1008, 'too many messages')
      else if (isBinary) session.receivedBytes()
      else session.received(data.toString('utf8'))
    })
    ws.once('close', () => {
      open.delete(each)
      session.ended()
      leave()
    })
  }

  return {
    paths: [...wires.keys()],
    upgrade(message, socket, head) {
      socket.on('error', () => socket.destroy())
      const wire = wires.get(pathOf(message))
      if (wire === undefined || closed)
        return refuse(socket, {
          status: closed ? 503 : 404,
          type: 'text/plain',
          body: closed ? 'stopping' : 'not found',
        })
      const query = new URLSearchParams((message.url ?? '').split('?').slice(1).join('?'))
      const header = (name: string): string | null => {
        const value = message.headers[name]
        return value === undefined ? null : typeof value === 'string' ? value : value.join(', ')
      }
      const address = options.addressOf(message)
      const asked = wire.ask({ query, header, address })
      if (typeof asked !== 'function') return refuse(socket, asked)
      const leave = options.doors.enter(address)
      if (typeof leave === 'string') return refuse(socket, wire.refuse(leave))
      socket.once('close', leave)
      server.handleUpgrade(message, socket, head, (ws) => accept(ws, socket, asked, leave, wire.maxMessages))
    },
    async close() {
      closed = true
      clearInterval(sweep)
      const gone = [...server.clients].map(
        (ws) =>
          new Promise<void>((resolve) =>
            ws.readyState === ws.CLOSED ? resolve() : ws.once('close', resolve),
          ),
      )
      for (const { socket } of open) socket.close(1001, 'server is stopping')
      await Promise.all(gone)
      server.close()
    },
  }
}

/** What a session's events go to: frames, as they are, while the socket takes them. */
export function socketSink(
  socket: StreamSocket,
  mark: () => number,
  session: {
    resume: () => void
    outdated: () => boolean
    failed: (error: unknown) => void
  },
): Sink {
  let isWaiting = false
  return {
    ready() {
      if (isWaiting) return false
      const most = mark()
      if (socket.buffered < most) return true
      isWaiting = true
      socket.whenBelow(most / 2, () => {
        isWaiting = false
        session.resume()
      })
      return false
    },
    send: ({ bytes }) => socket.write(bytes),
    outdated: session.outdated,
    failed: session.failed,
  }
}

/** JSON as the body of a refusal. */
export function jsonRefusal(status: number, error: string, message: string): HttpRefusal {
  return { status, type: 'application/json; charset=utf-8', body: JSON.stringify({ error, message }) }
}

function pathOf(message: IncomingMessage): string {
  return (message.url ?? '/').split('?', 1)[0]!
}

function refuse(socket: Duplex, { status, type, body }: HttpRefusal): void {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `content-type: ${type}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'access-control-allow-origin: *',
    'connection: close',
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
  socket.once('finish', () => socket.destroy())
}
