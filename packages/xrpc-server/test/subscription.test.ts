import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { decodeFrame, encodeFrame, XrpcError } from '@avocet/xrpc'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createRouter, type RequestReport, type Router } from '../src/index.ts'
import { serve, type Serving } from '../src/node/index.ts'
import { catalog } from './methods.ts'

const path = '/xrpc/com.example.count'

interface Heard {
  readonly frames: unknown[]
  readonly code: number
  readonly reason: string
}

/** Reads a stream to its end. */
async function hear(server: Serving, query = ''): Promise<Heard> {
  const ws = new WebSocket(server.url + path + query)
  const frames: unknown[] = []
  ws.on('message', (data: Buffer) => {
    const frame = decodeFrame(data)
    frames.push(frame.ok ? frame.value : frame.error)
  })
  const [code, reason] = (await once(ws, 'close')) as [number, Buffer]
  return { frames, code, reason: reason.toString() }
}

/** The HTTP answer to a WebSocket request that is refused. */
async function refusal(server: Serving, at: string): Promise<{ status: number; body: string }> {
  const ws = new WebSocket(server.url + at)
  ws.on('error', () => {})
  const [, response] = (await once(ws, 'unexpected-response')) as [
    unknown,
    import('node:http').IncomingMessage,
  ]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  ws.terminate()
  return { status: response.statusCode ?? 0, body }
}

const counting = (): Router =>
  createRouter({ catalog }).add('com.example.count', {
    handler: async function* ({ params }) {
      for (let n = params.start; n < params.end; n++) yield { $type: '#number', n }
    },
  })

it('sends messages with short names, then closes normally', async () => {
  await using server = await serve({ router: counting() })
  const heard = await hear(server, '?start=5&end=8')
  expect(heard.frames).toEqual([5, 6, 7].map((n) => ({ kind: 'message', type: '#number', body: { n } })))
  expect(heard.code).toBe(1000)
})

it('takes encoded frames and full names', async () => {
  const router = createRouter({ catalog }).add('com.example.count', {
    handler: async function* () {
      yield encodeFrame('#number', { n: 1 })
      yield { $type: 'com.example.count#number', n: 2 }
    },
  })
  await using server = await serve({ router })
  const heard = await hear(server)
  expect(heard.frames).toEqual([1, 2].map((n) => ({ kind: 'message', type: '#number', body: { n } })))
})

it('sends frames of every length form', async () => {
  const sizes = [0, 100, 125, 126, 65_535, 65_536, 300_000]
  const router = createRouter({ catalog }).add('com.example.count', {
    handler: async function* () {
      for (const size of sizes) yield encodeFrame('#number', { data: new Uint8Array(size) })
    },
  })
  await using server = await serve({ router })
  const heard = await hear(server)
  expect(heard.frames.map((frame) => (frame as { body: { data: Uint8Array } }).body.data.length)).toEqual(
    sizes,
  )
})

it('says wrong parameters and refused credentials in the stream', async () => {
  await using server = await serve({ router: counting() })
  const heard = await hear(server, '?start=x')
  expect(heard.frames).toEqual([
    {
      kind: 'error',
      error: 'InvalidRequest',
      message: 'Invalid com.example.count params: Parameter "start" must be an integer (got "x")',
    },
  ])
  expect([heard.code, heard.reason]).toEqual([1008, 'InvalidRequest'])

  const closed = createRouter({ catalog }).add('com.example.count', {
    auth: () => {
      throw new XrpcError(401, 'AuthMissing', 'Authentication Required')
    },
    // oxlint-disable-next-line require-yield -- never reached
    handler: async function* () {
      throw new Error('not reached')
    },
  })
  await using server2 = await serve({ router: closed })
  const refused = await hear(server2)
  expect(refused.frames).toEqual([
    { kind: 'error', error: 'AuthMissing', message: 'Authentication Required' },
  ])
})

it('ends with the error of the handler, hiding what is not for the caller', async () => {
  const seen: unknown[] = []
  const reports: RequestReport[] = []
  const router = createRouter({
    catalog,
    onError: (error) => seen.push(error),
    onRequest: (report) => reports.push(report),
  }).add('com.example.count', {
    handler: async function* ({ params }) {
      yield { $type: '#number', n: 1 }
      if (params.start === 9) throw new XrpcError(400, 'FutureCursor', 'Cursor in the future.')
      if (params.start === 8) yield { $type: '#number', n: 'x' }
      throw new Error('the password is hunter2')
    },
  })
  await using server = await serve({ router })
  const future = await hear(server, '?start=9')
  expect(future.frames[1]).toEqual({ kind: 'error', error: 'FutureCursor', message: 'Cursor in the future.' })
  expect([future.code, future.reason]).toEqual([1008, 'FutureCursor'])
  const broken = await hear(server)
  expect(broken.frames[1]).toEqual({
    kind: 'error',
    error: 'InternalServerError',
    message: 'Internal Server Error',
  })
  expect(broken.code).toBe(1011)
  expect(String(seen[0])).toContain('hunter2')
  const invalid = await hear(server, '?start=8')
  expect(invalid.code).toBe(1011)
  expect(String(seen[1])).toContain('path=/n')
  expect(reports.map((report) => [report.method, report.status, report.error])).toEqual([
    ['WS', 400, 'FutureCursor'],
    ['WS', 500, 'InternalServerError'],
    ['WS', 500, 'InternalServerError'],
  ])
})

it('refuses before the upgrade what cannot be said in a stream', async () => {
  const router = counting().add('com.example.echo', { handler: () => ({ text: '' }) })
  await using server = await serve({ router })
  expect(await refusal(server, '/xrpc/com.example.echo?text=a')).toEqual({
    status: 501,
    body: '{"error":"MethodNotImplemented","message":"No subscription at this path"}',
  })
  expect((await refusal(server, '/xrpc/com.example.unknown')).status).toBe(501)
  expect((await refusal(server, '/xrpc/constructor')).status).toBe(501)
  expect((await refusal(server, '/')).status).toBe(501)
  const plain = await fetch(server.url + path)
  expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket'])
  expect(await plain.json()).toMatchObject({ error: 'UpgradeRequired' })
  const posted = await fetch(server.url + path, { method: 'POST' })
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
})

function waiting(options: Parameters<typeof createRouter>[0] = {}): { router: Router; ended: () => number } {
  let ended = 0
  const router = createRouter({ catalog, ...options }).add('com.example.count', {
    handler: async function* ({ signal }) {
      try {
        yield { $type: '#number', n: 0 }
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      } finally {
        ended += 1
      }
    },
  })
  return { router, ended: () => ended }
}

it('lists subscribers, and ends one on demand', async () => {
  const { router, ended } = waiting()
  await using server = await serve({ router })
  const ws = new WebSocket(`${server.url}${path}?start=4`, { headers: { 'user-agent': 'test/1' } })
  await once(ws, 'message')
  const [subscriber, ...others] = router.subscribers('com.example.count')
  expect(others).toEqual([])
  expect(router.subscribers()).toEqual([subscriber])
  expect(router.subscribers('com.example.other')).toEqual([])
  expect(subscriber).toMatchObject({
    nsid: 'com.example.count',
    address: '127.0.0.1',
    userAgent: 'test/1',
    params: { start: 4, end: 3 },
    frames: 1,
    bufferedBytes: 0,
  })
  expect(subscriber!.bytes).toBeGreaterThan(10)
  subscriber!.close(1001, 'bye')
  const [code, reason] = (await once(ws, 'close')) as [number, Buffer]
  expect([code, reason.toString()]).toEqual([1001, 'bye'])
  await expect.poll(ended).toBe(1)
  expect(router.subscribers()).toEqual([])
})

it('ends the iterator when the subscriber leaves', async () => {
  const { router, ended } = waiting()
  await using server = await serve({ router })
  const ws = new WebSocket(server.url + path)
  await once(ws, 'message')
  ws.terminate()
  await expect.poll(ended).toBe(1)
})

it('limits subscriptions from one address', async () => {
  const { router } = waiting({ limits: { subscribersPerAddress: 1 } })
  await using server = await serve({ router })
  const ws = new WebSocket(server.url + path)
  await once(ws, 'message')
  expect(await refusal(server, path)).toMatchObject({ status: 429 })
  ws.terminate()
  await expect.poll(() => router.subscribers().length).toBe(0)
  const again = new WebSocket(server.url + path)
  await once(again, 'message')
  again.terminate()
})

it('agrees to no subprotocol, since it speaks none', async () => {
  const { router } = waiting()
  await using server = await serve({ router })
  const ws = new WebSocket(server.url + path, ['graphql-ws', 'soap'])
  let response: IncomingMessage | undefined
  ws.on('upgrade', (message) => (response = message))
  // What `ws` makes of it as a client: the server chose none of those that were offered.
  const error = await new Promise<Error | null>((resolve) => {
    ws.on('error', resolve)
    ws.on('open', () => resolve(null))
  })
  ws.terminate()
  expect(response).toBeDefined()
  expect(response?.headers['sec-websocket-protocol']).toBeUndefined()
  expect(error?.message).toBe('Server sent no subprotocol')
})

it('says goodbye when the server stops', async () => {
  const { router, ended } = waiting()
  const server = await serve({ router })
  const ws = new WebSocket(server.url + path)
  await once(ws, 'message')
  const closed = once(ws, 'close')
  await server.close()
  expect((await closed)[0]).toBe(1001)
  expect(ended()).toBe(1)
})

it('cuts off a subscriber that does not answer pings', async () => {
  const { router, ended } = waiting()
  await using server = await serve({ router, pingMs: 50 })
  const alive = new WebSocket(server.url + path)
  await once(alive, 'message')
  const dead = new WebSocket(server.url + path, { autoPong: false })
  await once(dead, 'close')
  await expect.poll(ended).toBe(1)
  expect(alive.readyState).toBe(WebSocket.OPEN)
  alive.terminate()
})

it('drops what subscribers say, and cuts off who says too much', async () => {
  const { router } = waiting()
  await using server = await serve({ router })
  const ws = new WebSocket(server.url + path)
  await once(ws, 'message')
  ws.send('hello')
  ws.send(new Uint8Array(1000))
  await sleep(50)
  expect(ws.readyState).toBe(WebSocket.OPEN)
  ws.send(new Uint8Array(100_000))
  expect((await once(ws, 'close'))[0]).toBe(1009)
})

it('leaves nothing behind of what it has sent', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heap = async (): Promise<number> => {
    // What is still on its way counts for nothing.
    await sleep(300)
    for (let i = 0; i < 3; i++) collect()
    return process.memoryUsage().heapUsed
  }
  const growth: number[] = []
  const frame = encodeFrame('#number', { n: 1 })
  const router = createRouter({ catalog }).add('com.example.count', {
    handler: async function* () {
      let before = 0
      for (let n = 0; n <= 300_000; n++) {
        if (n === 100_000) before = await heap()
        yield frame
      }
      growth.push((await heap()) - before)
    },
  })
  await using server = await serve({ router })
  const ws = new WebSocket(server.url + path)
  let count = 0
  ws.on('message', () => (count += 1))
  await once(ws, 'close')
  expect(count).toBe(300_001)
  // Thirty bytes a frame would be six megabytes.
  expect(growth[0]).toBeLessThan(3_000_000)
})
