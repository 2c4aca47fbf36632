import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createHandleResolver,
  INVALID_HANDLE,
  parseDidDocument,
  resolveIdentity,
  type DidResolver,
  type DidResult,
  type HandleResolverOptions,
  type LookupTxt,
} from '../src/index.ts'
import { createTxtLookup } from '../src/node.ts'
import { NXDOMAIN, SERVFAIL, startDnsServer, type Answer, type DnsServer } from './support/dns-server.ts'
import { startHttpServer, type TestServer } from './support/http-server.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const other = 'did:web:other.example.com'

let zone: Answer | ((name: string) => Answer)
let page: { status?: number; body?: string; delay?: number; location?: string }
let dnsServer: DnsServer
let http: TestServer

beforeAll(async () => {
  dnsServer = await startDnsServer((_, name) => (typeof zone === 'function' ? zone(name) : zone))
  http = await startHttpServer((request, response) => {
    const { status = 200, body = '', delay: wait = 0, location } = page
    setTimeout(() => {
      if (location !== undefined && request.url?.startsWith('/.well-known')) {
        response.writeHead(302, { location }).end()
      } else {
        response.writeHead(status, { 'content-type': 'text/plain' }).end(body)
      }
    }, wait)
  })
})
afterAll(() => Promise.all([dnsServer.close(), http.close()]))
beforeEach(() => {
  zone = NXDOMAIN
  page = { status: 404 }
})

const resolver = (options: HandleResolverOptions = {}) =>
  createHandleResolver({
    // Only silence is waited for briefly: an answer has all the time a busy machine needs.
    dns: createTxtLookup({
      servers: [dnsServer.address],
      timeoutMs: zone === 'silence' ? 100 : 10_000,
      tries: 1,
    }),
    allowLoopback: true,
    wellKnownUrl: (handle) => `${http.url}/.well-known/atproto-did?${handle}`,
    ...options,
  })
const resolve = (options?: HandleResolverOptions) => resolver(options).resolve('alice.example.com')
const codeOf = <T>(result: DidResult<T>): unknown => (result.ok ? result.value : result.error.code)

describe('handles by HTTPS', () => {
  it.each<[string, typeof page, unknown]>([
    ['a DID', { body: did }, did],
    ['white space around it', { body: `\n ${did} \r\n` }, did],
    ['a redirect', { body: did, location: '/elsewhere' }, did],
    ['another media type', { body: did }, did],
    ['404', { status: 404, body: did }, 'not-found'],
    ['a web page', { body: '<html></html>' }, 'not-found'],
    ['a prefix', { body: `did=${did}` }, 'not-found'],
    ['two DIDs', { body: `${did}\n${other}` }, 'not-found'],
    ['nothing', { body: '' }, 'not-found'],
    ['500', { status: 500, body: did }, 'bad-status'],
    ['a large body', { body: did.padEnd(100_000) }, 'too-large'],
    ['a slow host', { body: did, delay: 300 }, 'timeout'],
    ['a redirect to a private address', { location: 'http://10.0.0.1/' }, 'blocked-address'],
  ])('%s', async (_, answer, expected) => {
    page = answer
    expect(codeOf(await resolve({ dns: null, timeoutMs: page.delay === undefined ? 20_000 : 100 }))).toBe(
      expected,
    )
  })

  it('asks the handle’s own host over https by default', async () => {
    const asked: string[] = []
    const fetch = (url: string): Promise<Response> => {
      asked.push(url)
      return Promise.resolve(new Response(did))
    }
    const handles = createHandleResolver({ dns: null, fetch })
    expect(codeOf(await handles.resolve('Alice.Example.com'))).toBe(did)
    expect(asked).toEqual(['https://alice.example.com/.well-known/atproto-did'])
  })
})

describe('the policy of both ways', () => {
  const txt = (...dids: string[]): Answer => ({ txt: dids.map((value) => [`did=${value}`]) })

  it.each<[string, Answer, typeof page, unknown]>([
    ['DNS goes before HTTPS', txt(did), { body: other }, did],
    ['DNS alone', txt(did), { status: 404 }, did],
    ['DNS alone, the host broken', txt(did), { status: 500 }, did],
    ['HTTPS alone', NXDOMAIN, { body: did }, did],
    ['HTTPS, DNS broken', SERVFAIL, { body: did }, did],
    ['several by DNS, one by HTTPS', txt(did, other), { body: did }, 'ambiguous'],
    ['none of both', NXDOMAIN, { status: 404 }, 'not-found'],
    ['none by HTTPS, DNS broken', SERVFAIL, { status: 404 }, 'dns-failure'],
    ['none by DNS, the host broken', NXDOMAIN, { status: 503 }, 'bad-status'],
    ['none by HTTPS, DNS silent', 'silence', { status: 404 }, 'timeout'],
  ])('%s', async (_, answer, host, expected) => {
    zone = answer
    page = host
    expect(codeOf(await resolve())).toBe(expected)
  })

  it('waits for a DNS that is slower than the host, but only for the grace', async () => {
    const slow =
      (after: number): LookupTxt =>
      async () => {
        await delay(after)
        return { ok: true, value: [`did=${did}`] }
      }
    page = { body: other }
    expect(codeOf(await resolve({ dns: slow(30), dnsGraceMs: 3_000 }))).toBe(did)
    const start = performance.now()
    expect(codeOf(await resolve({ dns: slow(10_000), dnsGraceMs: 30 }))).toBe(other)
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  it('does not wait for the host once DNS has answered', async () => {
    zone = txt(did)
    page = { body: other, delay: 10_000 }
    const start = performance.now()
    expect(codeOf(await resolve())).toBe(did)
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  it('heeds the caller’s signal', async () => {
    zone = 'silence'
    page = { delay: 2_000 }
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 30)
    expect(codeOf(await resolver().resolve('alice.example.com', { signal: controller.signal }))).toBe(
      'aborted',
    )
  })
})

describe('resolveIdentity', () => {
  const documents = new Map<string, string[]>()
  const dids: DidResolver = {
    resolve: (asked) => {
      const alsoKnownAs = documents.get(asked)
      return Promise.resolve(
        parseDidDocument(
          alsoKnownAs && {
            id: asked,
            alsoKnownAs,
            service: [
              {
                id: '#atproto_pds',
                type: 'AtprotoPersonalDataServer',
                serviceEndpoint: 'https://pds.example.com',
              },
            ],
            verificationMethod: [
              {
                id: `${asked}#atproto`,
                type: 'Multikey',
                controller: asked,
                publicKeyMultibase: 'zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF',
              },
            ],
          },
        ),
      )
    },
  }
  const identify = (actor: string) => resolveIdentity(actor, { dids, handles: resolver({ fetch: null }) })

  beforeEach(() => {
    documents.clear()
    documents.set(did, ['at://alice.example.com'])
    documents.set(other, ['at://bob.example.com'])
    zone = (name) => (name === '_atproto.alice.example.com' ? { txt: [[`did=${did}`]] } : NXDOMAIN)
  })

  it('gives the same identity for the handle and the DID', async () => {
    const byHandle = await identify('Alice.example.com')
    expect(byHandle).toMatchObject({
      ok: true,
      value: { did, handle: 'alice.example.com', pds: 'https://pds.example.com', key: { curve: 'k256' } },
    })
    expect(await identify(did)).toEqual(byHandle)
  })

  it('refuses a handle that its DID does not claim', async () => {
    documents.set(did, ['at://elsewhere.example.com'])
    expect(codeOf(await identify('alice.example.com'))).toBe('handle-mismatch')
    documents.set(did, [])
    expect(codeOf(await identify('alice.example.com'))).toBe('handle-mismatch')
  })

  it.each([
    ['does not resolve', 'at://gone.example.com'],
    ['leads to another DID', 'at://alice.example.com'],
    ['is reserved', 'at://alice.local'],
    ['is missing', 'https://example.com'],
  ])('gives handle.invalid for a DID whose handle %s', async (_, alias) => {
    documents.set(other, [alias])
    expect(await identify(other)).toMatchObject({ ok: true, value: { did: other, handle: INVALID_HANDLE } })
  })

  it('passes the failures of its resolvers on', async () => {
    expect(codeOf(await identify('nobody.example.com'))).toBe('not-found')
    documents.delete(did)
    expect(codeOf(await identify('alice.example.com'))).toBe('invalid-document')
    expect(codeOf(await identify('neither'))).toBe('invalid-handle')
  })
})
