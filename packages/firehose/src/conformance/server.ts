// The other end of the wire: a real server with the stream on a WebSocket and a DID directory beside it.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Did } from '@avocet/syntax'
import { encodeErrorFrame } from '@avocet/xrpc'
import { type WebSocket, WebSocketServer } from 'ws'
import type { FrameStep } from './script.ts'
import type { World } from './world.ts'

/** A stream server of one test. */
export type StreamServer = {
  /** `ws://127.0.0.1:port` */
  readonly service: string
  /** `http://127.0.0.1:port`: a did:plc directory. */
  readonly plcUrl: string
  /** Sends one frame to whoever is connected, and to those who come later with an older cursor. */
  send(step: Pick<FrameStep, 'seq' | 'frame'>): void
  /** Resolves when a consumer is connected. */
  connected(): Promise<void>
  /** Cuts all connections off, as a broken network does. */
  cut(): void
  /** How often a consumer connected. */
  readonly connections: number
  close(): Promise<void>
}

/** The place of the event with this seq, or else of the last one before it: a server may number anew, and below. */
function lastUpTo(history: readonly Pick<FrameStep, 'seq'>[], cursor: number): number {
  const exact = history.findLastIndex(({ seq }) => seq === cursor)
  return exact !== -1 ? exact : history.findLastIndex(({ seq }) => seq !== null && seq <= cursor)
}

/**
 * Serves a world's documents and the frames it is given, on a port of its own. With `newest` a cursor above it is answered
 * with `FutureCursor`, as the protocol wants.
 */
export async function serveStream(
  world: Pick<World, 'document'> & { readonly hangs?: (did: Did) => boolean },
  options: { readonly newest?: () => number } = {},
): Promise<StreamServer> {
  const history: Pick<FrameStep, 'seq' | 'frame'>[] = []
  const sockets = new Set<WebSocket>()
  let waiters: (() => void)[] = []
  let connections = 0

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const did = decodeURIComponent((request.url ?? '/').slice(1).split(/[/?]/)[0] ?? '')
    // Asked, and silent.
    if (did.startsWith('did:') && world.hangs?.(did as Did) === true) return
    const document = did.startsWith('did:') ? world.document(did as Did) : null
    response.writeHead(document === null ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(document ?? { message: `DID not registered: ${did}` }))
  }

  const server = createServer(answer)
  const streams = new WebSocketServer({ server, perMessageDeflate: false })
  streams.on('connection', (socket, request) => {
    connections++
    const cursor = new URL(request.url ?? '/', 'http://localhost').searchParams.get('cursor')
    if (options.newest !== undefined && Number(cursor ?? 0) > options.newest()) {
      socket.send(encodeErrorFrame('FutureCursor', 'cursor in the future'))
      socket.close(1008, 'FutureCursor')
      return
    }
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => sockets.delete(socket))
    // Frames without a seq belong to the one before them.
    const after = cursor === null ? history.length - 1 : lastUpTo(history, Number(cursor))
    for (const { frame } of history.slice(cursor === '0' ? 0 : after + 1)) socket.send(frame)
    const ready = waiters
    waiters = []
    for (const waiter of ready) waiter()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo

  return {
    service: `ws://127.0.0.1:${port}`,
    plcUrl: `http://127.0.0.1:${port}`,
    send(step) {
      history.push(step)
      for (const socket of sockets) socket.send(step.frame)
    },
    connected: () =>
      sockets.size > 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiters.push(resolve)
          }),
    cut() {
      for (const socket of sockets) socket.terminate()
    },
    get connections() {
      return connections
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.terminate()
        streams.close()
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
