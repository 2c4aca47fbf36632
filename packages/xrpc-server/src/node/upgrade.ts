import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Answer } from '../call.ts'
import type { Router } from '../types.ts'
import { createAddressReader, type TrustProxy } from './address.ts'
import { NodeCall } from './call.ts'
import { closeMs, NodeFrameSocket } from './socket.ts'
import { pathOfTarget } from './target.ts'

/** Settings of {@link createUpgrader}. */
export interface UpgraderOptions {
  /** Which proxies are believed about who calls. Default none. */
  readonly trustProxy?: TrustProxy
  /**
   * Milliseconds between pings. A socket is cut off when nothing moved on it since the last one: nothing came, the answer or
   * anything else, and none of what was sent left. Default 30 000.
   */
  readonly pingMs?: number
}

/** Takes WebSocket requests of a node:http server to a router. */
export interface Upgrader {
  /**
   * A listener for the server's `upgrade` event. With `next` it passes on what is not under `/xrpc/`, untouched: for a server
   * with sockets of its own. Without, it refuses that.
   */
  readonly upgrade: (message: IncomingMessage, socket: Duplex, head: Buffer, next?: () => void) => void
  /** Says goodbye to every socket (1001) and resolves when all are closed. */
  close(): Promise<void>
}

// Subscribers have nothing to say: their messages are dropped, and bounded.
const maxIncoming = 64 * 1024
const handshakeMs = 30_000

/**
 * Makes the WebSocket side of a server, for programs that own their node:http server; `serve` has it built in.
 *
 * @example
 * server.on('upgrade', createUpgrader(router).upgrade)
 */
export function createUpgrader(router: Pick<Router, 'connect'>, options: UpgraderOptions = {}): Upgrader {
  const addressOf = createAddressReader(options.trustProxy ?? false)
  const agreed = new WeakMap<IncomingMessage, string>()
  const settings = {
    noServer: true,
    perMessageDeflate: false,
    maxPayload: maxIncoming,
    // Without this `ws` agrees to the first one offered, whatever it is.
    handleProtocols: (_: Set<string>, message: IncomingMessage) => agreed.get(message) ?? (false as const),
    // Who says goodbye and does not go would have 30 s, and a stop waits for it. The types of `ws` do not know the option yet.
    closeTimeout: closeMs,
  }
  const wss = new WebSocketServer(settings)
  const open = new Set<NodeFrameSocket>()
  const running = new Set<Promise<void>>()
  let closed = false

  const pings = setInterval(() => {
    for (const frames of open) frames.ping()
  }, options.pingMs ?? 30_000)
  pings.unref()

  async function accept(
    message: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    target: string,
  ): Promise<void> {
    const call = new NodeCall(message, null, target, addressOf(message))
    const connection = await router.connect(call)
    if (!connection.ok) {
      refuse(socket, connection.answer)
      return
    }
    if (closed || socket.destroyed) {
      socket.destroy()
      return
    }
    if (connection.protocol !== null) agreed.set(message, connection.protocol)
    wss.handleUpgrade(message, socket, head, (ws) => {
      const frames = new NodeFrameSocket(ws, socket)
      open.add(frames)
      const run = connection.run(frames).then(() => {
        open.delete(frames)
      })
      running.add(run)
      void run.then(() => running.delete(run))
    })
  }

  return {
    upgrade(message, socket, head, next) {
      const target = pathOfTarget(message.url ?? '/')
      if (next !== undefined && !target.startsWith('/xrpc/')) {
        next()
        return
      }
      // Until `ws` takes over, nobody else listens; an unheard error would end the process.
      socket.on('error', () => socket.destroy())
      const timer = setTimeout(() => socket.destroy(), handshakeMs)
      void accept(message, socket, head, target).finally(() => clearTimeout(timer))
    },
    async close() {
      closed = true
      clearInterval(pings)
      for (const frames of open) frames.close(1001, 'server is stopping')
      const sockets = [...wss.clients].map(
        (ws) =>
          new Promise<void>((resolve) =>
            ws.readyState === ws.CLOSED ? resolve() : ws.once('close', resolve),
          ),
      )
      await Promise.all([...sockets, ...running])
      wss.close()
    },
  }
}

function refuse(socket: Duplex, answer: Answer): void {
  const body = typeof answer.body === 'string' ? answer.body : ''
  const lines = [`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}`]
  const headers = {
    ...answer.headers,
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
  }
  // Header values come from the server's own code, yet a line break in one must not become a header.
  for (const [name, value] of Object.entries(headers)) {
    const text = [value].flat().join(', ')
    lines.push(`${name}: ${text.replaceAll(/[\r\n]/g, ' ')}`)
  }
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
  socket.once('finish', () => socket.destroy())
}
