// The documents, methods and headers of the endpoints, and bodies of all kinds.
import { fuzzRounds } from '@avocet/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { createOAuthKeys, createOAuthServer, createReplayGuard, PATHS } from '../src/index.ts'
import { createTestClock, FUZZ_TIMEOUT, ISSUER } from './fixtures.ts'
import { answered, createWorld, nonceOf, refusal } from './world.ts'

const world = createWorld({ documentation: 'https://docs.example.com', locales: ['en', 'de'] })
const call = (path: string, init: RequestInit = {}): Promise<Response> =>
  world.server.fetch(new Request(ISSUER + path, init))

describe('documents', () => {
  it('tell what the server is', async () => {
    const response = await call('/.well-known/oauth-authorization-server')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(response.headers.get('cache-control')).toBe('max-age=300')
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(await response.json()).toEqual({
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/oauth/authorize`,
      token_endpoint: `${ISSUER}/oauth/token`,
      pushed_authorization_request_endpoint: `${ISSUER}/oauth/par`,
      revocation_endpoint: `${ISSUER}/oauth/revoke`,
      jwks_uri: `${ISSUER}/oauth/jwks`,
      require_pushed_authorization_requests: true,
      scopes_supported: ['atproto', 'transition:email', 'transition:generic', 'transition:chat.bsky'],
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'fragment', 'form_post'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      subject_types_supported: ['public'],
      token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: [
        'ES256',
        'ES384',
        'ES512',
        'RS256',
        'RS384',
        'RS512',
        'PS256',
        'PS384',
        'PS512',
      ],
      dpop_signing_alg_values_supported: ['ES256'],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
      protected_resources: [ISSUER],
      request_parameter_supported: false,
      request_uri_parameter_supported: true,
      require_request_uri_registration: true,
      prompt_values_supported: ['none', 'login', 'consent', 'select_account', 'create'],
      ui_locales_supported: ['en', 'de'],
      display_values_supported: ['page', 'popup', 'touch'],
    })
  })

  it('tell what the resource is, and that there are no public keys', async () => {
    const resource = await answered(await call('/.well-known/oauth-protected-resource'))
    expect(resource.body).toEqual({
      resource: ISSUER,
      authorization_servers: [ISSUER],
      scopes_supported: [],
      bearer_methods_supported: ['header'],
      resource_documentation: 'https://docs.example.com',
    })
    expect(resource.headers.get('access-control-allow-origin')).toBe('*')
    expect((await answered(await call('/oauth/jwks'))).body).toEqual({ keys: [] })
  })
})

describe('methods', () => {
  it('are those of each endpoint', async () => {
    const status = async (path: string, method: string): Promise<string> => {
      const response = await call(path, { method })
      return `${response.status} ${response.headers.get('allow') ?? ''}`
    }
    expect(await status(PATHS.par, 'GET')).toBe('405 POST, OPTIONS')
    expect(await status(PATHS.token, 'PUT')).toBe('405 POST, OPTIONS')
    expect(await status(PATHS.server, 'POST')).toBe('405 GET, HEAD, OPTIONS')
    expect(await status(PATHS.jwks, 'HEAD')).toBe('200 ')
    expect(await status(PATHS.authorize, 'GET')).toBe('404 ')
    expect(await status('/constructor', 'GET')).toBe('404 ')
  })

  it('are told to browsers of other origins, without cookies', async () => {
    const response = await call(PATHS.token, { method: 'OPTIONS' })
    expect(response.status).toBe(204)
    expect(Object.fromEntries(response.headers)).toEqual({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
      'access-control-allow-headers': 'Content-Type, DPoP',
      'access-control-expose-headers': 'DPoP-Nonce, WWW-Authenticate, Retry-After',
      'access-control-max-age': '86400',
    })
  })
})

describe('a body', () => {
  const post = async (body: BodyInit | null, type = 'application/x-www-form-urlencoded'): Promise<string> => {
    const answer = await answered(
      await call(PATHS.par, {
        method: 'POST',
        body,
        headers: { 'content-type': type },
        duplex: 'half',
      } as RequestInit),
    )
    expect(answer.headers.get('dpop-nonce')).toBe(await nonceOf(world))
    return `${refusal(answer)}: ${String(answer.body['error_description'])}`
  }

  it.each([
    [
      'a=1',
      'text/plain',
      '400 invalid_request: the body must be application/x-www-form-urlencoded or application/json',
    ],
    [
      'a=1',
      'multipart/form-data',
      '400 invalid_request: the body must be application/x-www-form-urlencoded or application/json',
    ],
    [
      'client_id=a&client_id=b',
      'application/x-www-form-urlencoded',
      '400 invalid_request: a parameter is there more than once',
    ],
    ['', 'application/x-www-form-urlencoded;charset=utf-8', '400 invalid_request: client_id is missing'],
    ['client_id=', 'Application/X-WWW-Form-Urlencoded', '400 invalid_request: client_id is missing'],
    ['{', 'application/json', '400 invalid_request: the body must be a JSON object of texts'],
    ['["client_id"]', 'application/json', '400 invalid_request: the body must be a JSON object of texts'],
    ['{"client_id":7}', 'application/json', '400 invalid_request: the body must be a JSON object of texts'],
    ['{"client_id":null}', 'application/json', '400 invalid_request: client_id is missing'],
  ])('%s as %s', async (body, type, expected) => {
    expect(await post(body, type)).toBe(expected)
  })

  it('has up to a hundred parameters, and 100 KiB', async () => {
    const params = (count: number): string => Array.from({ length: count }, (_, n) => `p${n}=x`).join('&')
    expect(await post(params(100))).toBe('400 invalid_request: client_id is missing')
    expect(await post(params(101))).toBe('400 invalid_request: the body has more than 100 parameters')
    const large = '413 invalid_request: the body is of more than 102400 bytes'
    expect(await post('x'.repeat(102_400))).toBe('400 invalid_request: client_id is missing')
    expect(await post('x'.repeat(102_401))).toBe(large)
  })

  it('without an end is given up at the bound', async () => {
    let sent = 0
    const body = new ReadableStream({
      pull: (controller) => {
        sent += 16_384
        controller.enqueue(new Uint8Array(16_384).fill(97))
      },
    })
    expect(await post(body)).toBe('413 invalid_request: the body is of more than 102400 bytes')
    expect(sent).toBeLessThan(300_000)
  })

  it('that breaks off is no request', async () => {
    const body = new ReadableStream({
      pull: (controller) => controller.error(new Error('gone')),
    })
    expect(await post(body)).toBe('400 invalid_request: the body could not be read')
  })

  it(
    'of any kind is answered, and nothing throws',
    async () => {
      const names = fc.constantFrom(
        'client_id',
        'scope',
        'redirect_uri',
        'grant_type',
        'token',
        'refresh_token',
        'code',
        'x',
        '__proto__',
      )
      const value = fc.oneof(
        fc.string(),
        fc.constantFrom('http://localhost', 'refresh_token', 'authorization_code', 'atproto'),
      )
      const form = fc
        .array(fc.tuple(names, value), { maxLength: 6 })
        .map((pairs) => new URLSearchParams(pairs).toString())
      const path = fc.constantFrom(PATHS.par, PATHS.token, PATHS.revoke)
      const type = fc.constantFrom('application/json', 'application/x-www-form-urlencoded')
      await fc.assert(
        fc.asyncProperty(path, type, fc.oneof(form, fc.json(), fc.string()), async (to, kind, body) => {
          const response = await call(to, { method: 'POST', body, headers: { 'content-type': kind } })
          expect([200, 400]).toContain(response.status)
          if (response.status === 400) {
            const { error, error_description: text } = (await response.json()) as Record<string, string>
            expect(error).toMatch(/^[a-z_]+$/)
            expect(text).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,410}$/)
          }
        }),
        { numRuns: fuzzRounds(300, 150_000) },
      )
      expect(world.errors).toEqual([])
    },
    FUZZ_TIMEOUT,
  )
})

describe('a guard against replay', () => {
  it('knows what was used until it may be forgotten', () => {
    const clock = createTestClock(0)
    const guard = createReplayGuard({ now: clock.now })
    expect(guard.use('a', 1000)).toBe(true)
    expect(guard.use('a', 1000)).toBe(false)
    expect(guard.use('b', 1000)).toBe(true)
    clock.advance(1)
    expect(guard.use('a', 2000)).toBe(true)
  })

  it('forgets the oldest when it is full', () => {
    const clock = createTestClock(0)
    const guard = createReplayGuard({ now: clock.now, maxEntries: 2 })
    expect(['a', 'b', 'c'].map((key) => guard.use(key, 1000))).toEqual([true, true, true])
    expect(guard.use('c', 1000)).toBe(false)
    expect(guard.use('a', 1000)).toBe(true)
  })
})

describe('settings', () => {
  const create = (issuer: string): unknown =>
    createOAuthServer({
      issuer,
      audience: () => 'did:web:x',
      keys: createOAuthKeys([new Uint8Array(32)]),
      store: world.store,
      accounts: { status: () => null },
      fetch: () => Promise.reject(new Error('no network')),
    })

  it.each([
    'https://pds.example.com/',
    'https://pds.example.com/path',
    'http://pds.example.com',
    'ftp://pds.example.com',
    'pds.example.com',
  ])('refuse the issuer %s', (issuer) => {
    expect(() => create(issuer)).toThrow(expect.objectContaining({ code: 'bad-option' }))
  })

  it.each(['https://pds.example.com', 'http://localhost:2583', 'http://127.0.0.1:2583'])(
    'take the issuer %s',
    (issuer) => {
      expect(create(issuer)).toHaveProperty('fetch')
    },
  )

  it('refuse no secret, and a short one', () => {
    for (const secrets of [[], [new Uint8Array(31)], [new Uint8Array(32), new Uint8Array(31)]]) {
      expect(() => createOAuthKeys(secrets)).toThrow(expect.objectContaining({ code: 'bad-option' }))
    }
  })
})
