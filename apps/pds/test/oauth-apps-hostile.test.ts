// What apps that are none, or that lie, try at the running server: with their documents, redirects, scopes and keys. Each gets its answer,
// nothing is granted, and nothing is asked of hosts that are nobody's business.
import { randomUUID } from 'node:crypto'

import { exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'

import { createBrowser } from './browser.ts'
import { agree, letIn } from './let-in.ts'
import { startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { createApp, type AppAnswer, type TestApp } from './oauth-app.ts'

const APP = 'https://app.example.com/client.json'
const WEB = 'https://web.example.com/client.json'
const CALLBACK = 'https://app.example.com/callback'
const SCOPE = 'atproto blob:image/png repo:*'
const MINUTE = 60_000

const base = {
  client_id: APP,
  scope: `${SCOPE} include:com.example.set`,
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  dpop_bound_access_tokens: true,
  redirect_uris: [CALLBACK],
  token_endpoint_auth_method: 'none',
}
/** What there is on the web, by URL. */
const hosted = new Map<string, () => Response>()
const fetched: string[] = []
let passed = 0
let net: TestNetwork
let alice: TestAccount
let app: TestApp

beforeAll(async () => {
  const now = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => now() + passed)
  net = await startNetwork({
    config: {
      inviteRequired: false,
      fetch: async (url) => {
        fetched.push(url)
        const found = hosted.get(url)
        if (found === undefined) throw new Error('there is no such host')
        return found()
      },
    },
  })
  alice = await net.account()
})
beforeEach(async () => {
  // Documents are remembered for ten minutes, failures for some seconds.
  passed += 11 * MINUTE
  hosted.clear()
  fetched.length = 0
  hosted.set(APP, () => Response.json(base))
  app = await createApp(origin, SCOPE, { clientId: APP, redirectUri: CALLBACK })
})
afterAll(async () => {
  await net[Symbol.asyncDispose]()
  vi.restoreAllMocks()
})

const origin = (): string => `http://localhost:${net.pds.port}`
const said = ({ status, body }: AppAnswer): string => `${status} ${body?.error ?? ''}`

describe('a document', () => {
  test('that is as it should be lets an app ask', async () => {
    expect(said(await app.push())).toBe('201 ')
    expect(fetched).toEqual([APP])
  })

  const json = (text: string, more: ResponseInit = {}): Response =>
    new Response(text, { headers: { 'content-type': 'application/json' }, ...more })
  test.each([
    ['not there', () => new Response('', { status: 404 })],
    ['elsewhere', () => new Response('', { status: 302, headers: { location: 'https://x.example.com' } })],
    ['a page', () => new Response(JSON.stringify(base), { headers: { 'content-type': 'text/html' } })],
    ['of half a megabyte', () => json(JSON.stringify({ ...base, x: 'x'.repeat(524_288) }))],
    ['of an id with a slash more', () => Response.json({ ...base, client_id: `${APP}/` })],
    ['of an id in capitals', () => Response.json({ ...base, client_id: APP.toUpperCase() })],
    ['of tokens without a key', () => Response.json({ ...base, dpop_bound_access_tokens: false })],
    [
      'of a client with a password',
      () => Response.json({ ...base, token_endpoint_auth_method: 'client_secret_post' }),
    ],
  ])('that is %s lets nobody ask', async (_what, answer) => {
    hosted.set(APP, answer)
    expect(said(await app.push())).toBe('400 invalid_client_metadata')
  })

  test.each([
    'https://127.0.0.1/client.json',
    'https://169.254.169.254/client.json',
    'https://[::ffff:10.0.0.1]/client.json',
    'https://[::1]/client.json',
    'https://2130706433/client.json',
    'https://localhost/client.json',
    'https://pds.local/client.json',
    'https://intranet/client.json',
    'https://app.example.com:8443/client.json',
    'https://u@app.example.com/client.json',
    'https://app.example.com/client.json#x',
    'https://app.example.com/../client.json',
    'https://аpp.example.com/client.json',
    'http://app.example.com/client.json',
    'https://app.example.com/',
    'http://localhost/path',
    'http://localhost?x=1',
    'http://localhost:8080',
    'did:web:app.example.com',
  ])('is not looked for at %s', async (clientId) => {
    const by = await createApp(origin, SCOPE, { clientId, redirectUri: CALLBACK })
    expect(said(await by.push())).toBe('400 invalid_client_id')
    expect(fetched).toEqual([])
  })
})

describe('a redirect', () => {
  test.each([
    `${CALLBACK}/`,
    `${CALLBACK}?x=1`,
    CALLBACK.slice(0, -1),
    'https://evil.example.com/callback',
    'https://u@app.example.com/callback',
    'http://localhost:3000',
    'javascript:alert(1)',
    'com.example.app:/cb',
    'app://x',
    `${CALLBACK}\r\nlocation: https://evil.example.com`,
  ])('to %j is not one of the document', async (redirect_uri) => {
    expect(said(await app.push({ redirect_uri }))).toBe('400 invalid_redirect_uri')
  })

  test.each([
    ['http://127.0.0.1:1/callback', '201 '],
    ['http://127.0.0.1:65535/callback', '201 '],
    ['http://127.0.0.1/other', '400 invalid_redirect_uri'],
    ['http://localhost:8080/callback', '400 invalid_redirect_uri'],
    ['http://127.0.0.2/callback', '400 invalid_redirect_uri'],
    ['https://127.0.0.1/callback', '400 invalid_redirect_uri'],
  ])('to %s, of an app on a device: %s', async (redirect_uri, answer) => {
    const clientId = `http://localhost?${new URLSearchParams({ redirect_uri: 'http://127.0.0.1/callback', scope: SCOPE })}`
    const device = await createApp(origin, SCOPE, { clientId, redirectUri: redirect_uri })
    expect(said(await device.push())).toBe(answer)
  })

  test('goes back with one iss, whatever the state is', async () => {
    const state = 'x&iss=https://evil.example.com&code=forged\r\n'
    const back = await agree(origin, await app.begin({ state }), alice.handle)
    expect([back.origin + back.pathname, back.searchParams.getAll('iss')]).toEqual([CALLBACK, [origin()]])
    expect([back.searchParams.get('state'), back.searchParams.getAll('code')]).toEqual([
      state,
      [expect.stringMatching(/^cod-[0-9a-f]{64}$/)],
    ])
  })
})

describe('scopes', () => {
  test.each([
    ['repo:%', '400 invalid_scope'],
    ['atproto repo:%', '400 invalid_scope'],
    ['atproto rpc:*?aud=*', '400 invalid_scope'],
    ['atproto blob:image*/*', '400 invalid_scope'],
    ['atproto openid', '400 invalid_scope'],
    ['atproto transition:generic', '400 invalid_scope'],
    ['blob:image/png', '400 invalid_scope'],
    ['', '400 invalid_scope'],
    [`atproto ${Array.from({ length: 5000 }, (_, n) => `x:${n}`).join(' ')}`, '400 invalid_scope'],
    // A set that nobody can find.
    ['atproto include:com.example.set', '400 invalid_scope'],
  ])('%.40j: %s', async (scope, answer) => {
    expect(said(await app.push({ scope }))).toBe(answer)
  })

  test('that this server does not know are left out of what is granted', async () => {
    const scope = 'atproto space:x'
    hosted.set(APP, () => Response.json({ ...base, scope }))
    const by = await createApp(origin, scope, { clientId: APP, redirectUri: CALLBACK })
    expect((await letIn(origin, by, alice.handle)).scope).toBe('atproto')
  })
})

test('what a document says of its app is text on the page, and a host of other letters is shown by its ASCII', async () => {
  const host = new URL('https://аpple.example.com').hostname
  const clientId = `https://${host}/oauth-client-metadata.json`
  const redirectUri = `https://${host}/cb`
  const client_name = `<script>alert(1)</script>\u202E${'x'.repeat(10_000)}`
  const document = { ...base, client_id: clientId, redirect_uris: [redirectUri], client_name }
  hosted.set(clientId, () => Response.json({ ...document, client_uri: `https://${host}` }))
  const by = await createApp(origin, SCOPE, { clientId, redirectUri })
  const { text } = await createBrowser(origin).visit((await by.begin()).url)
  expect(text).toContain('xn--pple-43d.example.com')
  expect(text).not.toContain('аpple')
  expect(text).not.toMatch(/alert\(1|\u202E|x{200}/)
})

describe('an app with keys', () => {
  let jwk: JWK
  let keys: JWK[]
  let sign: (claims?: object, header?: object, by?: CryptoKey) => Promise<string>
  let web: TestApp
  beforeEach(async () => {
    const pair = await generateKeyPair('ES256')
    jwk = { ...(await exportJWK(pair.publicKey)), kid: 'key-1', use: 'sig', alg: 'ES256' }
    keys = [jwk]
    const { token_endpoint_auth_method: _, ...rest } = base
    const document = {
      ...rest,
      client_id: WEB,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks_uri: 'https://web.example.com/jwks.json',
    }
    hosted.set(WEB, () => Response.json(document))
    hosted.set(document.jwks_uri, () => Response.json({ keys }))
    sign = (claims = {}, header = {}, by = pair.privateKey) => {
      const iat = Math.floor(Date.now() / 1000)
      const all = { iss: WEB, sub: WEB, aud: origin(), jti: randomUUID(), iat, exp: iat + 60, ...claims }
      return new SignJWT(all).setProtectedHeader({ alg: 'ES256', kid: 'key-1', ...header }).sign(by)
    }
    web = await createApp(origin, SCOPE, { clientId: WEB, redirectUri: CALLBACK, assertion: () => sign() })
  })
  const seconds = (by: number): number => Math.floor(Date.now() / 1000) + by

  test.each<[string, () => Promise<string>]>([
    ['to another server', () => sign({ aud: 'https://other.example.com' })],
    ['of five minutes ago', () => sign({ iat: seconds(-300) })],
    ['by a key that nobody knows', () => sign({}, { kid: 'key-2' })],
    ['of another app', () => sign({ iss: APP, sub: APP })],
    ['for another proof', () => sign({ cnf: { jkt: 'x'.repeat(43) } })],
    ['of nothing', () => Promise.resolve('e30.e30.AA')],
  ])('that shows an assertion %s is not let in', async (_what, assertion) => {
    expect(said(await web.push({ client_assertion: await assertion() }))).toBe('400 invalid_client')
    expect(said(await web.push())).toBe('201 ')
  })

  test('that shows an assertion twice, or none, is not let in', async () => {
    const client_assertion = await sign()
    expect(said(await web.push({ client_assertion }))).toBe('201 ')
    expect(said(await web.push({ client_assertion }))).toBe('400 invalid_client')
    expect(said(await web.push({ client_assertion: '', client_assertion_type: '' }))).toBe(
      '400 invalid_client',
    )
  })

  const renew = (token: string): Promise<AppAnswer> =>
    web.post('/oauth/token', { grant_type: 'refresh_token', refresh_token: token })

  test('whose key was taken back is refused within ten minutes; by another key it gets nothing, and its session is over', async () => {
    const { refresh_token } = await letIn(origin, web, alice.handle)
    const next = await generateKeyPair('ES256')
    keys = [{ ...(await exportJWK(next.publicKey)), kid: 'key-2' }]
    passed += 10 * MINUTE
    // An assertion by a key that is gone proves nothing: it ends no session either.
    expect(said(await renew(refresh_token))).toBe('400 invalid_client')
    const client_assertion = await sign({}, { kid: 'key-2' }, next.privateKey)
    const fields = { grant_type: 'refresh_token', refresh_token, client_assertion }
    expect(said(await web.post('/oauth/token', fields))).toBe('400 invalid_grant')
    keys = [jwk]
    passed += 10 * MINUTE
    expect(said(await renew(refresh_token))).toBe('400 invalid_grant')
  })

  test('whose host is down is known by its keys of before, then has to wait, and loses nothing', async () => {
    const { refresh_token } = await letIn(origin, web, alice.handle)
    hosted.clear()
    const { body } = await renew(refresh_token)
    expect(body.sub).toBe(alice.did)
    passed += 10 * MINUTE
    const waits = await renew(body.refresh_token)
    expect([said(waits), Number(waits.headers.get('retry-after')) > 0]).toEqual([
      '503 temporarily_unavailable',
      true,
    ])
  })
})

test('and the server is well', async () => {
  expect((await fetch(`${origin()}/xrpc/_health`)).status).toBe(200)
  expect(
    said(
      await app.call('com.atproto.server.getSession', (await letIn(origin, app, alice.handle)).access_token),
    ),
  ).toBe('200 ')
})
