// Servers of Jetstream and Tap, made of nothing but the wires of our packages, in front of a list of events.
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

import {
  createMatcher,
  encodeV1Event,
  parseV1Message,
  parseV1Request,
  type V1Event,
} from '@avocet/jetstream/wire'
import {
  checkBasicAuth,
  encodeTapEvent,
  parseAck,
  repoInfoJson,
  type TapEvent,
  type TapRepoInfo,
} from '@avocet/tap/wire'
import { WebSocketServer, type WebSocket } from 'ws'

/** A server in this process. */
export interface StreamServer extends AsyncDisposable {
  readonly url: string
  readonly asked: URL[]
  /** Breaks off all connections, without a goodbye. */
  cut(): void
}

async function listen(
  upgrade: (
    server: WebSocketServer,
    request: IncomingMessage,
    url: URL,
    accept: Accept,
  ) => void | Promise<void>,
  answer: (request: IncomingMessage, url: URL, body: string) => Promise<{ status: number; body: string }>,
): Promise<StreamServer> {
  const asked: URL[] = []
  const sockets = new WebSocketServer({ noServer: true })
  const http = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://x')
      void answer(request, url, Buffer.concat(chunks).toString()).then(({ status, body }) =>
        response.writeHead(status).end(body),
      )
    })
  })
  http.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '', 'http://x')
    asked.push(url)
    void upgrade(sockets, request, url, {
      accept: (serve) => sockets.handleUpgrade(request, socket, head, serve),
      refuse: (status, text) =>
        socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`),
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    asked,
    cut() {
      for (const socket of sockets.clients) socket.terminate()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

interface Accept {
  readonly accept: (serve: (socket: WebSocket) => void) => void
  readonly refuse: (status: number, text: string) => void
}

/** `/subscribe` in front of a list of events in the order of `time_us`; a connection ends after `cutAfter` of them. */
export function serveJetstream(events: readonly V1Event[], cutAfter = Infinity): Promise<StreamServer> {
  return listen(
    (_, __, url, { accept, refuse }) => {
      const request = parseV1Request(url.searchParams)
      if (!request.ok) return refuse(400, request.error)
      const { cursor, requireHello, filter } = request.value
      return accept((socket) => {
        const from = cursor.kind === 'time' ? cursor.us : cursor.kind === 'seq' ? 0 : Infinity
        const send = (matches: (event: V1Event) => boolean): void => {
          let sent = 0
          for (const event of events) {
            if (event.time_us < from || !matches(event)) continue
            socket.send(encodeV1Event(event))
            sent += 1
            if (sent === cutAfter) return socket.close(1001)
          }
        }
        let waits = requireHello
        socket.on('message', (data: Buffer) => {
          const message = parseV1Message(data.toString())
          if (message.kind === 'refused') socket.close(message.code, message.reason)
          if (message.kind !== 'options' || !waits) return
          waits = false
          send(createMatcher(message.filter))
        })
        if (!requireHello) send(createMatcher(filter))
      })
    },
    async () => ({ status: 404, body: 'not found' }),
  )
}

/** Tap in front of a list of events; what is not acked is sent again on each new connection. */
export async function serveTap(
  events: readonly TapEvent[],
  repos: ReadonlyMap<string, TapRepoInfo>,
  password: string | null,
): Promise<StreamServer & { readonly acked: number[]; readonly added: string[] }> {
  const acked: number[] = []
  const added: string[] = []
  const knows = async ({ headers }: IncomingMessage): Promise<boolean> =>
    password === null || (await checkBasicAuth(headers.authorization ?? null, password))
  const server = await listen(
    async (_, request, __, { accept, refuse }) => {
      if (!(await knows(request))) return refuse(401, 'unauthorized')
      return accept((socket) => {
        socket.on('message', (data: Buffer) => {
          const id = parseAck(data.toString())
          if (id !== null) acked.push(id)
        })
        for (const event of events) if (!acked.includes(event.id)) socket.send(encodeTapEvent(event))
      })
    },
    async (request, url, body) => {
      if (!(await knows(request))) return { status: 401, body: 'unauthorized' }
      if (url.pathname === '/repos/add') {
        added.push(...JSON.parse(body).dids)
        return { status: 200, body: '' }
      }
      const info = repos.get(decodeURIComponent(url.pathname.replace('/info/', '')))
      if (info === undefined) return { status: 404, body: 'repo not found' }
      return { status: 200, body: JSON.stringify(repoInfoJson(info)) }
    },
  )
  return Object.assign(server, { acked, added })
}
