import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createDohLookup,
  createHandleResolver,
  type DidResult,
  type HandleResolverOptions,
} from '../src/index.ts'
import { createTxtLookup } from '../src/node.ts'
import {
  NXDOMAIN,
  REFUSED,
  SERVFAIL,
  startDnsServer,
  type Answer,
  type DnsServer,
} from './support/dns-server.ts'
import { startHttpServer, type TestServer } from './support/http-server.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const other = 'did:web:other.example.com'

let zone: Answer = NXDOMAIN
let server: DnsServer
beforeAll(async () => {
  server = await startDnsServer(() => zone)
})
afterAll(() => server.close())

/** Only silence is waited for briefly: an answer has all the time a busy machine needs. */
const dns = () =>
  createTxtLookup({ servers: [server.address], timeoutMs: zone === 'silence' ? 100 : 10_000, tries: 1 })
const codeOf = <T>(result: DidResult<T>): unknown => (result.ok ? result.value : result.error.code)

describe('createTxtLookup against a DNS server', () => {
  it.each<[string, Answer, unknown]>([
    ['one record', { txt: [[`did=${did}`]] }, [`did=${did}`]],
    ['several', { txt: [['a'], ['b']] }, ['a', 'b']],
    ['pieces of one record', { txt: [['did=did:plc:ewvi7n', 'xzyoun6zhxrhs64oiz']] }, [`did=${did}`]],
    ['an empty record', { txt: [['']] }, ['']],
    ['a name without TXT', { txt: [] }, []],
    ['no such name', NXDOMAIN, []],
    ['SERVFAIL', SERVFAIL, 'dns-failure'],
    ['REFUSED', REFUSED, 'dns-failure'],
    ['silence', 'silence', 'timeout'],
  ])('%s', async (_, answer, expected) => {
    zone = answer
    expect(codeOf(await dns()('_atproto.alice.example.com'))).toEqual(expected)
  })

  it('can be aborted', async () => {
    zone = 'silence'
    const lookup = createTxtLookup({ servers: [server.address], timeoutMs: 5_000 })
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 20)
    expect(codeOf(await lookup('x.example.com', { signal: controller.signal }))).toBe('aborted')
    expect(codeOf(await lookup('x.example.com', { signal: controller.signal }))).toBe('aborted')
  })

  it('asks nothing for a name that is too long', async () => {
    const before = server.questions.length
    expect(codeOf(await dns()(`_atproto.${'a'.repeat(60)}.`.repeat(5)))).toEqual([])
    expect(server.questions.length).toBe(before)
  })
})

describe('handles by DNS', () => {
  const resolve = (handle: `${string}.${string}`, options: HandleResolverOptions = {}) =>
    createHandleResolver({ dns: dns(), fetch: null, ...options }).resolve(handle)

  it.each<[string, Answer, unknown]>([
    ['one', { txt: [[`did=${did}`]] }, did],
    ['none', { txt: [] }, 'not-found'],
    ['no such name', NXDOMAIN, 'not-found'],
    ['many that differ', { txt: [[`did=${did}`], [`did=${other}`]] }, 'ambiguous'],
    ['the same twice', { txt: [[`did=${did}`], [`did=${did}`]] }, did],
    [
      'records of others around it',
      { txt: [['v=spf1 -all'], [`did=${did}`], ['google-site-verification=x']] },
      did,
    ],
    ['one that is no DID beside it', { txt: [['did=nonsense'], [`did=${did}`]] }, did],
    ['only one that is no DID', { txt: [['did=nonsense']] }, 'not-found'],
    ['no prefix', { txt: [[did]] }, 'not-found'],
    ['an upper case prefix', { txt: [[`DID=${did}`]] }, 'not-found'],
    ['an upper case DID', { txt: [['did=DID:PLC:EWVI7NXZYOUN6ZHXRHS64OIZ']] }, 'not-found'],
    ['quotes within the text', { txt: [[`"did=${did}"`]] }, 'not-found'],
    ['pieces', { txt: [['did=', did.slice(0, 9), did.slice(9)]] }, did],
    ['SERVFAIL', SERVFAIL, 'dns-failure'],
    ['silence', 'silence', 'timeout'],
  ])('%s', async (_, answer, expected) => {
    zone = answer
    expect(codeOf(await resolve('alice.example.com'))).toBe(expected)
  })

  it('asks for the lower case name', async () => {
    zone = { txt: [[`did=${did}`]] }
    expect(codeOf(await resolve('ALICE.Example.COM'))).toBe(did)
    expect(server.questions.at(-1)).toBe('TXT _atproto.alice.example.com')
  })

  it.each([
    ['alice.local', 'reserved-handle'],
    ['alice.arpa', 'reserved-handle'],
    ['alice.internal', 'reserved-handle'],
    ['alice.onion', 'reserved-handle'],
    ['alice.localhost', 'reserved-handle'],
    ['handle.invalid', 'reserved-handle'],
    ['ALICE.EXAMPLE', 'reserved-handle'],
    ['alice.test', 'reserved-handle'],
    ['alice', 'invalid-handle'],
    ['alice..com', 'invalid-handle'],
    ['1.2.3.4', 'invalid-handle'],
  ])('%s asks nobody: %s', async (handle, code) => {
    const before = server.questions.length
    expect(codeOf(await resolve(handle as `${string}.${string}`))).toBe(code)
    expect(server.questions.length).toBe(before)
  })

  it('resolves .test where that is allowed', async () => {
    zone = { txt: [[`did=${did}`]] }
    expect(codeOf(await resolve('alice.test', { allowTestTld: true }))).toBe(did)
  })

  it('has a bound of time of its own', async () => {
    zone = 'silence'
    const slow = createTxtLookup({ servers: [server.address], timeoutMs: 5_000 })
    expect(codeOf(await resolve('alice.example.com', { dns: slow, timeoutMs: 50 }))).toBe('timeout')
  })
})

describe('DNS over HTTPS', () => {
  let http: TestServer
  let reply: { status?: number; body: string } = { body: '' }
  beforeAll(async () => {
    http = await startHttpServer((_, response) =>
      response.writeHead(reply.status ?? 200, { 'content-type': 'application/dns-json' }).end(reply.body),
    )
  })
  afterAll(() => http.close())

  const answer = (...data: string[]): string =>
    JSON.stringify({ Status: 0, Answer: data.map((text) => ({ name: 'x', type: 16, TTL: 60, data: text })) })

  it.each<[string, { status?: number; body: string }, unknown]>([
    ['one', { body: answer(`"did=${did}"`) }, [`did=${did}`]],
    ['without quotes', { body: answer(`did=${did}`) }, [`did=${did}`]],
    ['pieces', { body: answer('"did=did:plc:ewvi7n" "xzyoun6zhxrhs64oiz"') }, [`did=${did}`]],
    ['escapes', { body: answer(String.raw`"a\"b\\c\100"`) }, ['a"b\\cd']],
    ['several', { body: answer('"a"', '"b"') }, ['a', 'b']],
    [
      'other types beside',
      { body: '{"Status":0,"Answer":[{"type":5,"data":"x."},{"type":16,"data":"\\"a\\""}]}' },
      ['a'],
    ],
    ['none', { body: '{"Status":0}' }, []],
    ['NXDOMAIN', { body: '{"Status":3}' }, []],
    ['SERVFAIL', { body: '{"Status":2}' }, 'dns-failure'],
    ['no JSON', { body: '<html>' }, 'dns-failure'],
    ['null', { body: 'null' }, 'dns-failure'],
    ['an HTTP failure', { status: 503, body: '{}' }, 'dns-failure'],
    ['an endless answer', { body: 'x'.repeat(100_000) }, 'too-large'],
  ])('%s', async (_, next, expected) => {
    reply = next
    expect(codeOf(await createDohLookup({ url: `${http.url}/dns-query` })('_atproto.x.com'))).toEqual(
      expected,
    )
    expect(http.requests.at(-1)).toBe('GET /dns-query?name=_atproto.x.com&type=TXT')
  })

  it('reports a server that is not there', async () => {
    expect(codeOf(await createDohLookup({ url: 'http://127.0.0.1:1/dns-query' })('x.com'))).toBe('network')
  })
})
