// The documents of clients: which are good, which rule the others break, and what reaching them may cost.
import { fuzzRounds } from '@avocet/testing'
import * as fc from 'fast-check'
import { SignJWT } from 'jose'
import { beforeEach, describe, expect, it } from 'vitest'

import { parseClientId } from '../src/client/client-id.ts'
import { readKeys } from '../src/client/jwks.ts'
import { readLoopbackClient } from '../src/client/loopback.ts'
import { readClientMetadata } from '../src/client/metadata.ts'
import { FUZZ_TIMEOUT, ISSUER, type ProofChanges } from './fixtures.ts'
import {
  CONFIDENTIAL_ID,
  confidentialDocument,
  createApp,
  createSigner,
  createWorld,
  PUBLIC_ID,
  publicDocument,
  refusal,
  WEB_REDIRECT,
  type App,
  type Signer,
  type World,
} from './world.ts'

const read = (document: unknown, id = PUBLIC_ID): string => {
  const result = readClientMetadata(new URL(id), document)
  return result.ok ? 'good' : result.error
}

describe('a document', () => {
  it('may name scopes that nobody knows, and fields that nobody reads', () => {
    expect(read(publicDocument({ scope: 'atproto space:x foo', contacts: ['a'], client_name: 7 }))).toBe(
      'good',
    )
    expect(read(publicDocument({ subject_type: 'public', application_type: undefined }))).toBe('good')
    expect(read(publicDocument({ grant_types: ['authorization_code'] }))).toBe('good')
    expect(read(publicDocument({ client_uri: 'https://app.example.com' }))).toBe('good')
  })

  it.each([
    [{ client_id: `${PUBLIC_ID}/` }, 'client_id must be'],
    [{ client_id: PUBLIC_ID.toUpperCase() }, 'client_id must be'],
    [{ client_id: undefined }, 'client_id must be'],
    [{ scope: undefined }, 'scope must be a text'],
    [{ scope: 'transition:generic' }, 'scope must include atproto'],
    [{ scope: 'atproto atproto' }, 'scope must not name one scope twice'],
    [{ scope: 'atproto  x' }, 'scope must be separated by one space each'],
    [{ grant_types: undefined }, 'grant_types must include authorization_code'],
    [{ grant_types: ['refresh_token'] }, 'grant_types must include authorization_code'],
    [{ grant_types: ['authorization_code', 'implicit'] }, 'grant_types must be'],
    [{ response_types: ['token'] }, 'response_types must include code'],
    [{ response_types: 'code' }, 'response_types must include code'],
    [{ dpop_bound_access_tokens: undefined }, 'dpop_bound_access_tokens must be true'],
    [{ dpop_bound_access_tokens: 'true' }, 'dpop_bound_access_tokens must be true'],
    [{ redirect_uris: [] }, 'redirect_uris must be an array'],
    [{ redirect_uris: 'x' }, 'redirect_uris must be an array'],
    [
      { redirect_uris: Array.from({ length: 101 }, (_, n) => `https://a.example.com/${n}`) },
      'redirect_uris must be an array',
    ],
    [{ redirect_uris: [7] }, 'redirect_uris must be URLs'],
    [{ redirect_uris: [`https://a.example.com/${'x'.repeat(2048)}`] }, 'redirect_uris must be URLs'],
    [{ redirect_uris: ['https://a.example.com/\n'] }, 'redirect_uris must be URLs'],
    [{ redirect_uris: ['https://localhost/cb'] }, 'redirect_uris of https must not be on this machine'],
    [{ redirect_uris: ['https://127.0.0.1/cb'] }, 'redirect_uris of https must not be on this machine'],
    [{ redirect_uris: ['https://u@a.example.com/cb'] }, 'redirect_uris must not have a user'],
    [{ redirect_uris: ['https://a.example.com/cb#'] }, 'redirect_uris must not have a fragment'],
    [{ redirect_uris: ['https://a.example.com/cb?iss=x'] }, 'redirect_uris must not have the parameter iss'],
    [{ redirect_uris: ['http://127.0.0.1/cb'] }, 'redirect_uris of http are for application_type native'],
    [{ redirect_uris: ['http://a.example.com/cb'] }, 'redirect_uris of http must be on this machine'],
    [{ redirect_uris: ['com.example.app:/cb'] }, 'redirect_uris of a private scheme are for'],
    [{ redirect_uris: ['javascript:alert(1)'] }, 'redirect_uris of a private scheme are for'],
    [{ application_type: 'ios' }, 'application_type must be'],
    [{ subject_type: 'pairwise' }, 'subject_type must be'],
    [{ client_uri: 'https://other.example.com' }, 'client_uri must be'],
    [{ client_uri: 'https://app.example.com/other' }, 'client_uri must be'],
    [{ client_uri: 7 }, 'client_uri must be'],
    [{ id_token_signed_response_alg: 'ES256' }, 'id_token_signed_response_alg is for OpenID'],
    [{ userinfo_signed_response_alg: 'ES256' }, 'userinfo_signed_response_alg is for OpenID'],
    [{ token_endpoint_auth_method: undefined }, 'token_endpoint_auth_method must be'],
    [{ token_endpoint_auth_method: 'client_secret_basic' }, 'token_endpoint_auth_method must be'],
    [{ token_endpoint_auth_signing_alg: 'ES256' }, 'token_endpoint_auth_signing_alg must be absent'],
  ])('%j', (changes, rule) => {
    expect(read(publicDocument(changes))).toContain(rule)
  })

  it.each([
    ['com.example.app:/cb', 'good'],
    ['http://127.0.0.1/cb', 'good'],
    ['http://[::1]:80/cb', 'good'],
    ['http://localhost/cb', 'not localhost'],
    ['http://app.localhost/cb', 'not localhost'],
    ['http://127.0.0.2/cb', 'not localhost'],
    ['com.example.app://cb', 'one slash after the colon'],
    ['com.example.app:cb', 'one slash after the colon'],
    ['com.example.other:/cb', 'of the scheme com.example.app:'],
    ['app.example.com:/cb', 'of the scheme com.example.app:'],
  ])('of a native app with the redirect %s: %s', (uri, rule) => {
    expect(read(publicDocument({ application_type: 'native', redirect_uris: [uri] }))).toContain(rule)
  })

  it.each([
    [{ token_endpoint_auth_signing_alg: undefined }, 'token_endpoint_auth_signing_alg must be one of'],
    [{ token_endpoint_auth_signing_alg: 'HS256' }, 'token_endpoint_auth_signing_alg must be one of'],
    [{ token_endpoint_auth_signing_alg: 'none' }, 'token_endpoint_auth_signing_alg must be one of'],
    [{ jwks_uri: 'https://web.example.com/jwks.json' }, 'one of jwks and jwks_uri'],
    [{ jwks: undefined }, 'one of jwks and jwks_uri'],
    [{ jwks: undefined, jwks_uri: 'http://web.example.com/jwks.json' }, 'jwks_uri must be an https URL'],
    [{ jwks: undefined, jwks_uri: 'https://u@web.example.com/jwks' }, 'jwks_uri must be an https URL'],
    [{ jwks: { keys: {} } }, 'jwks must be a set'],
    [{ jwks: { keys: Array.from({ length: 101 }, () => ({})) } }, 'jwks must be a set'],
    [{ application_type: 'native' }, 'token_endpoint_auth_method must be none'],
    [{}, 'good'],
  ])('of a client with keys: %j', (changes, rule) => {
    const document = confidentialDocument({ keys: [] }, changes)
    expect(read(document, CONFIDENTIAL_ID)).toContain(rule)
  })

  it(
    'of any kind is read without a throw',
    () => {
      const odd = fc.oneof(
        fc.jsonValue(),
        fc.array(fc.webUrl()),
        fc.webUrl(),
        fc.constantFrom('native', 'none'),
      )
      const changes = fc.dictionary(
        fc.constantFrom(...Object.keys(publicDocument()), 'jwks', 'jwks_uri', 'client_uri', '__proto__'),
        odd,
      )
      fc.assert(
        fc.property(changes, (given) => {
          expect(read(publicDocument(given)).length).toBeGreaterThan(3)
        }),
        { numRuns: fuzzRounds(300, 150_000) },
      )
      fc.assert(
        fc.property(fc.jsonValue(), (given) => {
          expect(read(given)).not.toBe('good')
        }),
        { numRuns: fuzzRounds(300, 150_000) },
      )
    },
    FUZZ_TIMEOUT,
  )
})

describe('a client id', () => {
  it(
    'of any kind is read without a throw, and is in its normal form',
    () => {
      const texts = fc.oneof(
        fc.string(),
        fc.webUrl({ withQueryParameters: true, withFragments: true }),
        fc.string().map((text) => `http://localhost?${text}`),
      )
      fc.assert(
        fc.property(texts, (id) => {
          const result = parseClientId(id)
          if (!result.ok) expect(result.error).toMatch(/^client_id /)
          else if (result.value.kind === 'document') expect(new URL(id).href).toBe(id)
          else expect(typeof readLoopbackClient(id, result.value.query).ok).toBe('boolean')
        }),
        { numRuns: fuzzRounds(300, 150_000) },
      )
    },
    FUZZ_TIMEOUT,
  )
})

describe('a set of keys', () => {
  it('is read without those that are of no use here', () => {
    const ec = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: 'k' }
    const kids = (keys: unknown[]): unknown => readKeys({ keys })?.map(({ kid }) => kid)
    expect(kids([ec, { ...ec, kid: 'l', use: 'sig', key_ops: ['verify'], alg: 'ES256' }])).toEqual(['k', 'l'])
    for (const odd of [
      { use: 'enc' },
      { key_ops: ['encrypt'] },
      { key_ops: 'verify' },
      { kty: 'oct' },
      { kid: undefined },
      { kid: '' },
      { kid: 'x'.repeat(257) },
      { d: 'secret' },
      { alg: 'HS256' },
      { x: 7 },
      { x: 'x'.repeat(1401) },
    ]) {
      expect(kids([{ ...ec, ...odd }, ec])).toEqual(['k'])
    }
    expect(kids([null, 7, 'x', []])).toEqual([])
    expect(readKeys([])).toBeNull()
    expect(readKeys({ keys: 'x' })).toBeNull()
  })
})

describe('reaching a document', () => {
  let world: World
  let app: App
  beforeEach(async () => {
    world = createWorld()
    app = await createApp(world)
  })

  const json = (body: BodyInit | null, init: ResponseInit = {}): Response =>
    new Response(body, { headers: { 'content-type': 'application/json' }, ...init })

  it.each([
    ['not found', () => new Response('', { status: 404 })],
    ['a redirect', () => new Response('', { status: 302, headers: { location: 'https://x.example.com' } })],
    ['of another success', () => json('{}', { status: 203 })],
    ['a page', () => new Response('{}', { headers: { 'content-type': 'text/html' } })],
    [
      'of a type that is near',
      () => new Response('{}', { headers: { 'content-type': 'application/jsonp' } }),
    ],
    [
      'said to be too long',
      () => json('{}', { headers: { 'content-type': 'application/json', 'content-length': '524289' } }),
    ],
    ['too long', () => json(JSON.stringify(publicDocument({ x: 'x'.repeat(524_288) })))],
    ['no JSON', () => json('{')],
    ['empty', () => json(null)],
    ['an array', () => json('[]')],
  ])('that is %s: the client is told so', async (_, answer) => {
    world.hosted.set(PUBLIC_ID, answer())
    expect(refusal(await app.push())).toBe('400 invalid_client_metadata')
    // Nor is its host asked again at once.
    await app.push()
    expect(world.fetched).toHaveLength(1)
    world.clock.advance(5)
    world.hosted.set(PUBLIC_ID, publicDocument())
    expect((await app.push()).status).toBe(201)
  })

  it('that is as long as it may be works', async () => {
    const without = JSON.stringify(publicDocument({ x: '' })).length
    world.hosted.set(PUBLIC_ID, json(JSON.stringify(publicDocument({ x: 'x'.repeat(524_288 - without) }))))
    expect((await app.push()).status).toBe(201)
  })

  it('stops at the bound, however much there is', async () => {
    let sent = 0
    const body = new ReadableStream({
      pull: (controller) => {
        sent += 65_536
        controller.enqueue(new Uint8Array(65_536).fill(32))
      },
    })
    world.hosted.set(PUBLIC_ID, json(body))
    expect(refusal(await app.push())).toBe('400 invalid_client_metadata')
    expect(sent).toBeLessThan(1_000_000)
  })

  it('at a host that cannot be reached is tried again by the next request', async () => {
    world.hosted.set(PUBLIC_ID, new Error('connect ECONNREFUSED 10.0.0.7:443'))
    const refused = await app.push()
    expect(refusal(refused)).toBe('400 invalid_client_metadata')
    expect(refused.body['error_description']).not.toContain('10.0.0.7')
    world.hosted.set(PUBLIC_ID, publicDocument())
    expect((await app.push()).status).toBe(201)
  })

  it('that a guard refuses says so', async () => {
    const blocked = Object.assign(new Error('10.0.0.7 is private'), { code: 'blocked-address' })
    world.hosted.set(PUBLIC_ID, blocked)
    const refused = await app.push()
    expect(refusal(refused)).toBe('400 invalid_client_metadata')
    expect(refused.body['error_description']).toContain('blocked-address')
    expect(refused.body['error_description']).not.toContain('10.0.0.7')
  })

  it('happens once for all who ask at once, and once in ten minutes', async () => {
    let asked = 0
    const all = Promise.withResolvers<void>()
    world = createWorld({
      admit: ({ what }) => {
        if (what === 'client' && ++asked === 10) all.resolve()
        return { ok: true }
      },
    })
    app = await createApp(world)
    world.hosted.set(PUBLIC_ID, async () => {
      await all.promise
      return Response.json(publicDocument())
    })
    const pushes = Array.from({ length: 10 }, async () => (await createApp(world)).push())
    expect((await Promise.all(pushes)).map(({ status }) => status)).toEqual(
      Array.from({ length: 10 }, () => 201),
    )
    expect(world.fetched).toEqual([PUBLIC_ID])
    world.clock.advance(599)
    await app.push()
    expect(world.fetched).toHaveLength(1)
    world.clock.advance(1)
    await app.push()
    expect(world.fetched).toHaveLength(2)
  })

  it('of one slow host keeps no other one waiting', async () => {
    world = createWorld({ limits: { clientFetches: 64 } })
    app = await createApp(world)
    const waiting: ((answer: Response) => void)[] = []
    const slow = (n: number): string => `https://slow.example.com/${n}.json`
    for (let n = 0; n < 3; n++) {
      world.hosted.set(slow(n), () => new Promise((resolve) => waiting.push(resolve)))
    }
    const pushes = [0, 1].map((n) => app.push({ client_id: slow(n) }))
    await expect.poll(() => waiting.length).toBe(2)
    const third = await app.push({ client_id: slow(2) })
    expect(refusal(third)).toBe('503 temporarily_unavailable')
    expect((await app.push()).status).toBe(201)
    for (const answer of waiting) answer(new Response('', { status: 404 }))
    expect((await Promise.all(pushes)).map(refusal)).toEqual([
      '400 invalid_client_metadata',
      '400 invalid_client_metadata',
    ])
    expect(refusal(await app.push({ client_id: slow(0) }))).toBe('400 invalid_client_metadata')
  })

  it('is forgotten first for the client that was used longest ago', async () => {
    world = createWorld({ limits: { clientCacheBytes: 2 * 5000 } })
    app = await createApp(world)
    const id = (n: number): string => `https://app.example.com/${n}.json`
    for (let n = 0; n < 4; n++) {
      world.hosted.set(id(n), publicDocument({ client_id: id(n), x: 'x'.repeat(100) }))
      await app.push({ client_id: id(n) })
    }
    expect(world.fetched).toEqual([0, 1, 2, 3].map(id))
    await app.push({ client_id: id(3) })
    expect(world.fetched).toHaveLength(4)
    await app.push({ client_id: id(0) })
    expect(world.fetched).toHaveLength(5)
  })
})

describe('an assertion', () => {
  let world: World
  let signer: Signer
  let web: App
  beforeEach(async () => {
    world = createWorld()
    signer = await createSigner()
    world.hosted.set(CONFIDENTIAL_ID, confidentialDocument({ keys: [signer.jwk] }))
    web = await createApp(world, { clientId: CONFIDENTIAL_ID, redirect: WEB_REDIRECT, signer })
  })

  const pushed = async (changes: ProofChanges): Promise<string> =>
    refusal(await web.push({ client_assertion: await signer.assert(world.clock, changes) }))
  const at = (seconds: number): ProofChanges => ({ claims: { iat: world.clock.seconds() + seconds } })

  it('is of the last minute, and clocks may differ by half of one', async () => {
    const exp = world.clock.seconds() + 300
    const both = (seconds: number): ProofChanges => ({ claims: { ...at(seconds).claims, exp } })
    expect(await pushed(both(-90))).toBe('201 undefined')
    expect(await pushed(both(-91))).toBe('400 invalid_client')
    expect(await pushed(both(30))).toBe('201 undefined')
    expect(await pushed(both(31))).toBe('400 invalid_client')
    expect(await pushed(both(-300))).toBe('400 invalid_client')
  })

  it.each([
    ['no iat', { claims: { iat: undefined } }],
    ['no jti', { claims: { jti: undefined } }],
    ['a long jti', { claims: { jti: 'x'.repeat(257) } }],
    ['the issuer of another server', { claims: { aud: 'https://other.example.com' } }],
    ['several audiences', { claims: { aud: [ISSUER, 'https://other.example.com'] } }],
    ['an endpoint as its audience', { claims: { aud: `${ISSUER}/oauth/token` } }],
    ['another iss', { claims: { iss: PUBLIC_ID } }],
    ['another sub', { claims: { sub: PUBLIC_ID } }],
    ['no kid', { header: { kid: undefined } }],
    ['a foreign kid', { header: { kid: 'key-2' } }],
    ['an end in the past', { claims: { exp: 1_799_999_970 } }],
    ['a begin to come', { claims: { nbf: 1_800_000_031 } }],
    ['the key of another proof', { claims: { cnf: { jkt: 'x' } } }],
  ] satisfies [string, ProofChanges][])('with %s is refused', async (_, changes) => {
    expect(await pushed(changes)).toBe('400 invalid_client')
  })

  it('may name the key of the proof, have one audience in a list, and no end', async () => {
    expect(await pushed({ claims: { cnf: { jkt: web.device.thumbprint } } })).toBe('201 undefined')
    expect(await pushed({ claims: { aud: [ISSUER], exp: undefined } })).toBe('201 undefined')
  })

  it('is used once, by each client', async () => {
    const client_assertion = await signer.assert(world.clock)
    expect((await web.push({ client_assertion })).status).toBe(201)
    expect(refusal(await web.push({ client_assertion }))).toBe('400 invalid_client')
  })

  it('is of another key than the proof', async () => {
    const { jwk, privateKey } = web.device
    world.hosted.set(CONFIDENTIAL_ID, confidentialDocument({ keys: [{ ...jwk, kid: 'key-1' }] }))
    const claims = { iss: CONFIDENTIAL_ID, sub: CONFIDENTIAL_ID, aud: ISSUER, jti: 'x' }
    const client_assertion = await new SignJWT({ ...claims, iat: world.clock.seconds() })
      .setProtectedHeader({ alg: 'ES256', kid: 'key-1' })
      .sign(privateKey)
    expect(refusal(await web.push({ client_assertion }))).toBe('400 invalid_client')
    expect(await pushed({})).toBe('400 invalid_client')
  })

  it('has the alg that the document names', async () => {
    const [, payload, signature] = (await signer.assert(world.clock)).split('.')
    for (const alg of ['none', 'HS256', 'ES384']) {
      const header = Buffer.from(JSON.stringify({ alg, kid: 'key-1' })).toString('base64url')
      const client_assertion = `${header}.${payload}.${signature}`
      expect(refusal(await web.push({ client_assertion }))).toBe('400 invalid_client')
    }
  })

  it('by a new key is taken once its set is read again, which made-up ids do not make happen', async () => {
    const keysAt = 'https://web.example.com/jwks.json'
    world = createWorld()
    world.hosted.set(keysAt, { keys: [signer.jwk] })
    world.hosted.set(CONFIDENTIAL_ID, confidentialDocument(keysAt))
    web = await createApp(world, { clientId: CONFIDENTIAL_ID, redirect: WEB_REDIRECT, signer })
    expect((await web.push()).status).toBe(201)
    const next = await createSigner('key-2')
    world.hosted.set(keysAt, { keys: [signer.jwk, next.jwk] })
    const push = async (): Promise<string> =>
      refusal(await web.push({ client_assertion: await next.assert(world.clock) }))
    expect(await push()).toBe('400 invalid_client')
    expect(await push()).toBe('400 invalid_client')
    expect(world.fetched).toEqual([CONFIDENTIAL_ID, keysAt])
    world.clock.advance(30)
    expect(await push()).toBe('201 undefined')
    expect(world.fetched).toEqual([CONFIDENTIAL_ID, keysAt, keysAt])
  })

  it(
    'of any kind is refused without a throw',
    async () => {
      const part = fc.oneof(
        fc.json().map((text) => Buffer.from(text).toString('base64url')),
        fc.string(),
        fc.constant(Buffer.from('{"alg":"ES256","kid":"key-1"}').toString('base64url')),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 4 }), async (parts) => {
          const text = parts.join('.')
          fc.pre(text !== '')
          expect(refusal(await web.push({ client_assertion: text }))).toBe('400 invalid_client')
        }),
        { numRuns: fuzzRounds(60, 30_000) },
      )
      expect(world.errors).toEqual([])
    },
    FUZZ_TIMEOUT,
  )
})
