import { randomBytes } from 'node:crypto'
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createGuardedFetch, type DidError, type GuardedFetchOptions } from '../src/index.ts'
import { createAddressLookup } from '../src/node.ts'
import { certificate } from '@avocet/testing/certificate'
import { startDnsServer, type Answer, type DnsServer } from './support/dns-server.ts'
import { startHttpServer, type TestServer } from './support/http-server.ts'
import { startRawServer } from './support/raw-server.ts'

// 127.0.0.1 stands for a public host, 127.0.0.2 for one of the private network.
const PUBLIC = '127.0.0.1'
const PRIVATE = '127.0.0.2'

let open: TestServer
let secret: TestServer
let tls: TestServer
let dns: DnsServer
let zone: (type: string, name: string) => Answer = () => ({ rcode: 3 })

beforeAll(async () => {
  open = await startHttpServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x')
    const to = url.searchParams.get('to')
    if (to !== null) {
      response.writeHead(Number(url.searchParams.get('status') ?? 302), { location: to }).end('moved')
    } else if (url.pathname === '/loop') {
      response.writeHead(302, { location: '/loop' }).end()
    } else if (url.pathname === '/big') {
      response.writeHead(200, { 'content-type': 'text/plain' })
      for (let i = 0; i < 40; i++) response.write('x'.repeat(1024))
      response.end()
    } else if (url.pathname === '/bomb') {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(10_000_000)))
    } else if (url.pathname === '/silent') {
      // Never answers.
    } else if (url.pathname === '/drip') {
      response.writeHead(200)
      const timer = setInterval(() => response.write('.'), 20)
      response.on('close', () => clearInterval(timer))
    } else if (url.pathname === '/cut') {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half')
      setTimeout(() => response.destroy(), 10)
    } else if (url.pathname === '/headers') {
      response.end(JSON.stringify({ method: request.method, ...request.headers }))
    } else if (url.pathname === '/empty') {
      response.writeHead(204).end()
    } else {
      response.writeHead(200, { 'set-cookie': ['a=1', 'b=2'] }).end('public')
    }
  })
  secret = await startHttpServer((_, response) => response.end('secret'), {
    address: PRIVATE,
    port: open.port,
  })
  tls = await startHttpServer((_, response) => response.end('over TLS'), { tls: true })
  dns = await startDnsServer((type, name) => zone(type, name))
})
afterAll(() => Promise.all([open, secret, tls, dns].map((server) => server.close())))

/** Takes 127.0.0.1 for public, names from the test's DNS server. */
const guarded = (options: GuardedFetchOptions = {}) =>
  createGuardedFetch({
    protocols: ['https:', 'http:'],
    isAllowedAddress: (address) => address === PUBLIC,
    lookup: createAddressLookup({ servers: [dns.address], timeoutMs: 10_000, tries: 1 }),
    ...options,
  })

const codeOf = async (promise: Promise<Response>): Promise<string> => {
  try {
    const response = await promise
    return `${response.status} ${await response.text()}`
  } catch (error) {
    return (error as DidError).code
  }
}

describe('addresses', () => {
  it('reaches an allowed address, by name and as it is written', async () => {
    zone = (type) => (type === 'A' ? { addresses: [PUBLIC] } : { addresses: [] })
    expect(await codeOf(guarded()(`http://good.example.com:${open.port}/`))).toBe('200 public')
    expect(await codeOf(guarded()(`${open.url}/`))).toBe('200 public')
  })

  it.each(['http', 'https'])(
    'refuses the default private addresses over %s before it connects',
    async (protocol) => {
      const fetch = createGuardedFetch({ protocols: ['https:', 'http:'] })
      for (const host of [
        '127.0.0.1',
        '127.1',
        '2130706433',
        '0x7f000001',
        '0177.0.0.1',
        '[::1]',
        '[::ffff:7f00:1]',
        '10.1.2.3',
        '169.254.169.254',
        '0.0.0.0',
        '[fe80::1]',
        '[64:ff9b::7f00:1]',
      ]) {
        expect(await codeOf(fetch(`${protocol}://${host}:${open.port}/`)), host).toBe('blocked-address')
      }
    },
  )

  it('refuses a name that leads to a private address, in IPv4 and IPv6', async () => {
    const before = secret.requests.length
    zone = (type) => ({ addresses: type === 'A' ? [PRIVATE] : [] })
    expect(await codeOf(guarded()(`http://evil.example.com:${open.port}/`))).toBe('blocked-address')
    zone = (type) => ({ addresses: type === 'AAAA' ? ['::1'] : [] })
    expect(await codeOf(guarded()(`http://evil.example.com:${open.port}/`))).toBe('blocked-address')
    expect(secret.requests.length).toBe(before)
  })

  it('connects only to the allowed ones of several addresses', async () => {
    zone = (type) => ({ addresses: type === 'A' ? [PRIVATE, PUBLIC] : ['::1'] })
    const before = secret.requests.length
    for (let i = 0; i < 5; i++) {
      expect(await codeOf(guarded()(`http://mixed.example.com:${open.port}/`))).toBe('200 public')
    }
    expect(secret.requests.length).toBe(before)
  })

  it('is not led elsewhere by a second answer of a hostile DNS server', async () => {
    // Public the first time it is asked, private from then on: what a check before the request would let through.
    let asked = 0
    zone = (type) => (type === 'A' ? { addresses: [asked++ === 0 ? PUBLIC : PRIVATE] } : { addresses: [] })
    const before = secret.requests.length
    expect(await codeOf(guarded()(`http://rebind.example.com:${open.port}/`))).toBe('200 public')
    expect(asked).toBe(1)
    expect(await codeOf(guarded()(`http://rebind.example.com:${open.port}/`))).toBe('blocked-address')
    expect(secret.requests.length).toBe(before)
  })

  it('resolves the name of a redirect again, and checks it', async () => {
    zone = (type, name) => ({ addresses: type === 'A' ? [name.startsWith('evil') ? PRIVATE : PUBLIC] : [] })
    const before = secret.requests.length
    const to = encodeURIComponent(`http://evil.example.com:${open.port}/`)
    expect(await codeOf(guarded()(`http://good.example.com:${open.port}/?to=${to}`))).toBe('blocked-address')
    const literal = encodeURIComponent(`http://${PRIVATE}:${open.port}/`)
    expect(await codeOf(guarded()(`http://good.example.com:${open.port}/?to=${literal}`))).toBe(
      'blocked-address',
    )
    expect(secret.requests.length).toBe(before)
  })

  it('tells a name without address from a DNS server that is silent', async () => {
    zone = () => ({ rcode: 3 })
    expect(await codeOf(guarded()('http://none.example.com/'))).toBe('dns-failure')
    zone = () => 'silence'
    const lookup = createAddressLookup({ servers: [dns.address], timeoutMs: 100, tries: 1 })
    expect(await codeOf(guarded({ lookup })('http://silent.example.com/'))).toBe('timeout')
  })
})

describe('protocols', () => {
  it.each([
    'http://good.example.com/',
    'ftp://good.example.com/',
    'file:///etc/passwd',
    'data:text/plain,x',
    'gopher://x',
    'no url',
    'https://user:pass@good.example.com/',
  ])('%s is refused by default', async (url) => {
    expect(await codeOf(createGuardedFetch()(url))).toBe('blocked-protocol')
  })

  it('refuses a redirect to plain http', async () => {
    const strict = await startHttpServer(
      (_, response) => response.writeHead(301, { location: `http://good.example.com:${open.port}/` }).end(),
      { tls: true },
    )
    zone = (type) => ({ addresses: type === 'A' ? [PUBLIC] : [] })
    const fetch = guarded({ protocols: ['https:'], ca: certificate })
    expect(await codeOf(fetch(`https://good.example.com:${strict.port}/`))).toBe('blocked-protocol')
    await strict.close()
  })

  it('checks certificates against the name, not the address', async () => {
    zone = (type) => ({ addresses: type === 'A' ? [PUBLIC] : [] })
    const fetch = guarded({ ca: certificate })
    expect(await codeOf(fetch(`https://good.example.com:${tls.port}/`))).toBe('200 over TLS')
    expect(await codeOf(fetch(`https://stranger.example.com:${tls.port}/`))).toBe('network')
    expect(await codeOf(guarded()(`https://good.example.com:${tls.port}/`))).toBe('network')
  })

  it('allows plain http and loopback for development, and nothing else private', async () => {
    const fetch = createGuardedFetch({ allowLoopback: true })
    expect(await codeOf(fetch(`http://localhost:${open.port}/`))).toBe('200 public')
    expect(await codeOf(fetch('http://10.0.0.1/'))).toBe('blocked-address')
    // A public address only over https, even then.
    expect(await codeOf(fetch('http://8.8.8.8/'))).toBe('blocked-address')
  })

  it('reaches IPv6', async () => {
    const six = await startHttpServer((_, response) => response.end('six'), { address: '::1' }).catch(
      () => null,
    )
    if (six === null) return console.warn('skipped: this machine has no IPv6 loopback')
    expect(await codeOf(createGuardedFetch({ allowLoopback: true })(six.url))).toBe('200 six')
    expect(await codeOf(createGuardedFetch({ protocols: ['http:'] })(six.url))).toBe('blocked-address')
    await six.close()
  })
})

describe('redirects', () => {
  const fetch = () => createGuardedFetch({ allowLoopback: true, maxRedirects: 3 })

  it('follows a few, relative ones too, and says where it ended', async () => {
    const response = await fetch()(`${open.url}/?to=${encodeURIComponent('/?to=/end')}`)
    expect(response.url).toBe(`${open.url}/end`)
    expect(await response.text()).toBe('public')
  })

  it('ends a loop', async () => {
    const before = open.requests.length
    expect(await codeOf(fetch()(`${open.url}/loop`))).toBe('too-many-redirects')
    expect(open.requests.length - before).toBe(4)
  })

  it('does as it is told', async () => {
    const manual = await fetch()(`${open.url}/?to=/end`, { redirect: 'manual' })
    expect([manual.status, manual.headers.get('location')]).toEqual([302, '/end'])
    await manual.body?.cancel()
    expect(await codeOf(fetch()(`${open.url}/?to=/end`, { redirect: 'error' }))).toBe('too-many-redirects')
  })

  it('does not send credentials on to another origin, and turns a POST into a GET as browsers do', async () => {
    const other = await startHttpServer((request, response) =>
      response.end(JSON.stringify({ method: request.method, ...request.headers })),
    )
    const headers = { Authorization: 'Bearer x', Cookie: 'a=1', 'X-Other': 'y', 'content-type': 'text/plain' }
    const to = encodeURIComponent(`${other.url}/headers`)
    const post = { method: 'POST', headers, body: 'text' }
    const moved = (await (await fetch()(`${open.url}/?to=${to}`, post)).json()) as Record<string, string>
    expect(moved).toMatchObject({ method: 'GET', 'x-other': 'y' })
    for (const name of ['authorization', 'cookie', 'content-type']) expect(moved).not.toHaveProperty(name)
    const kept = await (
      await fetch()(`${open.url}/?status=307&to=${encodeURIComponent('/headers')}`, post)
    ).json()
    expect(kept).toMatchObject({ method: 'POST', authorization: 'Bearer x' })
    await other.close()
  })
})

describe('bounds', () => {
  const fetch = (options: GuardedFetchOptions = {}) => createGuardedFetch({ allowLoopback: true, ...options })

  it('ends a body that is too large, before and after decompression', async () => {
    expect(await codeOf(fetch({ maxBytes: 20_000 })(`${open.url}/big`))).toBe('too-large')
    expect(await codeOf(fetch({ maxBytes: 40_960 })(`${open.url}/big`))).toBe(`200 ${'x'.repeat(40_960)}`)
    expect(await codeOf(fetch()(`${open.url}/bomb`))).toBe('too-large')
  })

  it.each(['/silent', '/drip'])('ends %s in time', async (path) => {
    const start = performance.now()
    expect(await codeOf(fetch({ timeoutMs: 150 })(open.url + path))).toBe('timeout')
    expect(performance.now() - start).toBeLessThan(8_000)
  })

  it('heeds the caller’s signal, before, during and after the headers', async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 50)
    expect(await codeOf(fetch()(`${open.url}/silent`, { signal: controller.signal }))).toBe('aborted')
    expect(await codeOf(fetch()(`${open.url}/`, { signal: controller.signal }))).toBe('aborted')
    expect(await codeOf(fetch()(open.url, { signal: AbortSignal.abort('a reason') }))).toBe('aborted')
    expect(await codeOf(fetch()(`${open.url}/silent`, { signal: AbortSignal.timeout(20) }))).toBe('timeout')
    const later = new AbortController()
    const response = await fetch()(`${open.url}/drip`, { signal: later.signal })
    later.abort()
    await expect(response.text()).rejects.toMatchObject({ code: 'aborted' })
  })

  it('reports a body that breaks off', async () => {
    expect(await codeOf(fetch()(`${open.url}/cut`))).toBe('network')
  })

  it('hears out sixteen interim answers before the answer, and no more', async () => {
    for (const [count, expected] of [
      [16, '200 public'],
      [17, 'network'],
      [100_000, 'network'],
    ] as const) {
      const hints = 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(count)
      const chatty = await startRawServer(`${hints}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npublic`)
      expect([count, await codeOf(fetch()(chatty.url))]).toEqual([count, expected])
      chatty.close()
    }
  })

  it('ends a switch to another protocol at once', async () => {
    const switching = await startRawServer(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    )
    expect(await codeOf(fetch()(switching.url))).toBe('network')
    switching.close()
  })

  it.each(['zstd', 'gzip, gzip', 'gzip, br', 'x'])('refuses a body in the coding %j', async (encoding) => {
    const coded = await startHttpServer((_, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end('x'),
    )
    expect(await codeOf(fetch()(coded.url))).toBe('network')
    await coded.close()
  })

  it('gives up the connection of a body nobody reads to the end', async () => {
    const response = await fetch()(`${open.url}/drip`)
    const reader = response.body!.getReader()
    await reader.read()
    await reader.cancel()
    expect(await codeOf(fetch()(`${open.url}/`))).toBe('200 public')
  })

  it('reports a host that is not there', async () => {
    const gone = await startHttpServer(() => undefined)
    await gone.close()
    expect(await codeOf(fetch()(gone.url))).toBe('network')
  })
})

describe('answers', () => {
  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
  ])('decompresses %s', async (encoding, compress) => {
    const server = await startHttpServer((_, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(compress('some text')),
    )
    const response = await createGuardedFetch({ allowLoopback: true })(server.url)
    expect(response.headers.has('content-encoding')).toBe(false)
    expect(await response.text()).toBe('some text')
    await server.close()
  })

  describe('that expand', () => {
    const MIB = 1024 * 1024
    const KINDS = [
      ['gzip', gzipSync],
      ['br', (body: Buffer) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
      ['deflate', deflateSync],
    ] as const
    const noise = randomBytes(100_000)
    const padded = (size: number): Buffer => Buffer.concat([noise, Buffer.alloc(size - noise.length)])

    /** What becomes of a body, and how much of it came before that. */
    const read = async (encoding: string, body: Buffer): Promise<{ code: string; size: number }> => {
      const server = await startHttpServer((_, response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end(body),
      )
      const outcome = await readFrom(server.url)
      await server.close()
      return outcome
    }
    const readFrom = async (url: string): Promise<{ code: string; size: number }> => {
      let size = 0
      try {
        const response = await createGuardedFetch({ allowLoopback: true, maxBytes: 1024 * MIB })(url)
        for await (const chunk of response.body!) size += chunk.length
        return { code: 'ok', size }
      } catch (error) {
        return { code: (error as DidError).code, size }
      }
    }

    it.each(KINDS)('%s: twenty to one, and not a byte more', async (encoding, compress) => {
      const isOver = (size: number): boolean => size > 20 * compress(padded(size)).length
      let [under, over] = [15 * noise.length, 25 * noise.length]
      expect([isOver(under), isOver(over)]).toEqual([false, true])
      while (over - under > 1) {
        const middle = (under + over) >> 1
        if (isOver(middle)) over = middle
        else under = middle
      }
      expect(await read(encoding, compress(padded(under)))).toEqual({ code: 'ok', size: under })
      expect((await read(encoding, compress(padded(over)))).code).toBe('too-compressed')
    })

    it.each(KINDS)('%s: the first MiB whatever it comes from', async (encoding, compress) => {
      expect(await read(encoding, compress(Buffer.alloc(MIB - 1)))).toMatchObject({
        code: 'ok',
        size: MIB - 1,
      })
      expect(await read(encoding, compress(Buffer.alloc(MIB)))).toMatchObject({ code: 'ok', size: MIB })
      expect((await read(encoding, compress(Buffer.alloc(MIB + 1)))).code).toBe('too-compressed')
    })

    it.each(KINDS)(
      '%s: a bomb within the size that is allowed, of which more would come',
      async (encoding, compress) => {
        let closed = false
        const server = await startHttpServer((request, response) => {
          request.socket.on('close', () => (closed = true))
          response
            .writeHead(200, { 'content-encoding': encoding })
            .write(compress(Buffer.alloc(64 * MIB)).subarray(0, -8))
        })
        const { code, size } = await readFrom(server.url)
        expect(code).toBe('too-compressed')
        expect(size).toBeLessThanOrEqual(2 * MIB)
        await vi.waitFor(() => expect(closed).toBe(true))
        await server.close()
      },
    )
  })

  it('fails on bytes that do not decompress', async () => {
    const server = await startHttpServer((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip'),
    )
    expect(await codeOf(createGuardedFetch({ allowLoopback: true })(server.url))).toBe('network')
    await server.close()
  })

  it('keeps headers, repeated ones too, and takes answers without a body', async () => {
    const fetch = createGuardedFetch({ allowLoopback: true })
    const response = await fetch(open.url)
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    await response.text()
    expect(await codeOf(fetch(`${open.url}/empty`))).toBe('204 ')
    expect(await codeOf(fetch(open.url, { method: 'HEAD' }))).toBe('200 ')
  })

  it('asks once more when the host closes an idle connection just as it is used again', async () => {
    let onConnection = 0
    const server = await startHttpServer((request, response) => {
      const { socket } = request as { socket: typeof request.socket & { served?: boolean } }
      if (socket.served) return socket.destroy()
      socket.served = true
      onConnection++
      return response.end('x')
    })
    const fetch = createGuardedFetch({ allowLoopback: true })
    for (let i = 0; i < 3; i++) expect(await codeOf(fetch(server.url))).toBe('200 x')
    expect(onConnection).toBe(3)
    await codeOf(fetch(server.url))
    expect(await codeOf(fetch(server.url, { method: 'POST', body: 'x' }))).toBe('network')
    await server.close()
  })

  it('uses a connection again', async () => {
    const ports = new Set<number | undefined>()
    const server = await startHttpServer((request, response) => {
      ports.add(request.socket.remotePort)
      response.end('x')
    })
    const fetch = createGuardedFetch({ allowLoopback: true })
    for (let i = 0; i < 5; i++) await (await fetch(server.url)).text()
    expect(ports.size).toBe(1)
    await server.close()
  })
})
