// A relay in a few lines: it passes the frames of its PDSes on under numbers of its own, may lose some, and is stopped and started.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { DataObject } from '@avocet/data'
import { decodeFrame, encodeFrame } from '@avocet/xrpc'
import { WebSocket, WebSocketServer } from 'ws'

const RETRY_MS = 100

/** A relay on one port. What it has passed on it keeps while it is stopped. */
export type Relay = {
  readonly url: string
  /** Frames it gave a number. */
  count(): number
  start(): Promise<void>
  stop(): Promise<void>
}

export type RelayOptions = {
  readonly port: number
  /** PDSes by their http origins, and whether it follows them from their oldest event on; it lists what the last one hosts. */
  readonly upstream: readonly { readonly origin: string; readonly fromOldest: boolean }[]
  /** Its first number. */
  readonly firstSeq: number
  /** Whether a frame is lost. */
  readonly loses: (body: DataObject) => boolean
}

/** A relay that is not started yet. */
export function createRelay({ port, upstream, firstSeq, loses }: RelayOptions): Relay {
  const passed: Uint8Array[] = []
  const cursors = new Map<string, number>()
  const subscribers = new Set<WebSocket>()
  const followed = new Set<WebSocket>()
  let running = false
  let close = async (): Promise<void> => {}

  const pass = (origin: string, frame: Uint8Array): void => {
    const read = decodeFrame(frame)
    if (!read.ok || read.value.kind !== 'message' || typeof read.value.body['seq'] !== 'number') return
    const { type, body } = read.value
    cursors.set(origin, body['seq'] as number)
    if (loses(body)) return
    const own = encodeFrame(type as `#${string}`, { ...body, seq: firstSeq + passed.length })
    passed.push(own)
    for (const socket of subscribers) socket.send(own)
  }

  const follow = (origin: string, fromOldest: boolean): void => {
    if (!running) return
    const cursor = cursors.get(origin) ?? (fromOldest ? 0 : null)
    const socket = new WebSocket(
      `${origin.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos${cursor === null ? '' : `?cursor=${cursor}`}`,
    )
    followed.add(socket)
    socket.on('message', (data: Buffer) => pass(origin, new Uint8Array(data)))
    socket.on('error', () => {})
    socket.on('close', () => {
      followed.delete(socket)
      setTimeout(() => follow(origin, fromOldest), RETRY_MS)
    })
  }

  return {
    url: `ws://127.0.0.1:${port}`,
    count: () => passed.length,
    async start() {
      // It mirrors no repo.
      const server = createServer((request, response) => {
        const path = request.url ?? '/'
        if (!path.startsWith('/xrpc/com.atproto.sync.listRepos')) {
          response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"RepoNotFound"}')
          return
        }
        fetch(upstream.at(-1)!.origin + path).then(
          async (answer) => response.writeHead(answer.status).end(await answer.text()),
          () => response.writeHead(502).end('{}'),
        )
      })
      const streams = new WebSocketServer({ server })
      streams.on('connection', (socket, request) => {
        const cursor = new URL(request.url ?? '/', 'http://localhost').searchParams.get('cursor')
        const from = cursor === null ? passed.length : Math.max(0, Number(cursor) - firstSeq + 1)
        for (const frame of passed.slice(from)) socket.send(frame)
        subscribers.add(socket)
        socket.on('close', () => subscribers.delete(socket))
        socket.on('error', () => {})
      })
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      running = true
      for (const { origin, fromOldest } of upstream) follow(origin, fromOldest)
      close = async () => {
        running = false
        for (const socket of [...subscribers, ...followed]) socket.terminate()
        streams.close()
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
    stop: () => close(),
  }
}
