// Codes and refresh tokens in the wrong hands, twice, or too late.
import { beforeEach, describe, expect, it } from 'vitest'

import { ALICE, createDevice, ISSUER } from './fixtures.ts'
import {
  callResource,
  CONFIDENTIAL_ID,
  confidentialDocument,
  createApp,
  createSigner,
  createWorld,
  nonceOf,
  PUBLIC_ID,
  publicDocument,
  refusal,
  WEB_REDIRECT,
  type App,
  type Signer,
  type World,
} from './world.ts'

let world: World
let app: App

beforeEach(async () => {
  world = createWorld()
  app = await createApp(world)
})

const DAY = 86_400
const sessions = (): number => world.store.sessions.list(ALICE).length

describe('a code', () => {
  it('is good for a minute', async () => {
    const code = await app.code()
    world.clock.advance(59)
    expect((await app.exchange(code)).status).toBe(200)
    const late = await app.code()
    world.clock.advance(60)
    expect(refusal(await app.exchange(late))).toBe('400 invalid_grant')
  })

  it('is not lost by a proof without a good nonce', async () => {
    const code = await app.code()
    const answer = await app.exchange(code, {}, { claims: { nonce: undefined } })
    expect(refusal(answer)).toBe('400 use_dpop_nonce')
    expect(refusal(await app.exchange(code, {}, { nonce: 'forged' }))).toBe('400 use_dpop_nonce')
    expect(refusal(await app.exchange(code, {}, { proof: null }))).toBe('400 invalid_dpop_proof')
    expect(refusal(await app.exchange(code, {}, { claims: { ath: 'x' } }))).toBe('400 invalid_dpop_proof')
    const nonce = answer.headers.get('dpop-nonce')!
    expect((await app.exchange(code, {}, { nonce })).status).toBe(200)
  })

  it('used twice ends what it gave', async () => {
    const code = await app.code()
    const { body } = await app.exchange(code)
    const access = String(body['access_token'])
    expect(await callResource(world, app.device, access)).toBe('ok')
    expect(refusal(await app.exchange(code))).toBe('400 invalid_grant')
    expect(await callResource(world, app.device, access)).toBe('invalid_token')
    expect(refusal(await app.refresh(body['refresh_token']))).toBe('400 invalid_grant')
    expect(world.events).toContainEqual(expect.objectContaining({ why: 'code-replayed' }))
  })

  it('used by two at once gives one session at most, and none that lives', async () => {
    const code = await app.code()
    const answers = await Promise.all([app.exchange(code), app.exchange(code)])
    expect(answers.map(refusal).toSorted()).toEqual(['200 undefined', '400 invalid_grant'])
    expect(sessions()).toBe(0)
  })

  it('shown by somebody who only saw it uses nothing up', async () => {
    const code = await app.code()
    const thief = await createDevice()
    expect(refusal(await app.exchange(code, {}, { by: thief }))).toBe('400 invalid_grant')
    expect((await app.exchange(code)).status).toBe(200)
    expect(refusal(await app.exchange(code, {}, { by: thief }))).toBe('400 invalid_grant')
    expect(sessions()).toBe(1)
  })

  it.each([
    [{ redirect_uri: 'https://app.example.com/other' }, '400 invalid_grant'],
    [{ code_verifier: 'x'.repeat(43) }, '400 invalid_grant'],
  ])('with %j is used up', async (changes, expected) => {
    const code = await app.code()
    expect(refusal(await app.exchange(code, changes))).toBe(expected)
    expect(refusal(await app.exchange(code))).toBe('400 invalid_grant')
    expect(sessions()).toBe(0)
  })

  it.each([
    [{ redirect_uri: undefined }],
    [{ code_verifier: undefined }],
    [{ code_verifier: 'x'.repeat(42) }],
    [{ code_verifier: 'x'.repeat(129) }],
    [{ code_verifier: `${'x'.repeat(43)}!` }],
    [{ code: undefined }],
    [{ client_id: undefined }],
  ])('is not looked at with %j', async (changes) => {
    const code = await app.code()
    expect(refusal(await app.exchange(code, changes))).toBe('400 invalid_request')
    expect((await app.exchange(code)).status).toBe(200)
  })

  it('of another client is used up', async () => {
    const other = 'https://other.example.com/client.json'
    world.hosted.set(other, publicDocument({ client_id: other }))
    const code = await app.code()
    expect(refusal(await app.exchange(code, { client_id: other }))).toBe('400 invalid_grant')
    expect(refusal(await app.exchange(code))).toBe('400 invalid_grant')
  })

  it('that was never given is not known', async () => {
    await app.push()
    for (const code of [`cod-${'0'.repeat(64)}`, 'x', 'x'.repeat(10_000)]) {
      expect(refusal(await app.exchange(code))).toBe('400 invalid_grant')
    }
  })

  it('of an account that was taken down meanwhile gives nothing', async () => {
    const code = await app.code()
    world.accounts.set(ALICE, 'takendown')
    expect(refusal(await app.exchange(code))).toBe('400 invalid_grant')
    world.accounts.set(ALICE, 'active')
    expect(refusal(await app.exchange(code))).toBe('400 invalid_grant')
  })
})

describe('a grant', () => {
  it.each(['password', 'client_credentials', 'implicit', 'x'])(
    'of type %s is not supported',
    async (type) => {
      const answer = await app.exchange('x', { grant_type: type })
      expect(refusal(answer)).toBe('400 unsupported_grant_type')
    },
  )

  it('without a type is no request', async () => {
    expect(refusal(await app.exchange('x', { grant_type: undefined }))).toBe('400 invalid_request')
  })

  it('of renewal is for clients whose document says so', async () => {
    world.hosted.set(PUBLIC_ID, publicDocument({ grant_types: ['authorization_code'] }))
    const answer = await app.exchange(await app.code())
    expect(answer.status).toBe(200)
    expect(answer.body).not.toHaveProperty('refresh_token')
    expect(refusal(await app.refresh('x'))).toBe('400 unauthorized_client')
    const access = String(answer.body['access_token'])
    world.clock.advance(899)
    expect(await callResource(world, app.device, access)).toBe('ok')
    world.clock.advance(1)
    expect(await callResource(world, app.device, access)).toBe('invalid_token')
  })
})

describe('a refresh token', () => {
  it('gives twenty at once the same successor, and loses no session', async () => {
    const { refresh } = await app.signIn()
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.refresh(refresh)))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect((await app.refresh(answers[0]!.body['refresh_token'])).status).toBe(200)
    expect(sessions()).toBe(1)
  })

  it('whose answer was lost gives the same one for a minute', async () => {
    const { refresh } = await app.signIn()
    const first = await app.refresh(refresh)
    world.clock.advance(59)
    const again = await app.refresh(refresh)
    expect(again.body).toEqual({ ...first.body, expires_in: 900 - 59 })
    world.clock.advance(1)
    expect(refusal(await app.refresh(refresh))).toBe('400 invalid_grant')
    expect(sessions()).toBe(0)
    expect(await callResource(world, app.device, String(first.body['access_token']))).toBe('invalid_token')
    expect(world.events).toContainEqual(expect.objectContaining({ why: 'refresh-replayed' }))
  })

  it('of two generations ago ends the session at once', async () => {
    const { refresh } = await app.signIn()
    const second = await app.refresh(refresh)
    const third = await app.refresh(second.body['refresh_token'])
    expect(third.status).toBe(200)
    expect(refusal(await app.refresh(refresh))).toBe('400 invalid_grant')
    expect(await callResource(world, app.device, String(third.body['access_token']))).toBe('invalid_token')
    expect(refusal(await app.refresh(third.body['refresh_token']))).toBe('400 invalid_grant')
  })

  it('shown with another key, or by another client, ends nothing', async () => {
    const { refresh } = await app.signIn()
    const thief = await createDevice()
    expect(refusal(await app.refresh(refresh, {}, { by: thief }))).toBe('400 invalid_grant')
    const other = 'https://other.example.com/client.json'
    world.hosted.set(other, publicDocument({ client_id: other }))
    expect(refusal(await app.refresh(refresh, { client_id: other }))).toBe('400 invalid_grant')
    const next = await app.refresh(refresh)
    expect(next.status).toBe(200)
    // Nor does an old one in the wrong hands.
    await app.refresh(next.body['refresh_token'])
    expect(refusal(await app.refresh(refresh, {}, { by: thief }))).toBe('400 invalid_grant')
    expect(sessions()).toBe(1)
  })

  it('is not lost by a proof without a good nonce, or by a host that is down', async () => {
    const { refresh } = await app.signIn()
    expect(refusal(await app.refresh(refresh, {}, { nonce: 'forged' }))).toBe('400 use_dpop_nonce')
    world.hosted.set(PUBLIC_ID, new Error('down'))
    expect((await app.refresh(refresh)).status).toBe(200)
    world.clock.advance(600)
    const down = await app.refresh(refresh)
    expect(refusal(down)).toBe('503 temporarily_unavailable')
    expect(down.headers.get('retry-after')).toBe('5')
    expect(sessions()).toBe(1)
  })

  it('gives nothing when its session ends while it is renewed', async () => {
    const { refresh } = await app.signIn()
    const [{ id } = { id: '' }] = world.store.sessions.list(ALICE)
    const ended = createWorld({
      store: {
        ...world.store,
        apply: (changes) =>
          world.store.apply([{ type: 'endSession', id }]).then(() => world.store.apply(changes)),
      },
    })
    const late = await createApp(ended)
    expect(refusal(await late.refresh(refresh, {}, { by: app.device }))).toBe('400 invalid_grant')
  })

  it('is asked for again when it is renewed by others each time', async () => {
    const { refresh } = await app.signIn()
    const busy = createWorld({ store: { ...world.store, apply: async () => ({ status: 'stale' }) } })
    const late = await createApp(busy)
    expect(refusal(await late.refresh(refresh, {}, { by: app.device }))).toBe('503 temporarily_unavailable')
  })

  it.each([
    ['with another end', (token: string) => `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`],
    ['of another generation', (token: string) => token.replace('.1.', '.2.')],
    ['of another session', (token: string) => `ref-${'0'.repeat(32)}${token.slice(36)}`],
    ['that is none', () => 'x'],
    ['that is very long', () => `ref-${'x'.repeat(50_000)}`],
  ])('%s is not known, and ends nothing', async (_, change) => {
    const { refresh } = await app.signIn()
    expect(refusal(await app.refresh(change(refresh)))).toBe('400 invalid_grant')
    expect(sessions()).toBe(1)
  })

  it('never gives more than was granted', async () => {
    const { refresh } = await app.signIn({ scope: 'atproto repo:com.example.post' })
    const wider = 'atproto transition:generic'
    expect(refusal(await app.refresh(refresh, { scope: wider }))).toBe('400 invalid_scope')
    const same = await app.refresh(refresh, { scope: 'atproto' })
    expect(same).toMatchObject({ status: 200, body: { scope: 'atproto repo:com.example.post' } })
  })

  it('of a public client is good for 14 days in all', async () => {
    let { refresh } = await app.signIn()
    for (let day = 0; day < 13; day++) {
      world.clock.advance(DAY)
      const { body } = await app.refresh(refresh)
      refresh = String(body['refresh_token'])
    }
    world.clock.advance(DAY - 1)
    const last = await app.refresh(refresh)
    expect(last).toMatchObject({ status: 200, body: { expires_in: 1 } })
    world.clock.advance(1)
    expect(refusal(await app.refresh(last.body['refresh_token']))).toBe('400 invalid_grant')
  })

  it('of a trusted client is good for 180 days each', async () => {
    world = createWorld({ trustedClients: [PUBLIC_ID] })
    app = await createApp(world)
    const { refresh } = await app.signIn()
    world.clock.advance(180 * DAY - 1)
    const next = await app.refresh(refresh)
    expect(next.status).toBe(200)
    world.clock.advance(180 * DAY)
    expect(refusal(await app.refresh(next.body['refresh_token']))).toBe('400 invalid_grant')
  })

  it('of an account that was taken down ends its session; of a deactivated one it does not', async () => {
    const { refresh } = await app.signIn()
    world.accounts.set(ALICE, 'deactivated')
    const { status, body } = await app.refresh(refresh)
    expect(status).toBe(200)
    world.accounts.set(ALICE, 'takendown')
    expect(refusal(await app.refresh(body['refresh_token']))).toBe('400 invalid_grant')
    expect(sessions()).toBe(0)
    expect(world.events).toContainEqual(expect.objectContaining({ why: 'account-gone' }))
  })
})

describe('permission sets', () => {
  const NSID = 'com.example.authAll'
  const SCOPE = `atproto include:${NSID}`
  const setOf = (...collection: string[]): object => ({
    lexicon: 1,
    id: NSID,
    defs: {
      main: { type: 'permission-set', permissions: [{ type: 'permission', resource: 'repo', collection }] },
    },
  })
  let document: object | null
  let purposes: string[]

  beforeEach(async () => {
    document = setOf('com.example.post')
    purposes = []
    world = createWorld({
      permissionSets: {
        document: (_, purpose) => {
          purposes.push(purpose)
          if (document === null) throw new Error('no network')
          return document
        },
      },
    })
    app = await createApp(world)
  })

  it('are expanded in what is granted', async () => {
    const { body } = await app.signIn({ scope: SCOPE })
    expect(body['scope']).toBe('atproto repo:com.example.post')
  })

  it('are followed when they change, within their own names', async () => {
    const { refresh } = await app.signIn({ scope: SCOPE })
    document = setOf('com.example.post', 'com.example.like')
    const { body } = await app.refresh(refresh)
    expect(body['scope']).toBe('atproto repo?collection=com.example.like&collection=com.example.post')
    document = setOf('com.example.post', 'org.other.like')
    const after = await app.refresh(body['refresh_token'])
    expect(after.body['scope']).toBe('atproto')
  })

  it('that cannot be had refuse a push, and no renewal', async () => {
    const { refresh } = await app.signIn({ scope: SCOPE })
    document = null
    expect(refusal(await app.push({ scope: SCOPE }))).toBe('400 invalid_scope')
    const { status, body } = await app.refresh(refresh)
    expect(status).toBe(200)
    expect(body['scope']).toBe('atproto repo:com.example.post')
    // Pushed, shown, agreed to; pushed again; renewed.
    expect(purposes).toEqual(['grant', 'grant', 'grant', 'grant', 'renewal'])
  })
})

describe('a client that proves who it is', () => {
  const KEYS_AT = 'https://web.example.com/jwks.json'
  let signer: Signer
  let web: App

  beforeEach(async () => {
    signer = await createSigner()
    world.hosted.set(KEYS_AT, { keys: [signer.jwk] })
    world.hosted.set(CONFIDENTIAL_ID, confidentialDocument(KEYS_AT))
    web = await createApp(world, { clientId: CONFIDENTIAL_ID, redirect: WEB_REDIRECT, signer })
  })

  it('has to, at each step', async () => {
    const none = { client_assertion: undefined, client_assertion_type: undefined }
    expect(refusal(await web.push(none))).toBe('400 invalid_client')
    const code = await web.code()
    expect(refusal(await web.exchange(code, none))).toBe('400 invalid_client')
    const { body } = await web.exchange(code)
    expect(refusal(await web.refresh(body['refresh_token'], none))).toBe('400 invalid_client')
    expect(refusal(await web.revoke(body['refresh_token'], none))).toBe('400 invalid_client')
    expect((await web.refresh(body['refresh_token'])).status).toBe(200)
  })

  it('is bound to its key: a session of another one is refused, and lives', async () => {
    const { refresh } = await web.signIn()
    const second = await createSigner('key-2')
    world.hosted.set(KEYS_AT, { keys: [signer.jwk, second.jwk] })
    world.clock.advance(60)
    const client_assertion = await second.assert(world.clock)
    expect(refusal(await web.refresh(refresh, { client_assertion }))).toBe('400 invalid_grant')
    expect((await web.refresh(refresh)).status).toBe(200)
  })

  it('that takes its key back ends its sessions within ten minutes', async () => {
    const { refresh } = await web.signIn()
    const second = await createSigner('key-2')
    world.hosted.set(KEYS_AT, { keys: [second.jwk] })
    expect((await web.refresh(refresh)).status).toBe(200)
    world.clock.advance(600)
    expect(refusal(await web.refresh(refresh))).toBe('400 invalid_client')
    const client_assertion = await second.assert(world.clock)
    expect(refusal(await web.refresh(refresh, { client_assertion }))).toBe('400 invalid_grant')
    expect(sessions()).toBe(0)
    expect(world.events).toContainEqual(expect.objectContaining({ why: 'client-key-gone' }))
  })

  it('whose host is down renews by its known keys, and then has to wait', async () => {
    const { refresh } = await web.signIn()
    world.hosted.set(KEYS_AT, new Error('down'))
    const { status, body } = await web.refresh(refresh)
    expect(status).toBe(200)
    world.clock.advance(600)
    expect(refusal(await web.refresh(body['refresh_token']))).toBe('503 temporarily_unavailable')
    expect(sessions()).toBe(1)
  })

  it('may take a code with the key alone that asked for it', async () => {
    const code = await web.code()
    const second = await createSigner('key-2')
    world.hosted.set(KEYS_AT, { keys: [signer.jwk, second.jwk] })
    world.clock.advance(31)
    const client_assertion = await second.assert(world.clock)
    expect(refusal(await web.exchange(code, { client_assertion }))).toBe('400 invalid_grant')
  })
})

describe('revocation', () => {
  it('ends nothing by garbage, by old tokens, or for another client, and says the same', async () => {
    const { access, refresh } = await app.signIn()
    const next = await app.refresh(refresh)
    const other = 'https://other.example.com/client.json'
    world.hosted.set(other, publicDocument({ client_id: other }))
    for (const answer of [
      await app.revoke('x'),
      await app.revoke(refresh),
      await app.revoke(access, { client_id: other }),
      await app.revoke(next.body['refresh_token'], { client_id: other }),
      await app.revoke(`ref-${'0'.repeat(32)}.1.${'x'.repeat(43)}.${'x'.repeat(22)}`),
    ]) {
      expect(answer).toMatchObject({ status: 200, body: {} })
    }
    expect(sessions()).toBe(1)
    expect((await app.revoke(next.body['refresh_token'])).body).toEqual({})
    expect(sessions()).toBe(0)
  })

  it('works with a token that is over, and while the host of the client is down', async () => {
    const { access } = await app.signIn()
    world.clock.advance(1000)
    world.hosted.set(PUBLIC_ID, new Error('down'))
    expect((await app.revoke(access)).status).toBe(200)
    expect(sessions()).toBe(0)
  })

  it('needs a token and a client id', async () => {
    expect(refusal(await app.revoke('', { token: '' }))).toBe('400 invalid_request')
    expect(refusal(await app.revoke('x', { client_id: undefined }))).toBe('400 invalid_request')
    expect(refusal(await app.revoke('x', { client_id: 'x' }))).toBe('400 invalid_client_id')
  })
})

describe('sessions of an account', () => {
  it('are bounded: the one renewed longest ago makes room', async () => {
    world = createWorld({ limits: { sessionsPerClient: 2 } })
    app = await createApp(world)
    const first = await app.signIn()
    world.clock.advance(1)
    const second = await app.signIn()
    world.clock.advance(1)
    const { body } = await app.refresh(first.refresh)
    world.clock.advance(1)
    await app.signIn()
    expect(sessions()).toBe(2)
    expect(refusal(await app.refresh(second.refresh))).toBe('400 invalid_grant')
    expect((await app.refresh(body['refresh_token'])).status).toBe(200)
  })
})

it('a token request of a failing store is a 500 that ends no session', async () => {
  const { refresh } = await app.signIn()
  const broken = createWorld({
    store: { ...world.store, apply: () => Promise.reject(new Error('disk full')) },
  })
  const nonce = await nonceOf(broken)
  const proof = await app.device.prove('POST', `${ISSUER}/oauth/token`, {
    iat: broken.clock.seconds(),
    nonce,
  })
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: PUBLIC_ID,
    refresh_token: refresh,
  })
  const request = new Request(`${ISSUER}/oauth/token`, { method: 'POST', headers: { dpop: proof }, body })
  const answer = await broken.server.fetch(request)
  expect(answer.status).toBe(500)
  expect(await answer.json()).toEqual({ error: 'server_error', error_description: 'the server failed' })
  expect(answer.headers.get('dpop-nonce')).toBe(nonce)
  expect(broken.errors).toEqual([new Error('disk full')])
})
