// What the doctor sees of a server under its public URL: over real TLS, by way of a front server that makes one fault at a time.
import { createServer as createHttpServer, request, type IncomingMessage } from 'node:http'
import { createServer as createHttpsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'

import { certificate, privateKey } from '@avocet/testing/certificate'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import type { Finding } from '../src/doctor/finding.ts'
import { publicChecks } from '../src/doctor/public-checks.ts'
import { createAsk } from '../src/doctor/reach.ts'
import { tlsChecks } from '../src/doctor/tls-checks.ts'
import { startNetwork, type TestNetwork } from './network.ts'

const HOST = 'good.example.com'
const ORIGIN = new URL(`https://${HOST}`)

/** What the front server does to a request, and to its answer. */
interface Fault {
  readonly request?: (headers: Record<string, string>, asked: IncomingMessage) => void
  readonly path?: (path: string) => string
  readonly answer?: (headers: Record<string, string | string[]>, asked: IncomingMessage) => void
  /** Answers by itself. */
  readonly instead?: (
    asked: IncomingMessage,
  ) => { status: number; headers: Record<string, string>; text: string } | null
}

let net: TestNetwork
let fault: Fault = {}
let port: number
const front = createHttpsServer({ cert: certificate, key: privateKey }, (asked, answer) => {
  const own = fault.instead?.(asked) ?? null
  if (own !== null) {
    answer.writeHead(own.status, own.headers).end(own.text)
    return
  }
  const headers: Record<string, string> = { 'x-forwarded-proto': 'https' }
  for (const [name, value] of Object.entries(asked.headers)) headers[name] = String(value)
  fault.request?.(headers, asked)
  const path = fault.path?.(asked.url!) ?? asked.url!
  const passed = request(
    { host: '127.0.0.1', port: net.pds.port, path, method: asked.method!, headers },
    (from) => {
      const back = { ...from.headers } as Record<string, string | string[]>
      fault.answer?.(back, asked)
      answer.writeHead(from.statusCode!, back)
      from.pipe(answer)
    },
  )
  asked.pipe(passed)
})

beforeAll(async () => {
  net = await startNetwork({
    config: { hostname: HOST, publicUrl: ORIGIN.origin, handleDomains: [`.${HOST}`], devMode: false },
  })
  await new Promise<void>((resolve) => void front.listen(0, '127.0.0.1', resolve))
  port = (front.address() as AddressInfo).port
})
afterAll(async () => {
  front.closeAllConnections()
  front.close()
  await net[Symbol.asyncDispose]()
})
afterEach(() => {
  fault = {}
})

const look = (to = port, origin = ORIGIN): Promise<Finding[]> =>
  publicChecks({ origin, via: { host: '127.0.0.1', port: to }, ca: certificate })
const wrong = (findings: readonly Finding[]): Finding[] => findings.filter(({ level }) => level !== 'ok')
/** The names of what is wrong. */
const names = async (made: Fault): Promise<string[]> => {
  fault = made
  const findings = wrong(await look())
  for (const { next } of findings) expect(next).toMatch(/\w{3,}/)
  return findings.map(({ what }) => what)
}

const dropFromAnswer = (name: string, paths = /./): Fault => ({
  answer: (headers, { url }) => {
    if (paths.test(url!)) delete headers[name]
  },
})
const dropFromRequest = (name: string): Fault => ({ request: (headers) => void delete headers[name] })
const onCookies = (change: (cookie: string) => string): Fault => ({
  answer: (headers) => {
    const cookies = headers['set-cookie']
    if (cookies !== undefined) headers['set-cookie'] = [cookies].flat().map(change)
  },
})

/** A document as the server gives it. */
const goodDocument = async (path: string): Promise<object> =>
  JSON.parse((await createAsk({ origin: ORIGIN, via: { host: '127.0.0.1', port } })(path)).text) as object
/** Gives another one in its place. */
const answering = (path: string, text: string): Fault => {
  const headers = { 'content-type': 'application/json', 'access-control-allow-origin': '*' }
  return { instead: ({ url }) => (url === path ? { status: 200, headers, text } : null) }
}

test('a sound front server: nothing to say', async () => {
  const findings = await look()
  expect(wrong(findings)).toEqual([])
  expect(findings.map(({ what }) => what)).toEqual([
    'TLS chain',
    'TLS host name',
    'TLS expiry',
    'TLS version',
    'OAuth resource document',
    'OAuth server document',
    'OAuth issuer',
    'OAuth preflight',
    'OAuth requests',
    'OAuth calls',
    'pages',
  ])
})

describe('a front server', () => {
  test.each<[string, Fault, string[]]>([
    [
      'does not pass Host on',
      { request: (headers) => (headers['host'] = 'pds:2583') },
      ['Host header', 'pages'],
    ],
    [
      'takes the prefix /oauth off',
      { path: (path) => path.replace(/^\/oauth\//, '/') },
      ['OAuth preflight', 'OAuth paths', 'pages'],
    ],
    [
      'answers well-known paths by itself',
      {
        instead: ({ url }) =>
          url!.startsWith('/.well-known/') ? { status: 404, headers: {}, text: '' } : null,
      },
      // As if it were asked under another name: both are mended at the front server.
      ['Host header'],
    ],
    [
      'leads on to another host',
      {
        instead: ({ url }) =>
          url!.startsWith('/.well-known/oauth-p')
            ? { status: 301, headers: { location: `https://www.${HOST}/` }, text: '' }
            : null,
      },
      ['OAuth resource document'],
    ],
    [
      'has a bot wall before the document of the server',
      {
        instead: ({ url }) =>
          url!.startsWith('/.well-known/oauth-a')
            ? { status: 200, headers: { 'content-type': 'text/html' }, text: '<p>Are you human?' }
            : null,
      },
      ['OAuth server document'],
    ],
    [
      'keeps documents from other sites',
      dropFromAnswer('access-control-allow-origin', /resource/),
      ['OAuth resource document, other sites'],
    ],
    [
      'answers OPTIONS by itself',
      { instead: ({ method }) => (method === 'OPTIONS' ? { status: 405, headers: {}, text: '' } : null) },
      ['OAuth preflight'],
    ],
    ['drops DPoP', dropFromRequest('dpop'), ['DPoP header', 'DPoP header']],
    [
      'changes DPoP',
      {
        request: (headers) => {
          if (headers['dpop'] !== undefined) headers['dpop'] = headers['dpop'].slice(0, -8)
        },
      },
      ['DPoP proof', 'DPoP proof'],
    ],
    ['drops Authorization', dropFromRequest('authorization'), ['Authorization header']],
    ['drops DPoP-Nonce', dropFromAnswer('dpop-nonce'), ['DPoP-Nonce header', 'DPoP-Nonce header']],
    ['drops DPoP-Nonce of calls alone', dropFromAnswer('dpop-nonce', /^\/xrpc/), ['DPoP-Nonce header']],
    ['drops WWW-Authenticate', dropFromAnswer('www-authenticate'), ['WWW-Authenticate header']],
    [
      'does not let other sites read headers',
      dropFromAnswer('access-control-expose-headers'),
      ['exposed headers', 'exposed headers'],
    ],
    [
      'puts pages of its own in the place of errors',
      {
        answer: (headers) => (headers['content-type'] = 'text/html'),
        instead: ({ url }) =>
          url === '/oauth/par'
            ? { status: 502, headers: { 'content-type': 'text/html' }, text: 'Sorry' }
            : null,
      },
      ['OAuth resource document', 'OAuth server document', 'OAuth preflight', 'OAuth requests'],
    ],
    ['drops HSTS', dropFromAnswer('strict-transport-security'), ['Strict-Transport-Security']],
    [
      'puts HSTS of a minute in',
      { answer: (headers) => (headers['strict-transport-security'] = 'max-age=60') },
      ['Strict-Transport-Security'],
    ],
    ['drops the policy of pages', dropFromAnswer('content-security-policy'), ['Content-Security-Policy']],
    [
      'puts a policy of its own in',
      { answer: (headers) => (headers['content-security-policy'] = `default-src 'self' 'unsafe-inline'`) },
      ['Content-Security-Policy'],
    ],
    [
      'keeps pages',
      { answer: (headers) => (headers['cache-control'] = 'public, max-age=300') },
      ['Cache-Control'],
    ],
    [
      'lets other sites read all',
      { answer: (headers) => (headers['access-control-allow-origin'] = '*') },
      ['pages, other sites'],
    ],
    ['drops cookies', dropFromAnswer('set-cookie'), ['page cookie']],
    ['takes Secure off', onCookies((cookie) => cookie.replace('; Secure', '')), ['page cookie']],
    ['takes HttpOnly off', onCookies((cookie) => cookie.replace('; HttpOnly', '')), ['page cookie']],
    [
      'lets cookies come from other sites',
      onCookies((cookie) => cookie.replace(/SameSite=\w+/, 'SameSite=None')),
      ['page cookie'],
    ],
    [
      'gives cookies to the whole domain',
      onCookies((cookie) => `${cookie}; Domain=example.com`),
      ['page cookie, name'],
    ],
    ['renames cookies', onCookies((cookie) => cookie.replace('__Host-', '')), ['page cookie, name']],
  ])('%s', async (_, made, expected) => {
    expect(await names(made)).toEqual(expected)
  })

  test('is away', async () => {
    const closed = createHttpServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => closed.once('listening', resolve))
    const { port: free } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    expect((await look(free)).map(({ what, level }) => [what, level])).toEqual([['TLS', 'bad']])
    const plain = new URL(`http://localhost:${free}`)
    expect((await look(free, plain)).map(({ what, level }) => [what, level])).toEqual([['apps', 'bad']])
  })
})

test.each([
  ['http, as of a server that was not told of its https', 'http://good.example.com'],
  ['another host', 'https://other.example.com'],
  ['a slash too much', 'https://good.example.com/'],
])('an issuer of %s is not the one that apps come to', async (_, issuer) => {
  const path = '/.well-known/oauth-authorization-server'
  const text = JSON.stringify({ ...(await goodDocument(path)), issuer })
  expect(await names(answering(path, text))).toContain('OAuth issuer')
})

test.each([
  ['resource', 'https://other.example.com'],
  ['authorization_servers', [ORIGIN.origin, 'https://other.example.com']],
  ['authorization_servers', []],
  ['authorization_servers', undefined],
])('a document of the resource without a good %s', async (name, value) => {
  const path = '/.well-known/oauth-protected-resource'
  fault = answering(path, JSON.stringify({ ...(await goodDocument(path)), [name]: value }))
  const findings = wrong(await look())
  expect(findings.map(({ what }) => what)).toEqual(['OAuth resource document'])
  expect(findings[0]!.detail).toContain(name)
})

test('a document that leads on: where to', async () => {
  const headers = { location: 'https://www.example.com/elsewhere' }
  fault = {
    instead: ({ url }) =>
      url!.startsWith('/.well-known/oauth-p') ? { status: 302, headers, text: '' } : null,
  }
  expect(wrong(await look()).map(({ detail }) => detail)).toEqual([
    '/.well-known/oauth-protected-resource leads on to https://www.example.com/elsewhere; apps do not follow',
  ])
})

test.each([
  ['authorization_endpoint', 'https://elsewhere.example/oauth/authorize'],
  ['dpop_signing_alg_values_supported', ['RS256']],
  ['code_challenge_methods_supported', undefined],
  ['require_pushed_authorization_requests', 'true'],
  ['client_id_metadata_document_supported', false],
  ['protected_resources', []],
])('a document without a good %s is none that apps take', async (name, value) => {
  const path = '/.well-known/oauth-authorization-server'
  fault = answering(path, JSON.stringify({ ...(await goodDocument(path)), [name]: value }))
  const findings = wrong(await look())
  expect(findings.map(({ what }) => what)).toEqual(['OAuth server document'])
  expect(findings[0]!.detail).toContain(name)
})

describe('TLS', () => {
  const told = async (
    options: { readonly origin?: string; readonly ca?: string; readonly now?: string },
    to = port,
  ): Promise<string[]> => {
    const reach = {
      origin: new URL(options.origin ?? ORIGIN.origin),
      via: { host: '127.0.0.1', port: to },
      ...('ca' in options && options.ca === undefined ? {} : { ca: certificate }),
    }
    const now = options.now === undefined ? Date.now() : Date.parse(options.now)
    return (await tlsChecks(reach, now))
      .filter(({ level }) => level !== 'ok')
      .map(({ level, what, detail }) => `${level} ${what}: ${detail}`)
  }

  test('a chain that nobody trusts', async () => {
    expect(await told({ ca: undefined as never })).toEqual([
      'bad TLS chain: clients do not trust the certificate: DEPTH_ZERO_SELF_SIGNED_CERT',
    ])
  })

  test('a certificate for another name', async () => {
    expect(await told({ origin: 'https://third.example.com' })).toEqual([
      'bad TLS host name: the certificate is for DNS:good.example.com, DNS:other.example.com, DNS:localhost, not third.example.com',
    ])
  })

  test('one that ends soon, or has ended', async () => {
    expect(await told({ now: '2119-12-17T00:00:00Z' })).toEqual([])
    expect(await told({ now: '2119-12-19T00:00:00Z' })).toEqual(['warn TLS expiry: 13 days are left'])
    expect(await told({ now: '2120-01-11T00:00:00Z' })).toEqual([
      'bad TLS expiry: the certificate ended 10 days ago',
    ])
  })

  test('a version that clients refuse; no TLS at all', async () => {
    const options: ServerOptions = {
      cert: certificate,
      key: privateKey,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    }
    const old = createHttpsServer(options).listen(0, '127.0.0.1')
    const plain = createHttpServer().listen(0, '127.0.0.1')
    for (const server of [old, plain]) {
      await new Promise((resolve) => (server.listening ? resolve(null) : server.once('listening', resolve)))
      onTestFinished(() => void server.close())
      const found = await told({}, (server.address() as AddressInfo).port)
      expect(found).toEqual([expect.stringMatching(/^bad TLS: no TLS connection to good\.example\.com: /)])
    }
  })
})
