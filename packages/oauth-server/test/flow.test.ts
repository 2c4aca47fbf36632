// The whole way of an app: push, agree, tokens, a call, renewal, end.
import { describe, expect, it } from 'vitest'

import { ALICE, AUDIENCE, ISSUER } from './fixtures.ts'
import {
  BROWSER,
  callResource,
  CONFIDENTIAL_ID,
  confidentialDocument,
  createApp,
  createSigner,
  createWorld,
  LOOPBACK_ID,
  nonceOf,
  valueOf,
  WEB_REDIRECT,
} from './world.ts'

describe('a public client', () => {
  it('signs in, calls, renews and signs out', async () => {
    const world = createWorld()
    const app = await createApp(world)
    const pushed = await app.push()
    expect(pushed).toMatchObject({
      status: 201,
      body: {
        request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:req-[0-9a-f]{32}$/),
        expires_in: 300,
      },
    })
    expect(Object.fromEntries(pushed.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'DPoP-Nonce, WWW-Authenticate, Retry-After',
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'dpop-nonce': await nonceOf(world),
    })
    const visit = app.visit(pushed.body['request_uri'])
    const page = await world.server.open(visit)
    expect(page).toMatchObject({
      ok: true,
      value: {
        client: { kind: 'host', text: 'app.example.com', trusted: false, name: null },
        scopes: [
          { text: 'atproto', scope: { resource: 'atproto' } },
          { text: 'transition:generic', scope: { resource: 'transition', name: 'generic' } },
        ],
        sets: [],
        prompt: null,
        redirectSource: 'https://app.example.com',
      },
    })
    const back = await world.server.consent(visit, { did: ALICE, scope: 'atproto transition:generic' })
    if (!back.ok) throw new Error(back.error.message)
    expect(back.value.parameters.map(([name]) => name)).toEqual(['iss', 'state', 'code'])
    expect(valueOf(back.value, 'iss')).toBe(ISSUER)
    const answer = await app.exchange(valueOf(back.value, 'code')!)
    expect(answer).toMatchObject({
      status: 200,
      body: {
        access_token: expect.stringMatching(/^ey/),
        refresh_token: expect.stringMatching(/^ref-/),
        token_type: 'DPoP',
        scope: 'atproto transition:generic',
        expires_in: 900,
        sub: ALICE,
      },
    })
    const { access_token: access, refresh_token: refresh } = answer.body
    expect(await callResource(world, app.device, String(access))).toBe('ok')
    const renewed = await app.refresh(refresh)
    expect(renewed).toMatchObject({ status: 200, body: { sub: ALICE, scope: 'atproto transition:generic' } })
    expect(renewed.body['refresh_token']).not.toBe(refresh)
    expect(renewed.body['access_token']).not.toBe(access)
    expect(await callResource(world, app.device, String(renewed.body['access_token']))).toBe('ok')
    expect(await app.revoke(renewed.body['access_token'])).toMatchObject({ status: 200, body: {} })
    expect(await callResource(world, app.device, String(renewed.body['access_token']))).toBe('invalid_token')
    expect(world.errors).toEqual([])
    const types = world.events.map(({ type }) => type).filter((type) => type !== 'refused')
    expect(types).toEqual(['session-began', 'session-ended'])
  })

  it('has a token that says who gave it to whom, and for which key', async () => {
    const world = createWorld()
    const app = await createApp(world)
    const { access } = await app.signIn()
    const [header, payload] = access.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    expect(JSON.parse(header!)).toEqual({ alg: 'HS256', typ: 'at+jwt' })
    const now = world.clock.seconds()
    const [session] = world.store.sessions.list(ALICE)
    expect(JSON.parse(payload!)).toEqual({
      iss: ISSUER,
      aud: AUDIENCE,
      sub: ALICE,
      client_id: app.clientId,
      iat: now,
      exp: now + 900,
      jti: expect.stringMatching(/^tok-[\w-]{22}$/),
      sid: session!.id,
      cnf: { jkt: app.device.thumbprint },
    })
    expect(session).toMatchObject({ device: BROWSER, clientKey: null, expiresAt: now + 14 * 86_400 })
  })

  it('may send JSON, and empty fields', async () => {
    const world = createWorld()
    const app = await createApp(world)
    const empty = { client_assertion: '', client_assertion_type: '', refresh_token: '', prompt: '' }
    const pushed = await app.push(empty, { json: true })
    expect(pushed.status).toBe(201)
    const visit = app.visit(pushed.body['request_uri'])
    await world.server.open(visit)
    const back = await world.server.consent(visit, { did: ALICE, scope: 'atproto' })
    const code = back.ok ? valueOf(back.value, 'code')! : ''
    const answer = await app.exchange(code, empty, { json: true })
    expect(answer).toMatchObject({ status: 200, body: { scope: 'atproto' } })
    const renewed = await app.refresh(answer.body['refresh_token'], {}, { json: true })
    expect(renewed.status).toBe(200)
  })
})

describe('a client on the device of a person', () => {
  it('signs in without a document, by any port', async () => {
    const world = createWorld()
    const app = await createApp(world, { clientId: LOOPBACK_ID, redirect: 'http://127.0.0.1:49152/cb' })
    const { access } = await app.signIn()
    expect(await callResource(world, app.device, access)).toBe('ok')
    expect(world.fetched).toEqual([])
  })
})

describe('a client that proves who it is', () => {
  it.each(['in its document', 'by a URL'])('signs in and renews, with keys %s', async (where) => {
    const world = createWorld()
    const signer = await createSigner()
    const jwks = { keys: [signer.jwk] }
    const keysAt = 'https://web.example.com/jwks.json'
    world.hosted.set(keysAt, jwks)
    world.hosted.set(CONFIDENTIAL_ID, confidentialDocument(where === 'by a URL' ? keysAt : jwks))
    const app = await createApp(world, { clientId: CONFIDENTIAL_ID, redirect: WEB_REDIRECT, signer })
    const { access, refresh } = await app.signIn()
    expect(await callResource(world, app.device, access)).toBe('ok')
    expect((await app.refresh(refresh)).status).toBe(200)
    const [session] = world.store.sessions.list(ALICE)
    expect(session).toMatchObject({
      clientKey: { id: 'key-1', alg: 'ES256' },
      expiresAt: world.clock.seconds() + 180 * 86_400,
    })
    expect((await app.revoke(access)).body).toEqual({})
    expect(world.store.sessions.list(ALICE)).toEqual([])
  })
})
