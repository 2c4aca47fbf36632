/** Servers of both wires as they behave in the wild, faults included: plain `node:http` and `ws`, nothing of this package. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { zstdCompressSync } from 'node:zlib'
import { type WebSocket, WebSocketServer } from 'ws'

/** An answer instead of an upgrade. */
export interface Refusal {
  readonly status: number
  readonly body: string
}

/** A running server. */
export interface TestServer extends AsyncDisposable {
  readonly url: string
  /** The URL of each connection that was asked for. */
  readonly asked: URL[]
  /** Text that subscribers sent. */
  readonly said: string[]
  readonly sockets: Set<WebSocket>
}

/** Serves WebSockets; `serve` gives a refusal to answer with that instead. */
export async function listen(
  serve: (ws: () => WebSocket, url: URL, count: number) => Refusal | void,
  answer: (url: URL, response: ServerResponse) => void = (_, response) => response.writeHead(404).end(),
): Promise<TestServer> {
  const asked: URL[] = []
  const said: string[] = []
  const http = createServer((request, response) => answer(urlOf(request), response))
  const wss = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (protocols) => (protocols.has('xrpc.v1.json') ? 'xrpc.v1.json' : false),
  })
  http.on('upgrade', (request, socket, head) => {
    const url = urlOf(request)
    asked.push(url)
    let opened: WebSocket | undefined
    const open = (): WebSocket => {
      wss.handleUpgrade(request, socket, head, (ws) => {
        opened = ws
        ws.on('error', () => {})
        ws.on('message', (data: Buffer) => said.push(data.toString()))
      })
      return opened!
    }
    const refusal = offersBoth(request, url) ? TWICE_PACKED : serve(open, url, asked.length)
    if (refusal !== undefined) {
      const { status, body } = refusal
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
    }
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    asked,
    said,
    sockets: wss.clients,
    async [Symbol.asyncDispose]() {
      for (const ws of wss.clients) ws.terminate()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

/** Servers refuse to pack twice, though a client may only have left the offer of its library in. */
const TWICE_PACKED: Refusal = { status: 400, body: 'zstd and permessage-deflate exclude each other' }

function offersBoth(request: IncomingMessage, { searchParams }: URL): boolean {
  const isPacked = searchParams.get('compress') === 'true' || searchParams.has('zstdDictionary')
  return isPacked && /permessage-deflate/.test(request.headers['sec-websocket-extensions'] ?? '')
}

function urlOf(request: IncomingMessage): URL {
  return new URL(request.url ?? '', 'http://x')
}

/** One event of a test log: what a filter looks at, and the text. */
export interface Logged {
  /** `time_us` (v1) or `seq` (v2). */
  readonly at: number
  readonly kind: string
  readonly did: string
  readonly collection?: string
  readonly text: string
}

/** What a server of v1 does wrong. */
export interface V1Faults {
  /** Breaks off, without a close frame, after so many messages of a connection. */
  readonly cutAfter?: number
  /** The oldest `time_us` kept: older cursors begin there, without a word. */
  readonly oldest?: number
  /** Sends so many events at the hand-over from replay to live in the wrong order. */
  readonly shuffle?: number
  /** The dictionary for `compress=true`. */
  readonly dictionary?: Uint8Array
  /** Refuses the first connections so. */
  readonly refuse?: (count: number) => Refusal | void
}

/** A server of v1 over a log that is all there when a subscriber comes. */
export function serveV1(log: readonly Logged[], faults: V1Faults = {}): Promise<TestServer> {
  return listen((open, { searchParams: query }, count) => {
    const refusal = faults.refuse?.(count)
    if (refusal !== undefined) return refusal
    const cursor = query.get('cursor')
    if (cursor !== null && !/^-?\d+$/.test(cursor)) return { status: 400, body: 'Invalid cursor' }
    const ws = open()
    const packed = query.get('compress') === 'true'
    let filter = { collections: query.getAll('wantedCollections'), dids: query.getAll('wantedDids') }
    const send = (): void => {
      let sent = 0
      const from = cursor === null ? Infinity : Math.max(Number(cursor), faults.oldest ?? 0)
      let rest = log.filter(({ at }) => at >= from)
      const late = rest.splice(rest.length - (faults.shuffle ?? 0))
      rest = [...rest, ...late.toReversed()]
      for (const event of rest) {
        if (!wantedV1(event, filter)) continue
        if (sent === faults.cutAfter) return ws.terminate()
        sent += 1
        if (packed) ws.send(zstdCompressSync(event.text, { dictionary: faults.dictionary! }))
        else ws.send(event.text)
      }
    }
    let waiting = query.get('requireHello') === 'true'
    ws.on('message', (data: Buffer, isBinary) => {
      if (isBinary) return
      const { type, payload } = JSON.parse(data.toString())
      if (type !== 'options_update') return
      filter = { collections: payload.wantedCollections ?? [], dids: payload.wantedDids ?? [] }
      if (waiting) send()
      waiting = false
    })
    if (!waiting) send()
    return undefined
  })
}

function wantedV1(
  { kind, did, collection = '' }: Logged,
  filter: { collections: readonly string[]; dids: readonly string[] },
): boolean {
  if (filter.dids.length > 0 && !filter.dids.includes(did)) return false
  if (kind !== 'commit' || filter.collections.length === 0) return true
  return filter.collections.some((pattern) =>
    pattern.endsWith('*') ? collection.startsWith(pattern.slice(0, -1)) : collection === pattern,
  )
}

/** How a server of v2 behaves. */
export interface V2Behaviour {
  readonly cutAfter?: number
  /** The lowest seq that is kept. */
  readonly floor?: number
  /** The dictionary it has now, by its id. */
  readonly dictionary?: () => { readonly id: number; readonly bytes: Uint8Array }
  /** When an event was seen, for cursors that are times. */
  readonly timeOf?: (seq: number) => number
  /** Says this at the end of what it has. */
  readonly last?: (count: number) => string | null
  /** Repeats the last event of each connection once. */
  readonly stutter?: boolean
}

/** A server of v2 over a log that is all there when a subscriber comes. */
export function serveV2(log: readonly Logged[], behaviour: V2Behaviour = {}): Promise<TestServer> {
  const refuse = (error: string, message: string): Refusal => ({
    status: 400,
    body: JSON.stringify({ error, message }),
  })
  return listen(
    (open, { searchParams: query }, count) => {
      for (const name of ['wantedDids', 'wantedCollections', 'requireHello', 'compress'])
        if (query.has(name)) return refuse('InvalidRequest', `${name} is of v1`)
      const wanted = query.get('zstdDictionary')
      const dictionary = behaviour.dictionary?.()
      if (wanted !== null && Number(wanted) !== dictionary?.id)
        return refuse('UnknownZstdDictionary', `the current one is ${dictionary?.id}`)
      const cursor = query.get('cursor')
      const { floor = 1, timeOf = (seq: number) => seq } = behaviour
      const tip = log.at(-1)?.at ?? 0
      let from = tip + 1
      let info = ''
      if (cursor !== null && Number(cursor) >= 1e15) {
        from = log.find(({ at }) => at >= floor && timeOf(at) >= Number(cursor))?.at ?? tip + 1
        if (timeOf(floor) > Number(cursor) && floor > 1)
          info = v2Frame('info', { name: 'OutdatedCursor', message: 'gone' })
      } else if (cursor !== null && Number(cursor) < floor) {
        return refuse('CursorTooOld', `the floor is ${floor}`)
      } else if (cursor !== null && Number(cursor) <= tip) from = Number(cursor)
      const ws = open()
      ws.on('message', () => ws.close(1008, 'no messages from the client'))
      const send = (text: string): void =>
        ws.send(wanted === null ? text : zstdCompressSync(text, { dictionary: dictionary!.bytes }))
      if (info !== '') send(info)
      const list = (name: string): string[] => query.getAll(name)
      let sent = 0
      let before = ''
      for (const event of log) {
        if (event.at < from) continue
        if (list('kinds').length > 0 && !list('kinds').includes(event.kind)) continue
        if (!wantedV1(event, { collections: list('collections'), dids: list('dids') })) continue
        if (sent === behaviour.cutAfter) {
          ws.terminate()
          return undefined
        }
        sent += 1
        send(event.text)
        before = event.text
      }
      if (behaviour.stutter === true && before !== '') send(before)
      const last = behaviour.last?.(count) ?? null
      if (last !== null) send(last)
      return undefined
    },
    (url, response) => {
      const dictionary = behaviour.dictionary?.()
      const path = '/xrpc/network.bsky.jetstream.getZstdDictionary'
      if (url.pathname !== path || dictionary === undefined) response.writeHead(404).end()
      else response.writeHead(200, { 'x-zstd-dictionary-id': String(dictionary.id) }).end(dictionary.bytes)
    },
  )
}

/** A frame of v2. */
export function v2Frame(kind: string, members: object): string {
  const $type = `network.bsky.jetstream.subscribeEvents#${kind}`
  return JSON.stringify({ $type: 'message', payload: { $type, ...members } })
}
