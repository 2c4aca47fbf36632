import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createRouter, type Router } from '../src/index.ts'
import { serve } from '../src/node/index.ts'
import { bothWays, catalog } from './methods.ts'

const json = { 'content-type': 'application/json' }

function makeRouter(limits = {}): { router: Router; errors: unknown[] } {
  const errors: unknown[] = []
  const router = createRouter({ catalog, limits, onError: (error) => errors.push(error) })
    .add('com.example.echo', { handler: async ({ params }) => ({ text: params.text }) })
    .add('com.example.put', { handler: async ({ input }) => ({ name: input.name }) })
    .add('com.example.ping', { handler: async () => {} })
    .add('com.example.upload', {
      handler: async ({ input, encoding }) => {
        let size = 0
        for await (const chunk of input) size += chunk.length
        return { size, type: encoding }
      },
    })
    .add('com.example.count', {
      handler: async function* () {
        yield { $type: '#number', n: 1 }
      },
    })
  return { router, errors }
}

type Row = [
  what: string,
  path: string,
  init: RequestInit | (() => RequestInit),
  status: number,
  error: string | null,
]

const put = '/xrpc/com.example.put'
const echo = '/xrpc/com.example.echo'
const ping = '/xrpc/com.example.ping'
const upload = '/xrpc/com.example.upload'
const post = (body: BodyInit | null, headers: Record<string, string> = json): RequestInit => ({
  method: 'POST',
  body,
  headers,
})
const deep = (n: number): string => `{"name":"x","record":${'{"a":'.repeat(n)}1${'}'.repeat(n)}}`
const stream = (text: string): BodyInit =>
  new ReadableStream({
    start(controller) {
      if (text !== '') controller.enqueue(new TextEncoder().encode(text))
      controller.close()
    },
  })
// A stream can be sent once, and every row is sent several times.
const chunked =
  (text: string, headers: Record<string, string> = json) =>
  (): RequestInit =>
    ({ ...post(stream(text), headers), duplex: 'half' }) as RequestInit

const rows: Row[] = [
  // The path.
  ['an unknown method', '/xrpc/com.example.nothing', {}, 501, 'MethodNotImplemented'],
  ['a name of Object.prototype', '/xrpc/constructor', {}, 400, 'InvalidRequest'],
  ['another one', '/xrpc/__proto__', {}, 400, 'InvalidRequest'],
  ['another one, posted', '/xrpc/toString', post('{}'), 400, 'InvalidRequest'],
  ['no method', '/xrpc/', {}, 400, 'InvalidRequest'],
  ['a slash too many', `${echo}/?text=a`, {}, 400, 'InvalidRequest'],
  ['an encoded name', '/xrpc/com.example.ech%6f?text=a', {}, 400, 'InvalidRequest'],
  ['a very long name', `/xrpc/${'a.'.repeat(2000)}b`, {}, 400, 'InvalidRequest'],
  // The HTTP method.
  ['GET to a procedure', put, {}, 405, 'InvalidRequest'],
  ['POST to a query', `${echo}?text=a`, post('{}'), 405, 'InvalidRequest'],
  ['PUT', put, { ...post('{"name":"x"}'), method: 'PUT' }, 405, 'InvalidRequest'],
  ['DELETE', `${echo}?text=a`, { method: 'DELETE' }, 405, 'InvalidRequest'],
  ['an unknown HTTP method', `${echo}?text=a`, { method: 'PURGE' }, 405, 'InvalidRequest'],
  ['GET to a subscription', '/xrpc/com.example.count', {}, 426, 'UpgradeRequired'],
  ['HEAD to a query', `${echo}?text=a`, { method: 'HEAD' }, 200, null],
  ['HEAD to a procedure', put, { method: 'HEAD' }, 405, null],
  ['OPTIONS', put, { method: 'OPTIONS' }, 204, null],
  ['OPTIONS to anything', '/xrpc/constructor', { method: 'OPTIONS' }, 204, null],
  // Parameters.
  ['a missing parameter', echo, {}, 400, 'InvalidRequest'],
  ['a parameter given twice', `${echo}?text=a&text=b`, {}, 400, 'InvalidRequest'],
  ['an unknown parameter', `${echo}?text=a&nope=1`, {}, 400, 'InvalidRequest'],
  ['a parameter called __proto__', `${echo}?text=a&__proto__=1`, {}, 400, 'InvalidRequest'],
  ['a word for an integer', `${echo}?text=a&times=two`, {}, 400, 'InvalidRequest'],
  ['an integer out of range', `${echo}?text=a&times=6`, {}, 400, 'InvalidRequest'],
  ['a number for a boolean', `${echo}?text=a&loud=1`, {}, 400, 'InvalidRequest'],
  ['malformed percent encoding', `${echo}?text=%E0%A4`, {}, 400, 'InvalidRequest'],
  ['bad UTF-8 in a parameter', `${echo}?text=%ff`, {}, 400, 'InvalidRequest'],
  ['a huge query', `${echo}?text=a&tags=${'x'.repeat(17_000)}`, {}, 414, 'InvalidRequest'],
  // JSON bodies.
  ['bad JSON', put, post('{"name":'), 400, 'InvalidRequest'],
  ['JSON and more', put, post('{"name":"x"} x'), 400, 'InvalidRequest'],
  ['bad UTF-8', put, post(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])), 400, 'InvalidRequest'],
  ['a wrong type', put, post('{"name":7}'), 400, 'InvalidRequest'],
  ['a list for an object', put, post('[]'), 400, 'InvalidRequest'],
  ['null for an object', put, post('null'), 400, 'InvalidRequest'],
  ['a float', put, post('{"name":"x","record":{"n":1.5}}'), 400, 'InvalidRequest'],
  [
    'an integer that is not safe',
    put,
    post('{"name":"x","record":{"n":9007199254740993}}'),
    400,
    'InvalidRequest',
  ],
  ['a bad link', put, post('{"name":"x","link":{"$link":"nope"}}'), 400, 'InvalidRequest'],
  ['a lone surrogate', put, post('{"name":"\\ud800"}'), 400, 'InvalidRequest'],
  ['JSON nested 8 000 deep', put, post(deep(8000)), 400, 'InvalidRequest'],
  ['keys of Object.prototype', put, post('{"name":"x","__proto__":{"a":1},"constructor":1}'), 200, null],
  ['no body', put, post(null, {}), 400, 'InvalidRequest'],
  ['an empty body', put, post(''), 400, 'InvalidRequest'],
  ['an empty chunked body', put, chunked(''), 400, 'InvalidRequest'],
  ['a chunked body', put, chunked('{"name":"x"}'), 200, null],
  ['too much JSON', put, post(`{"name":"${'x'.repeat(1000)}"}`), 413, 'PayloadTooLarge'],
  ['too much JSON, chunked', put, chunked(`{"name":"${'x'.repeat(1000)}"}`), 413, 'PayloadTooLarge'],
  ['another media type', put, post('{"name":"x"}', { 'content-type': 'text/plain' }), 415, 'InvalidRequest'],
  ['a media type that is none', put, post('{"name":"x"}', { 'content-type': 'json' }), 415, 'InvalidRequest'],
  ['no media type', put, post(new Uint8Array([0x7b, 0x7d]), {}), 415, 'InvalidRequest'],
  [
    'an unknown content encoding',
    put,
    post('{"name":"x"}', { ...json, 'content-encoding': 'zip' }),
    415,
    'InvalidRequest',
  ],
  [
    'gzip that is none',
    put,
    post('{"name":"x"}', { ...json, 'content-encoding': 'gzip' }),
    400,
    'InvalidRequest',
  ],
  [
    'cut gzip',
    put,
    post(gzipSync('{"name":"x"}').subarray(0, -9), { ...json, 'content-encoding': 'gzip' }),
    400,
    'InvalidRequest',
  ],
  ['good gzip', put, post(gzipSync('{"name":"x"}'), { ...json, 'content-encoding': 'gzip' }), 200, null],
  [
    'a gzip bomb',
    put,
    post(gzipSync(`{"name":"${'x'.repeat(1_000_000)}"}`), { ...json, 'content-encoding': 'gzip' }),
    413,
    'PayloadTooLarge',
  ],
  // Bodies where there is none to be.
  ['a body for a method that takes none', ping, post('{}'), 400, 'InvalidRequest'],
  ['the same, chunked', ping, chunked('{}'), 400, 'InvalidRequest'],
  ['an empty body for it', ping, post(''), 200, null],
  ['an empty chunked body for it', ping, chunked(''), 200, null],
  // Other bodies.
  ['an upload', upload, post(new Uint8Array(500), { 'content-type': 'image/png' }), 200, null],
  ['an upload without a type', upload, post(new Uint8Array(500), {}), 200, null],
  [
    'an upload too large',
    upload,
    post(new Uint8Array(5001), { 'content-type': 'image/png' }),
    413,
    'PayloadTooLarge',
  ],
  [
    'the same, chunked',
    upload,
    chunked('x'.repeat(5001), { 'content-type': 'image/png' }),
    413,
    'PayloadTooLarge',
  ],
]

bothWays('malformed input', (open) => {
  it.each(rows)('%s', async (_, path, init, status, error) => {
    const { router, errors } = makeRouter({ jsonBytes: 50_000, blobBytes: 5000 })
    const small = makeRouter({ jsonBytes: 1000, blobBytes: 5000 })
    // The one row that is about depth needs room for it.
    await using call = await open(status === 413 ? small.router : router)
    const response = await call(path, typeof init === 'function' ? init() : init)
    const text = await response.text()
    expect([response.status, text.slice(0, 300)]).toEqual([status, expect.any(String)])
    if (error !== null) {
      const body = JSON.parse(text) as { error: string; message: string }
      expect(body.error).toBe(error)
      expect(body.message.length).toBeGreaterThan(5)
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    }
    if (status === 405) expect(response.headers.get('allow')).toMatch(/GET|POST/)
    if (status !== 404) expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect([...errors, ...small.errors]).toEqual([])
  })

  it('answers a preflight as a browser needs it', async () => {
    await using call = await open(makeRouter().router)
    const response = await call(put, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })
    expect(response.status).toBe(204)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'authorization,content-type',
      'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
      'access-control-max-age': '86400',
    })
  })

  it('lets only named origins read, or none', async () => {
    const named = createRouter({ cors: { origin: ['https://a.example.com'] } })
    await using call = await open(named)
    const from = async (origin: string): Promise<string | null> =>
      (await call('/xrpc/_health', { headers: { origin } })).headers.get('access-control-allow-origin')
    expect(await from('https://a.example.com')).toBe('https://a.example.com')
    expect(await from('https://b.example.com')).toBe(null)
    await using closed = await open(createRouter({ cors: false }))
    const response = await closed('/xrpc/_health', { headers: { origin: 'https://a.example.com' } })
    expect(response.headers.get('access-control-allow-origin')).toBe(null)
    expect((await closed(put, { method: 'OPTIONS' })).status).toBe(501)
  })

  it('gives up a handler that takes too long, and tells it so', async () => {
    let reason: unknown
    const router = createRouter({ catalog, limits: { handlerMs: 50 } }).add('com.example.echo', {
      handler: async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        reason = signal.reason
        throw new Error('too late')
      },
    })
    await using call = await open(router)
    const response = await call(`${echo}?text=a`)
    expect([response.status, await response.json()]).toEqual([
      504,
      { error: 'UpstreamTimeout', message: 'The method took too long' },
    ])
    expect(reason).toMatchObject({ error: 'UpstreamTimeout' })
  })

  it('gives up a body that does not arrive', async () => {
    const { router } = makeRouter({ bodyMs: 50 })
    await using call = await open(router)
    const never = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array([0x7b])) })
    const response = await call(put, { ...post(never), duplex: 'half' } as RequestInit)
    expect(response.status).toBe(408)
    expect(await response.json()).toMatchObject({ error: 'RequestTimeout' })
  })
})

/** Talks bytes to a server, and reads until it has what it waits for, or the end. */
async function talk(socket: Socket, text: string | null, until?: RegExp): Promise<string> {
  if (text !== null) socket.write(text)
  return await new Promise((resolve) => {
    let got = ''
    const done = (): void => resolve(got)
    socket.on('data', (data: Buffer) => {
      got += data.toString('latin1')
      if (until?.test(got) === true) done()
    })
    socket.once('close', done)
    socket.on('error', done)
  })
}

describe('malformed HTTP', () => {
  it('drops whoever sends headers or a body drop by drop', async () => {
    const { router } = makeRouter()
    await using server = await serve({ router, headersMs: 300, requestMs: 600 })
    const slowHeaders = connect(server.port, '127.0.0.1')
    const headers = await talk(slowHeaders, `GET ${echo} HTTP/1.1\r\nHost: x\r\nX-Slow: `)
    expect(headers).toContain('408 Request Timeout')
    const slowBody = connect(server.port, '127.0.0.1')
    const drip = setInterval(() => slowBody.writable && slowBody.write(' '), 100)
    const body = await talk(
      slowBody,
      `POST ${put} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
    )
    clearInterval(drip)
    expect(body).toContain('408 ')
  })

  it('refuses headers that are too large', async () => {
    const { router } = makeRouter()
    await using server = await serve({ router, headerBytes: 2000 })
    const socket = connect(server.port, '127.0.0.1')
    const answer = await talk(
      socket,
      `GET ${echo}?text=a HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(3000)}\r\n\r\n`,
    )
    expect(answer).toContain('431 ')
  })

  it('takes any Host header, and other strange ones', async () => {
    const { router } = makeRouter()
    router.add('com.example.download', {
      handler: ({ request }) =>
        new Response(`${request.url} ${request.headers.get('x-odd') ?? ''}`, {
          headers: { 'content-type': 'application/vnd.ipld.car' },
        }),
    })
    await using server = await serve({ router })
    for (const host of ['exa mple', 'a/b@c', '[::1', '', 'x'.repeat(300)]) {
      const socket = connect(server.port, '127.0.0.1')
      const answer = await talk(
        socket,
        `GET /xrpc/com.example.download HTTP/1.1\r\nHost: ${host}\r\nX-Odd: a\tb\r\nConnection: close\r\n\r\n`,
      )
      expect(answer).toContain('200 OK')
      expect(answer).toContain('http://localhost/xrpc/com.example.download')
    }
  })

  it('takes a body that breaks off for the doing of its sender', async () => {
    const { router, errors } = makeRouter()
    const statuses: number[] = []
    await using server = await serve({
      router: {
        connect: (call) => router.connect(call),
        handle: async (call) => {
          const answer = await router.handle(call)
          statuses.push(answer.status)
          return answer
        },
      },
    })
    for (const [path, type] of [
      [put, 'application/json'],
      [upload, 'image/png'],
      [ping, 'text/plain'],
    ]) {
      const socket = connect(server.port, '127.0.0.1')
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: 99\r\n\r\n`)
      setTimeout(() => socket.destroy(), 50)
      await expect.poll(() => statuses).toHaveLength(1)
      expect(statuses.pop()).toBe(400)
    }
    expect(errors).toEqual([])
  })

  it('refuses two hosts, and answers who asks for HTTP/2 as well', async () => {
    const { router } = makeRouter()
    await using server = await serve({ router })
    const ask = (lines: string): Promise<string> =>
      talk(
        connect(server.port, '127.0.0.1'),
        `GET ${echo}?text=a HTTP/1.1\r\nHost: x\r\n${lines}\r\n\r\n`,
        /\}$/,
      )
    expect(await ask('hOST: y')).toMatch(/^HTTP\/1\.1 400 .*"error":"InvalidRequest"/s)
    const both = await ask('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA')
    expect(both).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('takes a whole URL for its target, whose host counts', async () => {
    const { router } = makeRouter()
    router.add('com.example.download', {
      handler: ({ request }) =>
        new Response(request.url, { headers: { 'content-type': 'application/vnd.ipld.car' } }),
    })
    await using server = await serve({ router, fetch: ({ url }) => new Response(`elsewhere ${url}`) })
    for (const [target, url] of [
      ['http://a.example/xrpc/com.example.download', 'http://a.example/xrpc/com.example.download'],
      ['HTTPS://me:it@a.example/xrpc/com.example.download', 'http://a.example/xrpc/com.example.download'],
      ['http://a.example', 'elsewhere http://a.example/'],
      ['http://a.example?x', 'elsewhere http://a.example/?x'],
      ['http://a b', '400'],
      ['*', 'elsewhere http://b.example/*'],
    ]) {
      const socket = connect(server.port, '127.0.0.1')
      const answer = await talk(
        socket,
        `GET ${target} HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n`,
      )
      expect(answer).toContain(url)
    }
  })

  it('reads an upload that is broken off, and goes on', async () => {
    let failure: unknown
    let aborted = false
    const router = createRouter({ catalog }).add('com.example.upload', {
      handler: async ({ input, signal }) => {
        signal.addEventListener('abort', () => {
          aborted = true
        })
        try {
          for await (const _ of input);
        } catch (error) {
          failure = error
        }
        return { size: 0 }
      },
    })
    await using server = await serve({ router })
    const socket = connect(server.port, '127.0.0.1')
    socket.write(
      `POST ${upload} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nabc`,
    )
    setTimeout(() => socket.destroy(), 50)
    await expect.poll(() => failure).toBeInstanceOf(Error)
    await expect.poll(() => aborted).toBe(true)
    expect((await fetch(`${server.url}/xrpc/_health`)).status).toBe(200)
  })

  it('ends a download whose reader has left', async () => {
    let ended = false
    const router = createRouter({ catalog }).add('com.example.download', {
      handler: () =>
        (async function* () {
          try {
            for (;;) yield new Uint8Array(100_000)
          } finally {
            ended = true
          }
        })(),
    })
    await using server = await serve({ router })
    const abort = new AbortController()
    const response = await fetch(`${server.url}/xrpc/com.example.download`, { signal: abort.signal })
    await response.body!.getReader().read()
    abort.abort()
    await expect.poll(() => ended).toBe(true)
  })

  it('cuts a download that fails half way, so that it is not taken for whole', async () => {
    const seen: unknown[] = []
    const router = createRouter({ catalog }).add('com.example.download', {
      handler: () =>
        (async function* () {
          yield new Uint8Array(1000)
          await Promise.resolve()
          throw new Error('disk on fire')
        })(),
    })
    await using server = await serve({ router, onError: (error) => seen.push(error) })
    const download = async (): Promise<ArrayBuffer> =>
      (await fetch(`${server.url}/xrpc/com.example.download`)).arrayBuffer()
    await expect(download()).rejects.toThrow(TypeError)
    expect(String(seen[0])).toContain('disk on fire')
  })

  it('answers an unfinished upload that it refuses, and can be read', async () => {
    const { router } = makeRouter({ blobBytes: 1000 })
    await using server = await serve({ router })
    const response = await fetch(
      server.url + upload,
      post(new Uint8Array(8_000_000), { 'content-type': 'image/png' }),
    )
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ error: 'PayloadTooLarge' })
  })

  it('makes a 500 of an answer that cannot be written', async () => {
    const seen: unknown[] = []
    const router = createRouter({ catalog, onError: (error) => seen.push(error) }).add('com.example.echo', {
      handler: () =>
        new (class extends Response {
          override get headers(): Headers {
            return {
              getSetCookie: () => [],
              *[Symbol.iterator]() {
                yield ['x', 'a\nb']
              },
            } as unknown as Headers
          }
        })('x'),
    })
    await using server = await serve({ router, onError: (error) => seen.push(error) })
    expect((await fetch(`${server.url}${echo}?text=a`)).status).toBe(500)
    expect(seen.length).toBe(1)
  })
})

/** AVOCET_HOSTILE sends five times as many. */
const times = process.env['AVOCET_HOSTILE'] ? 5 : 1

describe('2000 malformed requests', () => {
  it('leave no memory and no handles behind', async () => {
    const { router, errors } = makeRouter()
    await using server = await serve({ router })
    const sent = rows.filter(([, , , status]) => status !== 413)
    const round = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += 20) {
        await Promise.all(
          Array.from({ length: 20 }, async (_, k) => {
            const [, path, init] = sent[(i + k) % sent.length]!
            const response = await fetch(server.url + path, typeof init === 'function' ? init() : init)
            await response.arrayBuffer()
          }),
        )
      }
    }
    const handles = (): number =>
      process.getActiveResourcesInfo().filter((name) => !/Timeout|Immediate/.test(name)).length
    await round(1000 * times)
    const handlesBefore = handles()
    // Half a kilobyte a request. What leaks leaks in every round; what code and caches still take, in one of them.
    const most = 500_000 * times
    let growth = Infinity
    for (let tries = 0; tries < 3 && growth >= most; tries++) {
      const before = heap()
      await round(1000 * times)
      growth = heap() - before
    }
    expect(growth).toBeLessThan(most)
    expect(handles()).toBeLessThanOrEqual(handlesBefore + 25)
    expect(errors).toEqual([])
  }, 180_000)
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heap(): number {
  for (let i = 0; i < 4; i++) collect()
  return process.memoryUsage().heapUsed
}
