import { createServer, type AddressInfo, connect } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { XrpcError } from '@avocet/xrpc'
import { createRouter, type RequestReport, type Router } from '../src/index.ts'
import { nodeHandler, serve, type TrustProxy } from '../src/node/index.ts'
import { bothWays, catalog } from './methods.ts'

const echo = '/xrpc/com.example.echo?text=a'

bothWays('the rest of a service', (open) => {
  it('tells its health', async () => {
    let healthy = true
    const router = createRouter({
      health: async () => {
        if (!healthy) throw new Error('the disk is full')
        return { version: '1.2.3' }
      },
    })
    await using call = await open(router)
    const well = await call('/xrpc/_health')
    expect([well.status, await well.json(), well.headers.get('cache-control')]).toEqual([
      200,
      { version: '1.2.3' },
      'no-store',
    ])
    healthy = false
    const ill = await call('/xrpc/_health')
    expect([ill.status, await ill.json()]).toEqual([
      503,
      { error: 'ServiceUnavailable', message: 'Service Unavailable' },
    ])
    expect((await call('/xrpc/_health', { method: 'POST' })).status).toBe(405)
  })

  it('tells the reason of its illness to whom its health function chooses', async () => {
    const router = createRouter({
      health: ({ header }) => {
        const reason = header('authorization') === 'Basic me' ? 'the disk is full' : 'unhealthy'
        throw new XrpcError(503, 'Unhealthy', reason)
      },
    })
    await using call = await open(router)
    const ill = async (headers: Record<string, string>): Promise<unknown> => {
      const answer = await call('/xrpc/_health', { headers })
      return [answer.status, await answer.json()]
    }
    expect(await ill({})).toEqual([503, { error: 'Unhealthy', message: 'unhealthy' }])
    expect(await ill({ authorization: 'Basic me' })).toEqual([
      503,
      { error: 'Unhealthy', message: 'the disk is full' },
    ])
  })

  it('names requests, and reports them', async () => {
    const reports: RequestReport[] = []
    const router = createRouter({ catalog, onRequest: (report) => reports.push(report) }).add(
      'com.example.echo',
      {
        auth: ({ header }) => ({ id: header('x-request-id') }),
        handler: ({ params, requestId }) => ({ text: params.text + requestId }),
      },
    )
    await using call = await open(router)
    const given = await call(echo, { headers: { 'x-request-id': 'trace-1' } })
    expect([given.headers.get('x-request-id'), await given.json()]).toEqual(['trace-1', { text: 'atrace-1' }])
    const forged = await call(echo, { headers: { 'x-request-id': 'a b<script>' } })
    expect(forged.headers.get('x-request-id')).toMatch(/^[a-z0-9]+-[a-z0-9]+$/)
    await call('/xrpc/com.example.echo')
    await call('/xrpc/com.example.nothing')
    expect(reports.map(({ nsid, status, error, method }) => [nsid, status, error, method])).toEqual([
      ['com.example.echo', 200, undefined, 'GET'],
      ['com.example.echo', 200, undefined, 'GET'],
      ['com.example.echo', 400, 'InvalidRequest', 'GET'],
      ['com.example.nothing', 501, 'MethodNotImplemented', 'GET'],
    ])
    expect(reports.every((report) => report.durationMs >= 0 && report.durationMs < 1000)).toBe(true)
    expect(new Set(reports.map((report) => report.requestId)).size).toBe(4)
    expect([reports[0]!.auth, reports[0]!.length, reports[2]!.auth]).toEqual([
      { id: 'trace-1' },
      '{"text":"atrace-1"}'.length,
      undefined,
    ])
  })

  it('tells by which HTTP method it was called', async () => {
    const seen: string[] = []
    const router = createRouter({ catalog }).add('com.example.echo', {
      auth: ({ method }) => void seen.push(method),
      handler: ({ method, request }) => ({ text: `${method} ${request.method}` }),
    })
    await using call = await open(router)
    expect(await (await call(echo)).json()).toEqual({ text: 'GET GET' })
    expect((await call(echo, { method: 'HEAD' })).status).toBe(200)
    expect(seen).toEqual(['GET', 'HEAD'])
  })

  it('answers although its hooks throw', async () => {
    const router = createRouter({
      catalog,
      onRequest: () => {
        throw new Error('log full')
      },
      onError: () => {
        throw new Error('log full')
      },
    }).add('com.example.echo', {
      handler: () => {
        throw new Error('inside')
      },
    })
    await using call = await open(router)
    expect((await call(echo)).status).toBe(500)
  })

  it('compresses text of some length for who takes it', async () => {
    const text = 'avocet '.repeat(1000)
    const router = createRouter({ catalog, limits: { queryLength: 50_000 } })
      .add('com.example.echo', { handler: ({ params }) => ({ text: params.loud === true ? text : 'short' }) })
      .add('com.example.download', { handler: () => new Uint8Array(5000) })
    await using call = await open(router)
    const get = (path: string, encoding: string): Promise<Response> =>
      call(path, { headers: { 'accept-encoding': encoding } })
    const long = await get(`${echo}&loud=true`, 'br, gzip;q=0.5')
    expect(long.headers.get('content-encoding')).toBe('gzip')
    expect(long.headers.get('vary')).toBe('Accept-Encoding')
    const bytes = Buffer.from(await long.arrayBuffer())
    // Over HTTP fetch has unpacked it already.
    const plain = bytes[0] === 0x1f ? gunzipSync(bytes).toString() : bytes.toString()
    expect(JSON.parse(plain)).toEqual({ text })
    expect((await get(`${echo}&loud=true`, 'gzip;q=0')).headers.get('content-encoding')).toBe(null)
    expect((await get(`${echo}&loud=true`, 'identity')).headers.get('vary')).toBe('Accept-Encoding')
    expect((await get(echo, 'gzip')).headers.get('content-encoding')).toBe(null)
    expect((await get('/xrpc/com.example.download', 'gzip')).headers.get('content-encoding')).toBe('gzip')
  })

  it('answers HEAD with the headers of GET', async () => {
    const router = createRouter({ catalog }).add('com.example.echo', { handler: () => ({ text: 'x' }) })
    await using call = await open(router)
    const response = await call(echo, { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
  })
})

describe('adding methods', () => {
  it('refuses what cannot be', () => {
    const router = createRouter({ catalog }).add('com.example.ping', () => {})
    expect(() => router.add('com.example.ping', () => {})).toThrow('twice')
    expect(() => router.add('com.example.nothing', () => {})).toThrow('no such method')
    expect(() => createRouter().add('com.example.ping', () => {})).toThrow('needs the option catalog')
  })
})

describe('serve', () => {
  const addressed = (): Router =>
    createRouter({ catalog }).add('com.example.echo', {
      handler: ({ address }) => ({ text: String(address) }),
    })

  it.each<[TrustProxy, string | undefined, string]>([
    [false, '1.1.1.1', '127.0.0.1'],
    [true, undefined, '127.0.0.1'],
    [true, '1.1.1.1', '1.1.1.1'],
    [true, '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    [2, '6.6.6.6, 1.1.1.1, 2.2.2.2', '1.1.1.1'],
    [9, '1.1.1.1, 2.2.2.2', '1.1.1.1'],
    [true, 'nonsense', '127.0.0.1'],
    [2, 'nonsense, 2.2.2.2', '2.2.2.2'],
    [['10.0.0.0/8'], '1.1.1.1', '127.0.0.1'],
    [['127.0.0.1', '10.0.0.0/8'], '6.6.6.6, 1.1.1.1, 10.1.2.3', '1.1.1.1'],
    [true, '2001:db8::1', '2001:db8::1'],
    [true, '::ffff:1.2.3.4', '1.2.3.4'],
  ])('believes proxies %j about %s: %s', async (trustProxy, forwarded, address) => {
    await using server = await serve({ router: addressed(), trustProxy })
    const headers: Record<string, string> = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
    const response = await fetch(server.url + echo, { headers })
    expect(await response.json()).toEqual({ text: address })
  })

  it.each<[TrustProxy, string | undefined, string]>([
    [false, 'alice.example.com', '127.0.0.1'],
    [['10.0.0.0/8'], 'alice.example.com', '127.0.0.1'],
    [['127.0.0.0/8'], undefined, '127.0.0.1'],
    [['127.0.0.0/8'], 'alice.example.com', 'alice.example.com'],
    [true, 'forged.example.com, alice.example.com', 'alice.example.com'],
    [true, 'not a host', 'localhost'],
  ])('believes proxies %j about the host %s: %s', async (trustProxy, forwarded, hostname) => {
    const hosts: string[] = []
    await using server = await serve({
      router: addressed(),
      trustProxy,
      fetch: (request) => {
        hosts.push(new URL(request.url).hostname)
        return new Response('')
      },
    })
    const headers: Record<string, string> = forwarded === undefined ? {} : { 'x-forwarded-host': forwarded }
    await fetch(`${server.url}/`, { headers })
    expect(hosts).toEqual([hostname])
  })

  it('refuses a proxy range that is none', async () => {
    await expect(serve({ router: addressed(), trustProxy: ['localhost'] })).rejects.toThrow(TypeError)
  })

  it('hands on what is not under /xrpc/', async () => {
    const fetched: string[] = []
    await using server = await serve({
      router: addressed(),
      fetch: async (request) => {
        fetched.push(request.url)
        if (request.url.endsWith('/broken')) throw new Error('broken')
        return new Response(`hello ${await request.text()}`, { status: 201 })
      },
    })
    const response = await fetch(`${server.url}/about?x=1`, { method: 'POST', body: 'world' })
    expect([response.status, await response.text()]).toEqual([201, 'hello world'])
    expect(fetched[0]).toBe(`${server.url}/about?x=1`)
    expect((await fetch(`${server.url}/broken`)).status).toBe(500)
    await using bare = await serve({ router: addressed() })
    expect(await (await fetch(`${bare.url}/about`)).json()).toEqual({
      error: 'XRPCNotSupported',
      message: 'Not an XRPC path',
    })
  })

  it('fails when the port is taken', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    await expect(serve({ router: addressed(), port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await new Promise((resolve) => other.close(resolve))
  })

  it('stops gracefully: running requests are answered, new ones refused, idle connections closed', async () => {
    let release = (): void => {}
    const router = createRouter({ catalog }).add('com.example.echo', {
      handler: async () => {
        await new Promise<void>((resolve) => (release = resolve))
        return { text: 'done' }
      },
    })
    const server = await serve({ router })
    const idle = connect(server.port, '127.0.0.1')
    const running = fetch(server.url + echo)
    await expect.poll(() => release.toString()).not.toBe('() => {}')
    const closing = server.close()
    await expect(fetch(server.url + echo)).rejects.toThrow(TypeError)
    release()
    expect(await (await running).json()).toEqual({ text: 'done' })
    await closing
    await expect.poll(() => idle.readyState).not.toBe('open')
    idle.destroy()
  })

  it('stops with its signal, and does not wait for ever', async () => {
    const abort = new AbortController()
    const router = createRouter({ catalog }).add('com.example.echo', { handler: () => new Promise(() => {}) })
    const server = await serve({ router, signal: abort.signal, stopMs: 100 })
    const running = fetch(server.url + echo)
    running.catch(() => {})
    await expect
      .poll(() => new Promise((resolve) => server.server.getConnections((_, count) => resolve(count))))
      .toBe(1)
    const started = performance.now()
    abort.abort()
    await server.close()
    expect(performance.now() - started).toBeLessThan(2000)
    await expect(running).rejects.toThrow(TypeError)
  })
})

describe('nodeHandler', () => {
  it('is a listener of node:http', async () => {
    const { createServer: createHttp } = await import('node:http')
    const router = createRouter({ catalog }).add('com.example.echo', {
      handler: ({ params }) => ({ text: params.text }),
    })
    const server = createHttp(nodeHandler(router))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const response = await fetch(`http://127.0.0.1:${port}${echo}`)
    expect(await response.json()).toEqual({ text: 'a' })
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
})
