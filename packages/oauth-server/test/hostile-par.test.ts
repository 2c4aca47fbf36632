// What hostile or careless clients push: the right word and status each, nothing kept, nothing reached.
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'

import { PATHS } from '../src/index.ts'
import { ISSUER, type ProofChanges } from './fixtures.ts'
import {
  createApp,
  createWorld,
  LOOPBACK_ID,
  nonceOf,
  PUBLIC_ID,
  publicDocument,
  REDIRECT,
  refusal,
  type App,
  type World,
} from './world.ts'
import { createDevice } from './fixtures.ts'

let world: World
let app: App

beforeEach(async () => {
  world = createWorld()
  app = await createApp(world)
})

describe('proofs', () => {
  it('are needed, unless the key is named', async () => {
    expect(refusal(await app.push({}, { proof: null }))).toBe('400 invalid_dpop_proof')
    expect((await app.push({ dpop_jkt: app.device.thumbprint }, { proof: null })).status).toBe(201)
    expect(refusal(await app.push({ dpop_jkt: 'short' }, { proof: null }))).toBe('400 invalid_request')
  })

  it('are of the key that is named', async () => {
    const other = await createDevice()
    expect(refusal(await app.push({ dpop_jkt: other.thumbprint }))).toBe('400 invalid_dpop_proof')
    expect((await app.push({ dpop_jkt: app.device.thumbprint })).status).toBe(201)
  })

  it('without a good nonce are asked for again, with one', async () => {
    const old = await nonceOf(world)
    world.clock.advance(240)
    for (const nonce of ['', 'forged', old]) {
      const answer = await app.push({}, { nonce })
      expect(refusal(answer)).toBe('400 use_dpop_nonce')
      expect(answer.headers.get('dpop-nonce')).toBe(await nonceOf(world))
    }
    expect(refusal(await app.push({}, { claims: { nonce: undefined } }))).toBe('400 use_dpop_nonce')
  })

  it.each([
    ['typ JWT', { header: { typ: 'JWT' } }],
    ['lower case htm', { claims: { htm: 'post' } }],
    ['another host', { claims: { htu: 'https://evil.example.com/oauth/par' } }],
    ['http', { claims: { htu: 'http://pds.example.com/oauth/par' } }],
    ['another path', { claims: { htu: `${ISSUER}/oauth/token` } }],
    ['iat ten minutes off', { claims: { iat: 1_800_000_600 } }],
    ['ath', { claims: { ath: 'x' } }],
  ] satisfies [string, ProofChanges][])('with %s are refused', async (_, changes) => {
    expect(refusal(await app.push({}, changes))).toBe('400 invalid_dpop_proof')
  })

  it('with a query in htu are taken', async () => {
    expect((await app.push({}, { claims: { htu: `${ISSUER}/oauth/par?x=1` } })).status).toBe(201)
  })

  it('are used once', async () => {
    const nonce = await nonceOf(world)
    const iat = world.clock.seconds()
    const proof = await app.device.prove('POST', `${ISSUER}/oauth/par`, { iat, nonce })
    expect((await app.push({}, { proof })).status).toBe(201)
    expect(refusal(await app.push({}, { proof }))).toBe('400 invalid_dpop_proof')
    expect(refusal(await app.push({}, { proof: `${proof}, ${proof}` }))).toBe('400 invalid_dpop_proof')
  })

  it('are about the configured URL, whatever the request says of its host', async () => {
    const fields = await app.pushFields()
    const proof = await app.device.prove('POST', `${ISSUER}/oauth/par`, {
      iat: world.clock.seconds(),
      nonce: await nonceOf(world),
    })
    const headers = { dpop: proof, host: 'evil.example.com', 'x-forwarded-host': 'evil.example.com' }
    const body = new URLSearchParams(fields as Record<string, string>)
    const url = 'http://10.0.0.1:3000/oauth/par'
    const answer = await world.server.fetch(new Request(url, { method: 'POST', headers, body }))
    expect(answer.status).toBe(201)
  })
})

describe('challenges', () => {
  it.each([
    [{ code_challenge_method: 'plain' }],
    [{ code_challenge_method: undefined }],
    [{ code_challenge: undefined }],
    [{ code_challenge: 'x'.repeat(42) }],
    [{ code_challenge: 'x'.repeat(44) }],
    [{ code_challenge: `${'x'.repeat(42)}=` }],
  ])('%j', async (changes) => {
    expect(refusal(await app.push(changes))).toBe('400 invalid_request')
  })

  it('are used once in a day', async () => {
    const fields = await app.pushFields()
    const again = { code_challenge: fields['code_challenge'] }
    expect((await app.push(fields)).status).toBe(201)
    expect(refusal(await app.push(again))).toBe('400 invalid_request')
    world.clock.advance(86_399)
    expect(refusal(await app.push(again))).toBe('400 invalid_request')
    world.clock.advance(1)
    expect((await app.push(again)).status).toBe(201)
  })
})

describe('redirects', () => {
  it.each([
    'https://app.example.com/call',
    'https://app.example.com/callback/',
    'https://app.example.com/callback?x=1',
    'https://app.example.com/callback#',
    'https://APP.example.com/callback',
    'https://evil.example.com/callback',
    'http://localhost:3000',
    'http://127.0.0.1/',
    'javascript:alert(1)',
    'https://u@app.example.com/callback',
    'com.example.app:/cb',
    'app://x',
    'not a url',
    `${REDIRECT}\r\nx: y`,
  ])('%s is not registered', async (redirect_uri) => {
    expect(refusal(await app.push({ redirect_uri }))).toBe('400 invalid_redirect_uri')
  })

  it('may be left out where there is one', async () => {
    expect((await app.push({ redirect_uri: undefined })).status).toBe(201)
    const two = { redirect_uris: [REDIRECT, `${REDIRECT}2`] }
    world = createWorld()
    world.hosted.set(PUBLIC_ID, publicDocument(two))
    app = await createApp(world)
    expect(refusal(await app.push({ redirect_uri: undefined }))).toBe('400 invalid_request')
  })

  it('of a device: any port, the same path', async () => {
    const pushed = async (redirect_uri: string): Promise<string> =>
      refusal(await (await createApp(world, { clientId: LOOPBACK_ID })).push({ redirect_uri }))
    expect(await pushed('http://127.0.0.1:1234/cb')).toBe('201 undefined')
    expect(await pushed('http://127.0.0.1/cb')).toBe('201 undefined')
    for (const other of [
      'http://127.0.0.1:1234/other',
      'http://127.0.0.1:1234/cb?x',
      'http://[::1]:1234/cb',
      'http://localhost:1234/cb',
      'http://127.0.0.1:1234@evil.example.com/cb',
      'http://127.0.0.1:99999/cb',
      'https://127.0.0.1:1234/cb',
    ]) {
      expect(await pushed(other)).toBe('400 invalid_redirect_uri')
    }
  })
})

it('a redirect on the device that was registered with a port is good for that port', async () => {
  const clientId = 'http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fcb'
  const local = await createApp(world, { clientId, redirect: 'http://127.0.0.1:8080/cb', scope: 'atproto' })
  expect((await local.push()).status).toBe(201)
  const other = { redirect_uri: 'http://127.0.0.1:8081/cb' }
  expect(refusal(await local.push(other))).toBe('400 invalid_redirect_uri')
})

describe('client ids', () => {
  it.each([
    'http://localhost/path',
    'http://localhost:3000',
    'http://localhost?foo=bar',
    'http://localhost?scope=atproto&scope=atproto',
    'http://localhost?scope=openid',
    'http://localhost?redirect_uri=http://localhost/cb',
    'http://localhost#x',
    'http://app.example.com/client.json',
    'https://127.0.0.1/client.json',
    'https://169.254.169.254/client.json',
    'https://[::ffff:10.0.0.1]/client.json',
    'https://0x7f.1/client.json',
    'https://localhost/client.json',
    'https://pds.local/client.json',
    'https://intranet/client.json',
    'https://app.example.com/',
    'https://app.example.com',
    'https://app.example.com/folder/',
    'https://app.example.com/a/../client.json',
    'https://app.example.com:8443/client.json',
    'https://user@app.example.com/client.json',
    'https://app.example.com/client.json#x',
    'https://App.example.com/client.json',
    'https://bücher.example.com/client.json',
    `https://app.example.com/${'x'.repeat(2048)}`,
    'ftp://app.example.com/client.json',
    'app',
  ])('%s is none, and nothing is fetched', async (client_id) => {
    expect(refusal(await app.push({ client_id }))).toBe('400 invalid_client_id')
    expect(world.fetched).toEqual([])
  })
})

describe('scopes', () => {
  it.each([
    ['transition:generic', 'without atproto'],
    ['atproto openid', 'of OpenID'],
    ['atproto repo:com.example.like', 'not in the document'],
    ['atproto repo:%', 'malformed'],
    ['atproto rpc:*?aud=*', 'malformed'],
    ['atproto blob:image*/*', 'malformed'],
    [Array.from({ length: 5000 }, () => 'atproto').join(' '), 'too many'],
    [`atproto repo:${'x'.repeat(8192)}`, 'too long'],
    ['atproto include:com.example.authAll', 'of a set that nobody knows'],
    [undefined, 'missing'],
  ] satisfies [string | undefined, string][])('%s: %s', async (...[scope]) => {
    const answer = await app.push({ scope })
    expect(refusal(answer)).toBe('400 invalid_scope')
    expect(String(answer.body['error_description']).length).toBeLessThan(410)
  })

  it('that this server does not know are left out', async () => {
    const { body } = await app.signIn({ scope: 'atproto space:x transition:generic atproto' })
    expect(body['scope']).toBe('atproto transition:generic')
  })

  it('of a set that answers never are refused after ten seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const asked = Promise.withResolvers<AbortSignal>()
    const document = (_: string, __: string, given: AbortSignal): Promise<never> => {
      asked.resolve(given)
      return new Promise(() => undefined)
    }
    world = createWorld({ permissionSets: { document } })
    app = await createApp(world)
    const answer = app.push({ scope: 'atproto include:com.example.authAll' })
    const signal = await asked.promise
    await vi.advanceTimersByTimeAsync(9999)
    expect(signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(signal.aborted).toBe(true)
    expect(refusal(await answer)).toBe('400 invalid_scope')
  })
})

describe('other parameters', () => {
  it.each([
    [{ response_type: 'token' }, '400 unsupported_response_type'],
    [{ response_type: 'code id_token' }, '400 unsupported_response_type'],
    [{ response_type: undefined }, '400 invalid_request'],
    [{ client_id: undefined }, '400 invalid_request'],
    [{ response_mode: 'jwt' }, '400 invalid_request'],
    [{ prompt: 'login consent' }, '400 invalid_request'],
    [{ prompt: 'none' }, '400 consent_required'],
    [{ display: 'wap' }, '400 invalid_request'],
    [{ login_hint: 'alice@example.com' }, '400 invalid_request'],
    [{ login_hint: 'alice' }, '400 invalid_request'],
    [{ state: 'x'.repeat(4097) }, '400 invalid_request'],
    [{ ui_locales: 'x'.repeat(257) }, '400 invalid_request'],
    [{ request: 'ey.ey.' }, '400 invalid_request'],
    [{ request_uri: 'urn:x' }, '400 invalid_request'],
    [{ claims: '{}' }, '400 invalid_request'],
    [{ nonce: 'n' }, '400 invalid_request'],
    [{ id_token_hint: 'ey' }, '400 invalid_request'],
    [{ authorization_details: '[]' }, '400 invalid_request'],
    [{ client_assertion: 'ey' }, '400 invalid_client'],
    [{ state: 'x'.repeat(4096) }, '201 undefined'],
    [{ state: undefined }, '201 undefined'],
    [{ login_hint: 'did:plc:alice' }, '201 undefined'],
    [{ prompt: 'create', display: 'popup', ui_locales: 'de en' }, '201 undefined'],
    [{ response_mode: 'form_post' }, '201 undefined'],
  ])('%j', async (changes, expected) => {
    expect(refusal(await app.push(changes))).toBe(expected)
  })

  it('that a private scheme cannot have are refused', async () => {
    const native = { application_type: 'native', redirect_uris: ['com.example.app:/cb'] }
    world = createWorld()
    world.hosted.set(PUBLIC_ID, publicDocument(native))
    app = await createApp(world, { redirect: 'com.example.app:/cb' })
    expect(refusal(await app.push({ response_mode: 'form_post' }))).toBe('400 invalid_request')
    expect((await app.push({ response_mode: 'fragment' })).status).toBe(201)
  })
})

describe('many requests', () => {
  it('of one network: a hundred are kept, and those that are over make room', async () => {
    world = createWorld({ limits: { requestsPerOrigin: 3 } })
    app = await createApp(world)
    for (let n = 0; n < 3; n++) expect((await app.push()).status).toBe(201)
    const refused = await app.push()
    expect(refusal(refused)).toBe('429 temporarily_unavailable')
    expect(refused.headers.get('retry-after')).toBe('300')
    expect((await app.push({}, { from: 'network of bob' })).status).toBe(201)
    const first = String((await app.push({}, { from: 'network of carol' })).body['request_uri']).slice(-32)
    world.clock.advance(299)
    await app.push({}, { from: 'network of carol' })
    expect(world.store.requests.get(first)).not.toBeNull()
    world.clock.advance(1)
    expect((await app.push()).status).toBe(201)
    // Nor do those that are over stay.
    expect(world.store.requests.get(first)).toBeNull()
  })

  it('of all networks', async () => {
    world = createWorld({ limits: { requests: 2 } })
    app = await createApp(world)
    expect((await app.push({}, { from: 'a' })).status).toBe(201)
    expect((await app.push({}, { from: 'b' })).status).toBe(201)
    expect(refusal(await app.push({}, { from: 'c' }))).toBe('429 temporarily_unavailable')
  })

  it('are refused by whoever counts them, before anything is fetched', async () => {
    const asked: unknown[] = []
    world = createWorld({
      admit: (attempt) => {
        asked.push(attempt)
        return attempt.what === 'client' ? { ok: false, retryAfter: 7 } : { ok: true }
      },
    })
    app = await createApp(world)
    const refused = await app.push()
    expect(refusal(refused)).toBe('429 temporarily_unavailable')
    expect(refused.headers.get('retry-after')).toBe('7')
    const from = 'network of alice'
    expect(asked).toEqual([
      // One that asked for a nonce, of somebody whom nobody knows.
      { what: 'request', clientId: null, from: null },
      { what: 'request', clientId: null, from },
      { what: 'par', clientId: PUBLIC_ID, from },
      { what: 'client', clientId: PUBLIC_ID, from },
    ])
    expect(world.fetched).toEqual([])
  })

  it('are refused before a proof or a body is looked at, as anything at any endpoint', async () => {
    const failing = createWorld({ admit: () => Promise.reject(new Error('no counts')) })
    world = createWorld({ admit: () => ({ ok: false, retryAfter: 6.5 }) })
    for (const path of Object.values(PATHS).filter((one) => one !== PATHS.authorize)) {
      for (const method of ['GET', 'POST', 'OPTIONS', 'PUT']) {
        const body = method === 'POST' ? { body: 'x', headers: { 'content-type': 'text/plain' } } : {}
        const ask = async ({ server }: World, unlimited: boolean): Promise<Response> =>
          server.fetch(new Request(ISSUER + path, { method, ...body }), { from: 'here', unlimited })
        const refused = await ask(world, false)
        expect([path, method, refused.status, refused.headers.get('retry-after')]).toEqual([
          path,
          method,
          429,
          '7',
        ])
        expect(await refused.json()).toEqual({
          error: 'temporarily_unavailable',
          error_description: 'too many requests',
        })
        expect(refused.headers.get('access-control-allow-origin')).toBe('*')
        // Whoever is not counted gets what there is.
        expect((await ask(world, true)).status).not.toBe(429)
        expect((await ask(failing, false)).status).toBe(500)
      }
    }
    expect(failing.errors).not.toEqual([])
  })
})
