// A relay: it passes the frames of its PDSes on under numbers of its own, may lose or spoil some, forget what it had, number anew, and is
// stopped and started.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { DataObject } from '@avocet/data'
import { decodeFrame, encodeErrorFrame, encodeFrame } from '@avocet/xrpc'
import { WebSocket, WebSocketServer } from 'ws'

const RETRY_MS = 100
/** A reader that is so far behind is cut off. */
const MAX_UNSENT = 256 * 1024 * 1024

/** An event without its number. */
export type RelayedEvent = { readonly type: `#${string}`; readonly body: DataObject }

/** A relay on one port. What it has passed on it keeps while it is stopped. */
export type Relay = {
  readonly url: string
  /** Frames of its PDSes that it has heard. */
  heard(): number
  start(): Promise<void>
  stop(): Promise<void>
  /** Sends an event of its own making, or bytes that are no frame. */
  send(event: RelayedEvent | Uint8Array): void
  /** What it has is gone: who comes back with a cursor is told so. */
  forget(): void
  /** Numbers anew from there on; `cut`: its readers have to come back. */
  renumber(seq: number, cut: boolean): void
}

export type RelayOptions = {
  readonly port: number
  /** PDSes by their http origins, and whether it follows them from their oldest event on. */
  readonly upstream: readonly { readonly origin: string; readonly fromOldest: boolean }[]
  /** PDSes by their http origins whose lists it gives out as its own, and whom it asks for handles. */
  readonly lists: readonly string[]
  /** Its first number. */
  readonly firstSeq: number
  /** What becomes of an event; nothing: it is lost. */
  readonly pass: (event: RelayedEvent) => readonly (RelayedEvent | Uint8Array)[]
  /** Bytes that it keeps for those who come back; default: all. */
  readonly maxBytes?: number
}

/** A relay that is not started yet. */
export function createRelay(options: RelayOptions): Relay {
  const { port, upstream, lists, pass, maxBytes = Infinity } = options
  let kept: Uint8Array[] = []
  let bytes = 0
  let next = options.firstSeq
  let heard = 0
  const cursors = new Map<string, number>()
  const subscribers = new Set<WebSocket>()
  const followed = new Set<WebSocket>()
  let running = false
  let close = async (): Promise<void> => {}

  const forget = (): void => {
    kept = []
    bytes = 0
  }
  const send = (event: RelayedEvent | Uint8Array): void => {
    // What is no event has no number, and is not kept.
    const isEvent = !(event instanceof Uint8Array)
    const frame = isEvent ? encodeFrame(event.type, { ...event.body, seq: next }) : event
    if (isEvent) {
      next++
      kept.push(frame)
      bytes += frame.length
      if (bytes > maxBytes) {
        // A tenth at a time, so that it costs little.
        const gone = kept.splice(0, Math.ceil(kept.length / 10))
        for (const one of gone) bytes -= one.length
      }
    }
    for (const socket of subscribers) {
      if (socket.bufferedAmount > MAX_UNSENT) socket.terminate()
      else socket.send(frame)
    }
  }
  const hear = (origin: string, frame: Uint8Array): void => {
    const read = decodeFrame(frame)
    if (!read.ok || read.value.kind !== 'message' || typeof read.value.body['seq'] !== 'number') return
    const { type, body } = read.value
    cursors.set(origin, body['seq'] as number)
    heard++
    for (const event of pass({ type: type as RelayedEvent['type'], body })) send(event)
  }

  const follow = (origin: string, fromOldest: boolean): void => {
    if (!running) return
    const cursor = cursors.get(origin) ?? (fromOldest ? 0 : null)
    const socket = new WebSocket(
      `${origin.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos${cursor === null ? '' : `?cursor=${cursor}`}`,
    )
    followed.add(socket)
    socket.on('message', (data: Buffer) => hear(origin, new Uint8Array(data)))
    socket.on('error', () => {})
    socket.on('close', () => {
      followed.delete(socket)
      setTimeout(() => follow(origin, fromOldest), RETRY_MS)
    })
  }

  const serve = (socket: WebSocket, cursor: number | null): void => {
    const oldest = next - kept.length
    if (cursor !== null && cursor >= next) {
      socket.send(encodeErrorFrame('FutureCursor', 'the cursor is in the future'))
      return socket.close(1008)
    }
    if (cursor !== null && cursor + 1 < oldest) socket.send(encodeFrame('#info', { name: 'OutdatedCursor' }))
    if (cursor !== null) for (const frame of kept.slice(Math.max(0, cursor + 1 - oldest))) socket.send(frame)
    subscribers.add(socket)
    socket.on('close', () => subscribers.delete(socket))
    socket.on('error', () => {})
  }

  return {
    url: `ws://127.0.0.1:${port}`,
    heard: () => heard,
    send,
    forget,
    renumber(seq, cut) {
      forget()
      next = seq
      if (cut) for (const socket of subscribers) socket.terminate()
    },
    async start() {
      const server = createServer((request, response) => {
        void answer(request, response, lists).catch(() => response.destroy())
      })
      const streams = new WebSocketServer({ server })
      streams.on('connection', (socket, request) => {
        const cursor = new URL(request.url ?? '/', 'http://localhost').searchParams.get('cursor')
        serve(socket, cursor === null ? null : Number(cursor))
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

const LISTS: ReadonlySet<string> = new Set(['listRepos', 'listReposByCollection'])

/** Lists are those of its PDSes one after the other; it mirrors no repo. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  lists: readonly string[],
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const say = (status: number, body: object): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (url.pathname === '/xrpc/com.atproto.identity.resolveHandle') {
    for (const origin of lists) {
      const found = await fetch(origin + (request.url ?? '')).catch(() => null)
      if (found?.ok === true) return say(200, (await found.json()) as object)
    }
    return say(400, { error: 'HandleNotFound' })
  }
  if (!LISTS.has(url.pathname.replace('/xrpc/com.atproto.sync.', '')))
    return say(404, { error: 'RepoNotFound' })
  // The place in all lists: which of them, and where in it.
  const [at = '0', ...rest] = (url.searchParams.get('cursor') ?? '0').split(' ')
  const index = Number(at)
  if (rest.length > 0) url.searchParams.set('cursor', rest.join(' '))
  else url.searchParams.delete('cursor')
  const listed = await fetch(`${lists[index]}${url.pathname}${url.search}`).catch(() => null)
  if (listed === null || !listed.ok) return say(502, {})
  const page = (await listed.json()) as { repos: unknown[]; cursor?: string }
  const more = index + 1 < lists.length ? String(index + 1) : undefined
  const cursor = page.cursor === undefined ? more : `${index} ${page.cursor}`
  say(200, { repos: page.repos, ...(cursor === undefined ? {} : { cursor }) })
}
