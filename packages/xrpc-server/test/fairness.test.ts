import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { decodeFrame, encodeFrame } from '@avocet/xrpc'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'

import { callOf } from '../src/fetch.ts'
import { createRouter, networkOf, type Limits, type Router } from '../src/index.ts'
import { serve, type Serving } from '../src/node/index.ts'
import { socketOf } from './frame-socket.ts'
import { catalog } from './methods.ts'

const path = '/xrpc/com.example.count'
const frame = encodeFrame('#number', { n: 1 })

test('a subscriber that closes politely ends its stream, however much there is to send', async () => {
  // Bounded, so that a server that goes on sending to nobody ends at all.
  const total = 400_000
  let given = 0
  const router = createRouter({ catalog }).add('com.example.count', {
    handler: async function* () {
      for (; given < total; given++) yield frame
    },
  })
  await using server = await serve({ router })
  const ws = new WebSocket(server.url + path)
  await once(ws, 'message')
  ws.close(1000)
  await once(ws, 'close')
  await expect.poll(() => router.subscribers()).toEqual([])
  expect(given).toBeLessThan(total)
})

/** A subscriber that says goodbye once it is served, and keeps its connection. */
async function goodbye(server: Serving, isServed: () => boolean): Promise<Socket> {
  const socket = connectTo({ port: server.port, allowHalfOpen: true })
  const key = randomBytes(16).toString('base64')
  const upgrade = `upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}`
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n${upgrade}\r\n\r\n`)
  socket.resume()
  await expect.poll(isServed).toBe(true)
  // A close frame of code 1000, masked with zeros.
  socket.write(Uint8Array.of(0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8))
  return socket
}

test('a subscriber that says goodbye and does not go ends its stream at once, and holds no stop up', async () => {
  let given = 0
  const router = createRouter({ catalog }).add('com.example.count', {
    handler: async function* () {
      for (; ; given++) yield frame
    },
  })
  await using server = await serve({ router })
  using left = new DisposableStack()
  const socket = await goodbye(server, () => given > 0)
  left.defer(() => socket.destroy())
  await expect.poll(() => router.subscribers(), { interval: 5, timeout: 1500 }).toEqual([])
  const before = given
  await sleep(50)
  expect([given, socket.destroyed]).toEqual([before, false])
  const began = performance.now()
  await server.close()
  // `ws` alone would give it 30 s.
  expect(performance.now() - began).toBeLessThan(10_000)
})

test('streams that have much to send give way to everything else every few milliseconds', async () => {
  const spin = (ms: number): void => {
    const until = performance.now() + ms
    while (performance.now() < until);
  }
  let turn = 0
  const perTurn = new Map<number, number>()
  const router = createRouter({ catalog, limits: { bufferedBytes: 1e9 } }).add('com.example.count', {
    handler: async function* () {
      for (let n = 0; n < 60; n++) {
        spin(1)
        perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1)
        yield frame
      }
    },
  })
  await using server = await serve({ router })
  let beating = true
  const beat = (): void => {
    turn += 1
    if (beating) setImmediate(beat)
  }
  setImmediate(beat)
  const readers = Array.from({ length: 4 }, () => new WebSocket(server.url + path))
  await Promise.all(readers.map((ws) => once(ws, 'close')))
  beating = false
  expect([...perTurn.values()].reduce((sum, count) => sum + count, 0)).toBe(240)
  // 5 ms of 1 ms each, and one that each of the four had begun.
  expect(Math.max(...perTurn.values())).toBeLessThanOrEqual(12)
})

/** Stays open until the subscriber leaves. */
const waiting = (limits: Partial<Limits>, options: object = {}): Router =>
  createRouter({ catalog, limits, ...options }).add('com.example.count', {
    handler: async function* ({ signal }) {
      yield { $type: '#number', n: 0 }
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
  })

/** Connects from an address: `open`, or the refusal's status and the close code. */
async function connect(server: Serving, from: string): Promise<{ ws: WebSocket; result: string }> {
  const ws = new WebSocket(server.url + path, {
    headers: { 'x-forwarded-for': from },
  })
  ws.on('error', () => {})
  const result = await new Promise<string>((resolve) => {
    let last = ''
    ws.on('message', (data: Buffer) => {
      last = data.toString('latin1')
      if (last.includes('number')) resolve('open')
    })
    ws.on('unexpected-response', (_, response) => {
      resolve(String(response.statusCode))
      ws.terminate()
    })
    ws.on('close', (code) => resolve(`${code} ${/RateLimitExceeded|ServiceUnavailable/.exec(last)?.[0]}`))
  })
  return { ws, result }
}
const results = (all: { result: string }[]): string[] => all.map(({ result }) => result).toSorted()

test('places are counted by address, an IPv6 address by its /64', async () => {
  await using server = await serve({ router: waiting({ subscribersPerAddress: 2 }), trustProxy: true })
  const open = []
  for (const from of ['203.0.113.1', '203.0.113.1', '2001:db8::1', '2001:db8:0:0:ff::2']) {
    open.push(await connect(server, from))
  }
  expect(results(open)).toEqual(['open', 'open', 'open', 'open'])
  expect((await connect(server, '203.0.113.1')).result).toBe('429')
  expect((await connect(server, '2001:db8::3')).result).toBe('429')
  expect((await connect(server, '2001:db8:0:1::1')).result).toBe('open')
  expect((await connect(server, '203.0.113.2')).result).toBe('open')
  open[0]!.ws.close()
  await once(open[0]!.ws, 'close')
  await sleep(20)
  expect((await connect(server, '203.0.113.1')).result).toBe('open')
})

test('connections that arrive at once get no more places than one after the other', async () => {
  await using server = await serve({ router: waiting({ subscribersPerAddress: 2 }), trustProxy: true })
  const all = await Promise.all(Array.from({ length: 8 }, () => connect(server, '203.0.113.1')))
  expect(results(all).filter((result) => result === 'open')).toHaveLength(2)
  for (const { result } of all) expect(result).toMatch(/^(open|429|1008 RateLimitExceeded)$/)
})

test.each([
  ['from an address', { subscribersPerAddress: 2 }, 1008, 'RateLimitExceeded'],
  ['in all', { subscribers: 2, subscribersPerAddress: 0 }, 1011, 'ServiceUnavailable'],
])('handshakes under way at once get no more places %s than there are', async (_, limits, code, error) => {
  const router = waiting(limits)
  const call = callOf(new Request(`http://localhost${path}`), '203.0.113.1')
  const connections = await Promise.all(Array.from({ length: 3 }, () => router.connect(call)))
  const sockets = connections.map((connection) => {
    const socket = socketOf()
    if (!connection.ok) expect.unreachable(`refused: ${connection.answer.status}`)
    const done = connection.run(socket)
    return { socket, done }
  })
  await Promise.race([sockets[2]!.done, sleep(2000)])
  expect(sockets.map(({ socket }) => socket.closed[0])).toEqual([undefined, undefined, code])
  expect(decodeFrame(sockets[2]!.socket.sent[0]!)).toMatchObject({ value: { kind: 'error', error } })
  expect(router.subscribers()).toHaveLength(2)
  for (const { socket } of sockets) socket.leave()
  await Promise.all(sockets.map(({ done }) => done))
  expect(router.subscribers()).toEqual([])
})

test('callers whom no rate limit holds for are counted in the total alone', async () => {
  await using server = await serve({
    router: waiting(
      { subscribersPerAddress: 1, subscribers: 4 },
      { rateLimit: { bypass: ({ address }: { address: string }) => address === '203.0.113.9' } },
    ),
    trustProxy: true,
  })
  const from = ['203.0.113.9', '203.0.113.9', '203.0.113.9', '203.0.113.9']
  const open = []
  for (const address of from) open.push(await connect(server, address))
  expect(results(open)).toEqual(['open', 'open', 'open', 'open'])
  expect((await connect(server, '203.0.113.1')).result).toBe('503')
  expect((await connect(server, '203.0.113.9')).result).toBe('503')
  open[0]!.ws.close()
  await once(open[0]!.ws, 'close')
  await sleep(20)
  const late = await Promise.all(Array.from({ length: 4 }, (_, i) => connect(server, `198.51.100.${i}`)))
  expect(results(late).filter((result) => result === 'open')).toHaveLength(1)
  for (const { result } of late) expect(result).toMatch(/^(open|503|1011 ServiceUnavailable)$/)
})

test.each([
  ['203.0.113.1', '203.0.113.1'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:0DB8:0000:0000:0001::', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
