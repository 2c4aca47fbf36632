import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  createDidResolver,
  createGuardedFetch,
  throttleHosts,
  type DidError,
  type DidResolverOptions,
  type DidResult,
} from '../src/index.ts'
import { createAddressLookup } from '../src/node.ts'
import { certificate } from '@avocet/testing/certificate'
import { startDnsServer, type Answer, type DnsServer } from './support/dns-server.ts'
import { startHttpServer, type TestServer } from './support/http-server.ts'

const plc = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

interface Reply {
  readonly status?: number
  readonly body?: string
  readonly location?: string
  readonly delay?: number
}

let reply: Reply
let server: TestServer
let local: `did:web:${string}`

beforeAll(async () => {
  server = await startHttpServer((request, response) => {
    const { status = 200, body = '', location, delay = 0 } = reply
    setTimeout(() => {
      const moves = location !== undefined && !request.url?.startsWith('/moved')
      response.writeHead(moves ? 302 : status, moves ? { location } : {}).end(body)
    }, delay)
  })
  local = `did:web:localhost%3A${server.port}`
})
afterAll(() => server.close())

const document = (id: string): string => JSON.stringify({ id, alsoKnownAs: ['at://alice.example.com'] })
const codeOf = <T>(result: DidResult<T>): unknown => (result.ok ? 'ok' : result.error.code)
const resolve = (did: `did:${string}:${string}`, options: DidResolverOptions = {}) =>
  createDidResolver({ plcUrl: `${server.url}/`, allowLoopback: true, ...options }).resolve(did)

describe('did:plc', () => {
  it.each<[string, Reply, string]>([
    ['a document', { body: document(plc) }, 'ok'],
    ['404', { status: 404, body: '{"message":"DID not registered: x"}' }, 'not-found'],
    ['410', { status: 410, body: '{"message":"DID not available: x"}' }, 'tombstoned'],
    [
      'an old directory’s tombstone',
      { status: 404, body: '{"message":"DID not available: x"}' },
      'tombstoned',
    ],
    ['500', { status: 500 }, 'bad-status'],
    ['429', { status: 429 }, 'bad-status'],
    ['no JSON', { body: '<html>' }, 'invalid-document'],
    ['no document', { body: '{"id":7}' }, 'invalid-document'],
    ['another DID’s document', { body: document('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa') }, 'id-mismatch'],
    ['an oversize document', { body: document(plc).padEnd(300_000) }, 'too-large'],
    ['a slow directory', { body: document(plc), delay: 400 }, 'timeout'],
  ])('%s', async (_, next, expected) => {
    reply = next
    expect(codeOf(await resolve(plc, { timeoutMs: next.delay === undefined ? 20_000 : 100 }))).toBe(expected)
    expect(server.requests.at(-1)).toBe(`GET /${plc}`)
  })

  it('reports a directory that is not there', async () => {
    const result = await resolve(plc, { plcUrl: 'http://127.0.0.1:1' })
    expect(result).toMatchObject({ error: { code: 'network', isTransient: true } })
  })

  it('says which failures may pass', async () => {
    for (const [status, isTransient] of [
      [404, false],
      [500, true],
      [410, false],
    ] as const) {
      reply = { status }
      expect(await resolve(plc)).toMatchObject({ error: { isTransient } })
    }
  })

  it('asks once more when the directory closes an idle connection just as it is used again', async () => {
    const closing = await startHttpServer((request, response) => {
      const { socket } = request as { socket: typeof request.socket & { served?: boolean } }
      if (socket.served) return socket.destroy()
      socket.served = true
      return response.end(document(plc))
    })
    const resolver = createDidResolver({ plcUrl: closing.url })
    for (let i = 0; i < 3; i++) expect(codeOf(await resolver.resolve(plc))).toBe('ok')
    await closing.close()
  })

  it('heeds the caller’s signal', async () => {
    reply = { delay: 2_000 }
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 30)
    const resolver = createDidResolver({ plcUrl: server.url })
    expect(codeOf(await resolver.resolve(plc, { signal: controller.signal }))).toBe('aborted')
  })
})

describe('did:web of localhost, for development', () => {
  it.each<[string, () => Reply, string]>([
    ['a document', () => ({ body: document(local) }), 'ok'],
    ['404', () => ({ status: 404 }), 'not-found'],
    ['403', () => ({ status: 403 }), 'bad-status'],
    ['a wrong id', () => ({ body: document('did:web:example.com') }), 'id-mismatch'],
    ['a redirect', () => ({ body: document(local), location: '/moved' }), 'ok'],
    ['a redirect to itself', () => ({ location: '/.well-known/did.json' }), 'too-many-redirects'],
    ['a redirect to a private address', () => ({ location: 'https://10.0.0.1/' }), 'blocked-address'],
    ['a redirect to a file', () => ({ location: 'file:///etc/passwd' }), 'blocked-protocol'],
    ['an oversize body', () => ({ body: 'x'.repeat(300_000) }), 'too-large'],
    ['a slow body', () => ({ body: document(local), delay: 400 }), 'timeout'],
    ['no JSON', () => ({ body: 'did' }), 'invalid-document'],
  ])('%s', async (_, next, expected) => {
    reply = next()
    expect(codeOf(await resolve(local, { timeoutMs: reply.delay === undefined ? 20_000 : 100 }))).toBe(
      expected,
    )
  })

  it('is not resolved elsewhere', async () => {
    const before = server.requests.length
    expect(codeOf(await resolve(local, { allowLoopback: false }))).toBe('invalid-did')
    expect(codeOf(await resolve('did:web:localhost', { allowLoopback: false }))).toBe('invalid-did')
    expect(codeOf(await resolve(`did:web:127.0.0.1%3A${server.port}`, { allowLoopback: false }))).toBe(
      'invalid-did',
    )
    expect(server.requests.length).toBe(before)
  })
})

describe('did:web of a host', () => {
  let tls: TestServer
  let dns: DnsServer
  let zone: Answer = { addresses: ['127.0.0.1'] }
  let zone6: Answer = { addresses: [] }
  beforeAll(async () => {
    tls = await startHttpServer((_, response) => response.end(document('did:web:good.example.com')), {
      tls: true,
    })
    dns = await startDnsServer((type) => (type === 'A' ? zone : zone6))
  })
  afterAll(() => Promise.all([tls.close(), dns.close()]))

  /** As the default, but with the test's DNS and authority, and its port in place of 443. */
  const run = (did: `did:${string}:${string}`, isAllowedAddress?: (address: string) => boolean) => {
    const fetch = createGuardedFetch({
      ca: certificate,
      lookup: createAddressLookup({ servers: [dns.address] }),
      ...(isAllowedAddress && { isAllowedAddress }),
    })
    return createDidResolver({
      fetch: (url, init) => fetch(url.replace('.com/', `.com:${tls.port}/`), init),
    }).resolve(did)
  }

  it('is asked for over TLS at the well-known place', async () => {
    expect(codeOf(await run('did:web:good.example.com', () => true))).toBe('ok')
    expect(tls.requests.at(-1)).toBe('GET /.well-known/did.json')
    expect(codeOf(await run('did:web:other.example.com', () => true))).toBe('id-mismatch')
    expect(codeOf(await run('did:web:unnamed.example.com', () => true))).toBe('network')
  })

  it('is refused when the name leads to a private address', async () => {
    expect(codeOf(await run('did:web:good.example.com'))).toBe('blocked-address')
    zone = { addresses: ['10.1.2.3', '169.254.169.254', '192.168.0.1'] }
    expect(codeOf(await run('did:web:good.example.com'))).toBe('blocked-address')
    zone = { addresses: ['127.0.0.1'] }
  })

  it('is reached over IPv6 alone, where the address may be', async () => {
    const six = await startHttpServer((_, response) => response.end(document('did:web:good.example.com')), {
      tls: true,
      address: '::1',
      port: tls.port,
    }).catch(() => null)
    if (six === null) return console.warn('skipped: this machine has no IPv6 loopback')
    zone = { addresses: [] }
    zone6 = { addresses: ['::1'] }
    expect(codeOf(await run('did:web:good.example.com', (address) => address === '::1'))).toBe('ok')
    expect(codeOf(await run('did:web:good.example.com'))).toBe('blocked-address')
    expect(six.requests).toHaveLength(1)
    zone = { addresses: ['127.0.0.1'] }
    zone6 = { addresses: [] }
    await six.close()
  })

  it.each(['did:web:10.0.0.1', 'did:web:192.168.1.1', 'did:web:127.0.0.1'])(
    '%s is not reached',
    async (did) => {
      const result = await createDidResolver().resolve(did as 'did:web:x')
      expect(['blocked-address', 'invalid-did']).toContain(codeOf(result))
    },
  )
})

describe('what cannot be resolved', () => {
  it.each([
    ['did:plc:short', 'invalid-did'],
    ['did:plc:EWVI7NXZYOUN6ZHXRHS64OIZ', 'invalid-did'],
    ['did:plc:ewvi7nxzyoun6zhxrhs64oiz/x', 'invalid-did'],
    ['did:plc:../../etc/passwd', 'invalid-did'],
    ['did:web:example.com:path', 'invalid-did'],
    ['did:web:example.com%3A8080', 'invalid-did'],
    ['did:web:example.com%2Fpath', 'invalid-did'],
    ['did:web:user%40example.com', 'invalid-did'],
    ['did:web:example', 'invalid-did'],
    ['did:web:localhost%3A99999', 'invalid-did'],
    ['did:key:zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF', 'unsupported-method'],
    ['did:example:x', 'unsupported-method'],
    ['nonsense', 'invalid-did'],
    ['', 'invalid-did'],
  ])('%s: %s', async (did, code) => {
    const before = server.requests.length
    expect(codeOf(await resolve(did as 'did:x:y'))).toBe(code)
    expect(server.requests.length).toBe(before)
  })
})

describe('throttleHosts', () => {
  it('asks one host a few times at once, others beside it', async () => {
    let running = 0
    let most = 0
    const fetch = throttleHosts(
      async () => {
        most = Math.max(most, ++running)
        await new Promise((done) => setTimeout(done, 5))
        running--
        return new Response('x')
      },
      { concurrency: 3 },
    )
    await Promise.all(Array.from({ length: 30 }, () => fetch('https://a.example.com/')))
    expect(most).toBe(3)
    most = 0
    await Promise.all(Array.from({ length: 12 }, (_, i) => fetch(`https://h${i % 4}.example.com/`)))
    expect(most).toBe(12)
  })

  it('refuses more than may wait, and lets go of who gives up', async () => {
    const { promise: gate, resolve: release } = Promise.withResolvers<void>()
    const fetch = throttleHosts(() => gate.then(() => new Response('x')), { concurrency: 1, maxQueue: 1 })
    const first = fetch('https://a.example.com/')
    const controller = new AbortController()
    const second = fetch('https://a.example.com/', { signal: controller.signal })
    await expect(fetch('https://a.example.com/')).rejects.toMatchObject({ code: 'throttled' })
    controller.abort()
    await expect(second).rejects.toMatchObject({ code: 'aborted' })
    const third = fetch('https://a.example.com/')
    release()
    expect(await Promise.all([first, third])).toHaveLength(2)
  })

  it('refuses who has waited too long', async () => {
    const { promise: gate, resolve: release } = Promise.withResolvers<void>()
    const fetch = throttleHosts(() => gate.then(() => new Response('x')), { concurrency: 1, maxWaitMs: 20 })
    const first = fetch('https://a.example.com/')
    await expect(fetch('https://a.example.com/')).rejects.toMatchObject({ code: 'throttled' })
    release()
    expect((await first).ok).toBe(true)
    expect((await fetch('https://a.example.com/')).ok).toBe(true)
  })

  it('keeps the order of who waits', async () => {
    const order: string[] = []
    const fetch = throttleHosts(
      async (url) => {
        await new Promise((done) => setTimeout(done, 1))
        order.push(url.at(-1) ?? '')
        return new Response('x')
      },
      { concurrency: 1 },
    )
    await Promise.all(Array.from('abcdef', (letter) => fetch(`https://a.example.com/${letter}`)))
    expect(order.join('')).toBe('abcdef')
  })

  it('does not count the time in the queue as time of the request', async () => {
    const timeouts = vi.spyOn(AbortSignal, 'timeout')
    const answers: (() => void)[] = []
    const ask = (): Promise<Response> =>
      new Promise((answer) => answers.push(() => answer(new Response(document(plc)))))
    vi.stubGlobal('fetch', ask)
    onTestFinished(() => {
      vi.unstubAllGlobals()
      timeouts.mockRestore()
    })
    const resolver = createDidResolver({ plcUrl: 'https://plc.example.com' })
    const results = Promise.all(Array.from({ length: 64 }, () => resolver.resolve(plc)))
    const turn = (): Promise<void> => new Promise((done) => setImmediate(done))
    await turn()
    // The other half waits in the queue: none of its time has begun.
    expect([answers.length, timeouts.mock.calls.length]).toEqual([32, 32])
    for (const answer of answers.splice(0)) answer()
    await turn()
    expect([answers.length, timeouts.mock.calls.length]).toEqual([32, 64])
    for (const answer of answers) answer()
    expect((await results).filter((result) => !result.ok)).toEqual([])
  })

  it('goes on after a failure', async () => {
    let calls = 0
    const fetch = throttleHosts(
      () => (++calls === 1 ? Promise.reject(new Error('x')) : Promise.resolve(new Response('x'))),
      { concurrency: 1 },
    )
    const both = await Promise.allSettled([fetch('https://a.example.com/'), fetch('https://a.example.com/')])
    expect(both.map((result) => result.status)).toEqual(['rejected', 'fulfilled'])
  })

  it('leaves a host alone for as long as it asks, within a bound', async () => {
    let now = 1_000_000
    let calls = 0
    let after = '10'
    const fetch = throttleHosts(
      () => {
        calls++
        return Promise.resolve(new Response('', { status: 429, headers: { 'retry-after': after } }))
      },
      { now: () => now, maxPauseMs: 30_000 },
    )
    await fetch('https://a.example.com/')
    await expect(fetch('https://a.example.com/')).rejects.toMatchObject({ code: 'throttled' })
    await fetch('https://b.example.com/')
    expect(calls).toBe(2)
    now += 10_000
    after = new Date(now + 3_600_000).toUTCString()
    await fetch('https://a.example.com/')
    now += 29_000
    await expect(fetch('https://a.example.com/')).rejects.toMatchObject({ code: 'throttled' })
    now += 2_000
    await fetch('https://a.example.com/')
    expect(calls).toBe(4)
  })

  it('leaves a host alone no longer when the clock of the machine was a year ahead meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    let after = '10'
    const fetch = throttleHosts(() =>
      Promise.resolve(new Response('', { status: 429, headers: { 'retry-after': after } })),
    )
    const ask = (): Promise<string> =>
      fetch('https://a.example.com/').then(
        () => 'asked',
        (error: DidError) => error.code,
      )
    const begun = Date.now()
    vi.setSystemTime(begun + 365 * 24 * 3_600_000)
    expect(await ask()).toBe('asked')
    vi.setSystemTime(begun)
    vi.advanceTimersByTime(9_999)
    expect(await ask()).toBe('throttled')
    vi.advanceTimersByTime(1)
    // A date is read by the clock that tells dates.
    after = new Date(Date.now() + 5_000).toUTCString()
    expect(await ask()).toBe('asked')
    vi.advanceTimersByTime(3_000)
    expect(await ask()).toBe('throttled')
    vi.advanceTimersByTime(2_000)
    expect(await ask()).toBe('asked')
  })

  it('reaches a directory through a burst', async () => {
    reply = { body: document(plc) }
    const resolver = createDidResolver({ plcUrl: server.url })
    const results = await Promise.all(Array.from({ length: 100 }, () => resolver.resolve(plc)))
    expect(results.every((result) => result.ok)).toBe(true)
  })
})
