// Who comes and then takes all the time in the world: each holds a socket, and nothing that others need.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { outcomes, dial, newAddress } from './wire.ts'
import type { World } from './world.ts'

/** A kind of slow caller: what is said at once, then letter by letter, and how it has to end. */
export interface Dawdler {
  readonly what: string
  readonly count: number
  readonly first: (world: World) => string
  /** Said once every `everyMs`. */
  readonly drip?: string
  readonly everyMs?: number
  /** Whether it takes no answer in. */
  readonly deaf?: boolean
  /** The right end: what the server says and does. */
  readonly right: string
  /** Latest time of that, in seconds. */
  readonly withinS: number
}

const head = (line: string, ...more: string[]): string =>
  [line, 'Host: pds.example.com', `X-Forwarded-For: ${newAddress()}`, ...more].join('\r\n')

export const DAWDLERS: readonly Dawdler[] = [
  { what: 'say nothing', count: 60, first: () => '', right: '408', withinS: 20 },
  { what: 'begin a request line', count: 50, first: () => 'GET /xr', right: '408', withinS: 20 },
  {
    what: 'send a head letter by letter',
    count: 50,
    first: () => head('GET /xrpc/_health HTTP/1.1', 'X-Slow: '),
    drip: 'x',
    everyMs: 1000,
    right: '408',
    withinS: 20,
  },
  {
    what: 'send headers without end',
    count: 20,
    first: () => `${head('GET /xrpc/_health HTTP/1.1')}\r\n`,
    drip: 'X: y\r\n',
    everyMs: 1000,
    right: '408',
    withinS: 20,
  },
  {
    what: 'send half a JSON body',
    count: 50,
    first: () =>
      `${head('POST /xrpc/com.atproto.server.createSession HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 100')}\r\n\r\n{"ident`,
    right: '408 RequestTimeout',
    withinS: 45,
  },
  {
    what: 'send a JSON body letter by letter',
    count: 50,
    first: () =>
      `${head('POST /xrpc/com.atproto.server.createSession HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked')}\r\n\r\n`,
    drip: '1\r\n \r\n',
    everyMs: 1000,
    right: '408 RequestTimeout',
    withinS: 45,
  },
  {
    what: 'send a packed body letter by letter',
    count: 20,
    first: () =>
      `${head('POST /xrpc/com.atproto.server.createSession HTTP/1.1', 'Content-Type: application/json', 'Content-Encoding: gzip', 'Transfer-Encoding: chunked')}\r\n\r\n`,
    drip: '1\r\n\x1f\r\n',
    everyMs: 4000,
    right: '400 InvalidRequest',
    withinS: 20,
  },
  {
    what: 'stop in the middle of an upload',
    count: 5,
    first: ({ alice }) =>
      `${head('POST /xrpc/com.atproto.repo.uploadBlob HTTP/1.1', `Authorization: Bearer ${alice.accessJwt}`, 'Content-Type: image/png', 'Content-Length: 1000')}\r\n\r\nabc`,
    right: '408 RequestTimeout',
    withinS: 45,
  },
  {
    what: 'stop in the middle of a body for another service',
    count: 10,
    first: ({ alice }) =>
      `${head('POST /xrpc/chat.bsky.convo.sendMessage HTTP/1.1', `Authorization: Bearer ${alice.accessJwt}`, 'atproto-proxy: did:web:appview.example.com#bsky_appview', 'Content-Type: application/json', 'Content-Length: 1000')}\r\n\r\n{`,
    right: '408 RequestTimeout',
    withinS: 45,
  },
  {
    what: 'ask for much and take nothing of it',
    count: 40,
    first: ({ bob }) => `${head(`GET /xrpc/com.atproto.sync.getRepo?did=${bob.did} HTTP/1.1`)}\r\n\r\n`,
    deaf: true,
    right: 'held',
    withinS: 45,
  },
  {
    what: 'subscribe to all there was and take nothing of it',
    count: 40,
    first: () =>
      `${head('GET /xrpc/com.atproto.sync.subscribeRepos?cursor=0 HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==')}\r\n\r\n`,
    deaf: true,
    right: 'held',
    withinS: 45,
  },
]

/** All callers of a kind at once; resolves with the ends they came to, counted. */
export async function dawdle(world: World, kind: Dawdler): Promise<string> {
  const ends = await Promise.all(Array.from({ length: kind.count }, () => one(world, kind)))
  return [...new Set(ends)].toSorted().join(' | ')
}

async function one(
  world: World,
  { first, drip, everyMs = 1000, deaf = false, withinS }: Dawdler,
): Promise<string> {
  const socket = await dial(world.server.url)
  let heard = ''
  if (deaf) socket.pause()
  else socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')))
  const text = first(world)
  if (text !== '') socket.write(Buffer.from(text, 'latin1'))
  const dripping =
    drip === undefined
      ? undefined
      : setInterval(() => socket.writable && socket.write(Buffer.from(drip, 'latin1')), everyMs)
  const closed = await Promise.race([ended(socket), sleep(withinS * 1000).then(() => false)])
  clearInterval(dripping)
  socket.destroy()
  // Who takes nothing cannot hear how it ended either.
  if (deaf) return 'held'
  return closed ? outcomes(heard) : `${outcomes(heard)}, still open`
}

async function ended(socket: Socket): Promise<boolean> {
  if (!socket.destroyed) await once(socket, 'close')
  return true
}
