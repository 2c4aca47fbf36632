/** A Tap server as it behaves in the wild, faults included: plain `node:http` and `ws`, nothing of this package. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

/** An event on its way. */
interface Outgoing {
  readonly id: number
  readonly did: string
  readonly live: boolean
  readonly text: string
  sent: boolean
}

/** How the server behaves. */
export interface Behaviour {
  readonly password?: string
  /** Events count as done when they are sent. */
  readonly noAcks?: boolean
  /** Webhook mode: no channel. */
  readonly webhooks?: boolean
  /** Loses the acks of a connection, and breaks it off after so many. */
  readonly cutAfterAcks?: number
  /** Takes no notice of the first so many acks. */
  readonly loseAcks?: number
}

/** A running server. */
export interface TapServer extends AsyncDisposable {
  readonly url: string
  readonly acked: number[]
  /** How often each event was sent. */
  readonly sent: Map<number, number>
  readonly sockets: Set<WebSocket>
  readonly asked: { readonly method: string; readonly path: string; readonly body: string }[]
  /** Sends an event as soon as its account's order lets it. */
  push(text: string): void
  /** The retry tick: everything that is not acked is sent again, in the wrong order. */
  resend(): void
}

export const didOf = (n: number): `did:plc:${string}` =>
  `did:plc:${'a'.repeat(20)}${String.fromCharCode(...[1000, 100, 10, 1].map((unit) => 97 + (Math.floor(n / unit) % 10)))}`

/** The text of event `id`. */
export function eventText(id: number, did = didOf(1), members: object = {}): string {
  const record = { $type: 'com.example.note', n: id }
  return JSON.stringify({
    id,
    type: 'record',
    record: {
      live: true,
      did,
      rev: '3mptbypluud2a',
      collection: 'com.example.note',
      rkey: `k${id}`,
      action: 'create',
      record,
      cid: 'bafyreiguce4jh7kcbmof3pmcvasifqtw24b6isakj5ve5ga2b4z4alpc4i',
      ...members,
    },
  })
}

export async function serveTap(behaviour: Behaviour = {}): Promise<TapServer> {
  const outbox: Outgoing[] = []
  const acked: number[] = []
  const sent = new Map<number, number>()
  const asked: { method: string; path: string; body: string }[] = []
  const repos = new Set<string>()
  let toLose = behaviour.loseAcks ?? 0
  const authorized = ({ headers }: IncomingMessage): boolean =>
    behaviour.password === undefined ||
    headers.authorization === `Basic ${Buffer.from(`admin:${behaviour.password}`).toString('base64')}`

  const answerOf = (path: string, body: string): [number, string] => {
    const [, name = '', did = ''] = path.split('/')
    switch (path) {
      case '/health':
        return [200, '{"status":"ok"}']
      case '/repos/add':
        for (const added of JSON.parse(body).dids) repos.add(added)
        return [200, '']
      case '/repos/remove':
        for (const removed of JSON.parse(body).dids) repos.delete(removed)
        return [200, '']
      case '/stats/repo-count':
        return [200, `{"repo_count":${repos.size}}`]
      case '/stats/record-count':
        return [200, '{"record_count":12}']
      case '/stats/outbox-buffer':
        return [200, `{"outbox_buffer":${outbox.length}}`]
      case '/stats/resync-buffer':
        return [200, '{"resync_buffer":0}']
      case '/stats/cursors':
        return [200, '{"firehose":99}']
      default:
        if (name === 'info' && repos.has(decodeURIComponent(did)))
          return [
            200,
            `{"did":"${decodeURIComponent(did)}","handle":"","state":"pending","rev":"","error":"","retries":0,"records":0}`,
          ]
        if (name === 'resolve' && repos.has(decodeURIComponent(did)))
          return [200, `{"id":"${decodeURIComponent(did)}"}`]
        return [404, name === 'info' ? 'repo not found' : 'not found']
    }
  }
  const http = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const path = request.url ?? ''
      asked.push({ method: request.method ?? '', path, body })
      const [status, text] = authorized(request) ? answerOf(path, body) : [401, 'unauthorized']
      response.writeHead(status).end(text)
    })
  })
  const wss = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  http.on('upgrade', (request, socket, head) => {
    const refused = authorized(request)
      ? behaviour.webhooks === true
        ? '400 webhook mode: no channel'
        : ''
      : '401 unauthorized'
    asked.push({ method: 'WS', path: request.url ?? '', body: '' })
    if (refused !== '') {
      const text = refused.slice(4)
      socket.end(`HTTP/1.1 ${refused.slice(0, 3)} No\r\ncontent-length: ${text.length}\r\n\r\n${text}`)
      return
    }
    wss.handleUpgrade(request, socket, head, (ws) => {
      let count = 0
      ws.on('error', () => {})
      ws.on('message', (data: Buffer) => {
        const { type, id } = JSON.parse(data.toString())
        if (type !== 'ack') return
        if (toLose > 0) {
          toLose -= 1
          return
        }
        acked.push(id)
        const at = outbox.findIndex((event) => event.id === id)
        if (at >= 0) outbox.splice(at, 1)
        count += 1
        if (count === behaviour.cutAfterAcks) ws.terminate()
        pump()
      })
      pump()
    })
  })

  const send = (event: Outgoing): void => {
    const [ws] = wss.clients
    if (ws?.readyState !== ws?.OPEN || ws === undefined) return
    event.sent = true
    sent.set(event.id, (sent.get(event.id) ?? 0) + 1)
    ws.send(event.text)
  }
  /** Live events wait for all of their account before them, and what comes after waits for them. */
  const pump = (): void => {
    for (const event of outbox.slice()) {
      const before = outbox.slice(0, outbox.indexOf(event)).filter(({ did }) => did === event.did)
      if (event.sent || (event.live ? before.length > 0 : before.some(({ live }) => live))) continue
      send(event)
      if (behaviour.noAcks === true && event.sent) outbox.splice(outbox.indexOf(event), 1)
    }
  }

  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    acked,
    sent,
    asked,
    sockets: wss.clients,
    push(text) {
      let event: any = {}
      try {
        event = JSON.parse(text)
      } catch {
        // Sent as it is.
      }
      const { did = '', live = false } = event.record ?? event.identity ?? {}
      outbox.push({ id: event.id ?? -1, did, live, text, sent: false })
      pump()
    },
    resend() {
      for (const event of outbox.filter((out) => out.sent).toReversed()) send(event)
    },
    async [Symbol.asyncDispose]() {
      for (const ws of wss.clients) ws.terminate()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}
