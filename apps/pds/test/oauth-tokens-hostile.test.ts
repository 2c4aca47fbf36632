// What thieves and careless apps try with codes and tokens, at the endpoints of the running server: each gets its answer, nobody is given
// what is not theirs, and whoever is right goes on.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'

import { codeFor, letIn } from './let-in.ts'
import { mailedCode } from './mail.ts'
import { startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { createApp, type AppAnswer, type OddProof, type TestApp } from './oauth-app.ts'

const SESSION = 'com.atproto.server.getSession'
const SCOPE = 'atproto blob:image/png'
const TOKEN = '/oauth/token'
const PAR = '/oauth/par'
const MINUTE = 60_000

/** Of the network: the port stays over a restart, as the issuer of tokens does. */
const config = { inviteRequired: false, port: 0 }
let net: TestNetwork
let alice: TestAccount
let app: TestApp
let passed = 0
beforeAll(async () => {
  const now = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => now() + passed)
  net = await startNetwork({ config })
  config.port = net.pds.port
  alice = await net.account()
})
beforeEach(async () => {
  app = await createApp(origin, SCOPE)
})
afterAll(async () => {
  await net[Symbol.asyncDispose]()
  vi.restoreAllMocks()
})

const origin = (): string => `http://localhost:${net.pds.port}`
/** The clock of the server and of the app goes on by so much. It never goes back. */
const pass = (ms: number): void => {
  passed += ms
}
const said = ({ status, body }: AppAnswer): string => `${status} ${body?.error ?? ''}`
const refreshing = (token: string, more = {}) => ({
  grant_type: 'refresh_token',
  refresh_token: token,
  ...more,
})
const renew = (token: string, by: TestApp = app): Promise<AppAnswer> => by.post(TOKEN, refreshing(token))
const call = (token: string, by: TestApp = app): Promise<AppAnswer> => by.call(SESSION, token)
/** Whether somebody may still call, and renew. */
const works = async ({ access_token, refresh_token }: AppAnswer['body'], by: TestApp = app) => [
  said(await call(access_token, by)),
  said(await renew(refresh_token, by)),
]
const ENDED = ['401 invalid_token', '400 invalid_grant']
const GOES_ON = ['200 ', '200 ']

const pushed = (more: Record<string, string> = {}) => ({
  response_type: 'code',
  redirect_uri: app.redirectUri,
  scope: SCOPE,
  code_challenge: `${crypto.randomUUID()}0123456`.replaceAll('-', '_'),
  code_challenge_method: 'S256',
  ...more,
})

describe('a proof', () => {
  test('is needed for a push, unless the key is named', async () => {
    expect(said(await app.once(PAR, pushed(), {}))).toBe('400 invalid_dpop_proof')
    expect(said(await app.once(PAR, pushed({ dpop_jkt: app.thumbprint }), {}))).toBe('201 ')
    const other = await createApp(origin, SCOPE)
    expect(said(await app.post(PAR, pushed({ dpop_jkt: other.thumbprint })))).toBe('400 invalid_dpop_proof')
  })

  test.each([
    ['none', undefined, 0],
    ['a forged one', 'A'.repeat(43), 0],
    ['one of four minutes ago', null, 4 * MINUTE],
  ])('with %s for a nonce is asked for again, and nothing is used up', async (_what, nonce, later) => {
    const { code, request } = await codeFor(origin, app, alice.handle)
    const tokens = await letIn(origin, app, alice.handle)
    // Made with the nonce of then, and a time of its own that is good.
    const made = (path: string) =>
      app.prove('POST', path, {
        claims: { iat: (Date.now() + later) / 1000, ...(nonce === null ? {} : { nonce }) },
      })
    const [forPar, forCode, forToken] = [await made(PAR), await made(TOKEN), await made(TOKEN)]
    const codeFields = { grant_type: 'authorization_code', code, redirect_uri: app.redirectUri }
    const verifier = { code_verifier: 'x'.repeat(43) }
    if (later > 0) pass(later)
    for (const [path, fields, dpop] of [
      [PAR, pushed(), forPar],
      [TOKEN, { ...codeFields, ...verifier }, forCode],
      [TOKEN, refreshing(tokens.refresh_token), forToken],
    ] as const) {
      const answer = await app.once(path, fields, { dpop })
      expect([said(answer), answer.headers.get('dpop-nonce')?.length]).toEqual(['400 use_dpop_nonce', 43])
    }
    // A code lives a minute: that one is over anyway where the clock went on.
    expect(said(await request.exchange(code))).toBe(later > 0 ? '400 invalid_grant' : '200 ')
    expect(said(await renew(tokens.refresh_token))).toBe('200 ')
  })

  test('counts once, at an endpoint as at a method', async () => {
    await app.push()
    const dpop = await app.prove('POST', PAR)
    expect(said(await app.once(PAR, pushed(), { dpop }))).toBe('201 ')
    const again = await app.once(PAR, pushed(), { dpop })
    expect([said(again), again.body.error_description]).toEqual([
      '400 invalid_dpop_proof',
      'DPoP proof was used before',
    ])
  })

  const minutes = (by: number): number => Math.floor(Date.now() / 1000) + 60 * by
  test.each<[string, (htu: string) => OddProof]>([
    ['of another type', () => ({ header: { typ: 'JWT' } })],
    ['with its private key', () => ({ header: { jwk: { ...app.jwk, d: app.jwk.x } } })],
    ['of the method in small letters', () => ({ claims: { htm: 'post' } })],
    ['of another path', (htu) => ({ claims: { htu: `${htu}x` } })],
    ['of another scheme', (htu) => ({ claims: { htu: htu.replace('http:', 'https:') } })],
    ['of another host', () => ({ claims: { htu: `http://evil.example.com${TOKEN}` } })],
    ['of ten minutes ago', () => ({ claims: { iat: minutes(-10) } })],
    ['of in ten minutes', () => ({ claims: { iat: minutes(10) } })],
    ['without a name', () => ({ claims: { jti: undefined } })],
    ['with an empty name', () => ({ claims: { jti: '' } })],
    ['of an access token', () => ({ token: 'any' })],
  ])('%s is refused, and nothing is used up', async (_what, odd) => {
    const tokens = await letIn(origin, app, alice.handle)
    const dpop = await app.prove('POST', TOKEN, odd(origin() + TOKEN))
    const answer = await app.once(TOKEN, refreshing(tokens.refresh_token), { dpop })
    expect(said(answer)).toBe('400 invalid_dpop_proof')
    expect(await works(tokens)).toEqual(GOES_ON)
  })

  test('of the URL with a query is one of the URL', async () => {
    const tokens = await letIn(origin, app, alice.handle)
    const dpop = await app.prove('POST', TOKEN, { claims: { htu: `${origin()}${TOKEN}?a=b` } })
    expect(said(await app.once(TOKEN, refreshing(tokens.refresh_token), { dpop }))).toBe('200 ')
  })

  test('of two in one request is none', async () => {
    const both = `${await app.prove('POST', PAR)}, ${await app.prove('POST', PAR)}`
    expect(said(await app.once(PAR, pushed(), { dpop: both }))).toBe('400 invalid_dpop_proof')
  })
})

describe('a code', () => {
  test('used twice ends what it gave', async () => {
    const { code, request } = await codeFor(origin, app, alice.handle)
    const { body } = await request.exchange(code)
    expect(said(await call(body.access_token))).toBe('200 ')
    expect(said(await request.exchange(code))).toBe('400 invalid_grant')
    expect(await works(body)).toEqual(ENDED)
  })

  test.each([
    ['redirect_uri', { redirect_uri: 'http://127.0.0.1:8081/callback' }],
    ['code_verifier', { code_verifier: 'x'.repeat(43) }],
    ['client_id', { client_id: 'http://localhost' }],
  ])('with another %s gives nothing, then or later', async (_what, wrong) => {
    const { code, request } = await codeFor(origin, app, alice.handle)
    const fields = { grant_type: 'authorization_code', code, redirect_uri: app.redirectUri }
    const answer = await app.post(TOKEN, { ...fields, code_verifier: 'y'.repeat(43), ...wrong })
    expect(said(answer)).toBe('400 invalid_grant')
    expect(said(await request.exchange(code))).toBe('400 invalid_grant')
  })

  test('shown by somebody with another key gives nothing, and its owner gets tokens', async () => {
    const { code, request } = await codeFor(origin, app, alice.handle)
    const thief = await createApp(origin, SCOPE)
    const fields = { grant_type: 'authorization_code', code, redirect_uri: app.redirectUri }
    const answer = await thief.post(TOKEN, { ...fields, code_verifier: 'y'.repeat(43) })
    expect(said(answer)).toBe('400 invalid_grant')
    expect(said(await request.exchange(code))).toBe('200 ')
  })

  test('with a verifier that is none is asked for again', async () => {
    const { code, request } = await codeFor(origin, app, alice.handle)
    const fields = { grant_type: 'authorization_code', code, redirect_uri: app.redirectUri }
    for (const code_verifier of ['', 'x'.repeat(42), 'x'.repeat(129), `${'x'.repeat(42)}!`]) {
      expect(said(await app.post(TOKEN, { ...fields, code_verifier }))).toBe('400 invalid_request')
    }
    expect(said(await request.exchange(code))).toBe('200 ')
  })

  test.each([
    ['without a challenge', { code_challenge: '' }],
    ['with a plain one', { code_challenge_method: 'plain' }],
    ['with one of no method', { code_challenge_method: '' }],
    ['with a short one', { code_challenge: 'x'.repeat(42) }],
  ])('is not pushed for %s', async (_what, wrong) => {
    expect(said(await app.post(PAR, pushed(wrong)))).toBe('400 invalid_request')
  })

  test('is not pushed for with a challenge of before', async () => {
    const fields = pushed()
    expect(said(await app.post(PAR, fields))).toBe('201 ')
    expect(said(await app.post(PAR, fields))).toBe('400 invalid_request')
  })
})

describe('a refresh token', () => {
  test('shown by twenty at once gives each the same, and the session lives', async () => {
    const { refresh_token } = await letIn(origin, app, alice.handle)
    const answers = await Promise.all(Array.from({ length: 20 }, () => renew(refresh_token)))
    expect(answers.map(said)).toEqual(Array.from({ length: 20 }, () => '200 '))
    expect(new Set(answers.map(({ body }) => `${body.refresh_token} ${body.access_token}`)).size).toBe(1)
    expect(await works(answers[0]!.body)).toEqual(GOES_ON)
  })

  test('whose answer was lost gives the same, also after a restart', async () => {
    const { refresh_token } = await letIn(origin, app, alice.handle)
    const lost = await renew(refresh_token)
    await net.restart()
    const { body } = await renew(refresh_token)
    expect(body.refresh_token).toBe(lost.body.refresh_token)
    expect(await works(body)).toEqual(GOES_ON)
  })

  test.each([
    ['of two renewals ago', 2, 0],
    ['of before the last renewal, after a minute', 1, MINUTE],
  ])('%s ends the session at once', async (_what, renewals, later) => {
    const first = await letIn(origin, app, alice.handle)
    const other = await letIn(origin, app, alice.handle)
    let { body } = await renew(first.refresh_token)
    if (renewals === 2) ({ body } = await renew(body.refresh_token))
    if (later > 0) pass(later)
    expect(said(await renew(first.refresh_token))).toBe('400 invalid_grant')
    expect(await works(body)).toEqual(ENDED)
    // Another session of the same account and app is not spoken of.
    expect(await works(other)).toEqual(GOES_ON)
  })

  test('of before the last renewal is good for a minute less a moment', async () => {
    const first = await letIn(origin, app, alice.handle)
    const { body } = await renew(first.refresh_token)
    pass(58_000)
    expect((await renew(first.refresh_token)).body.refresh_token).toBe(body.refresh_token)
  })

  test('in other hands is refused, and the session lives', async () => {
    const tokens = await letIn(origin, app, alice.handle)
    const thief = await createApp(origin, SCOPE)
    expect(said(await renew(tokens.refresh_token, thief))).toBe('400 invalid_grant')
    const stranger = await createApp(origin, 'atproto')
    expect(said(await renew(tokens.refresh_token, stranger))).toBe('400 invalid_grant')
    expect(said(await call(tokens.access_token, thief))).toBe('401 invalid_token')
    expect(await works(tokens)).toEqual(GOES_ON)
  })

  test('gives no more than was granted', async () => {
    const tokens = await letIn(origin, app, alice.handle)
    const wider = refreshing(tokens.refresh_token, { scope: 'atproto blob:image/png repo:*' })
    expect(said(await app.post(TOKEN, wider))).toBe('400 invalid_scope')
    const same = await app.post(TOKEN, refreshing(tokens.refresh_token, { scope: SCOPE }))
    expect([said(same), same.body.scope]).toEqual(['200 ', SCOPE])
  })

  test('of an app without keys is over with its session, two weeks after it began', async () => {
    const first = await letIn(origin, app, alice.handle)
    pass(7 * 24 * 60 * MINUTE)
    const { body } = await renew(first.refresh_token)
    pass(7 * 24 * 60 * MINUTE)
    expect(await works(body)).toEqual(ENDED)
  })
})

test('an app that sends every field that it knows, empty, is an app without keys', async () => {
  const empty = { client_assertion: '', client_assertion_type: '' }
  expect(said(await app.post(PAR, { ...pushed(empty), refresh_token: '' }))).toBe('201 ')
  const tokens = await letIn(origin, app, alice.handle)
  const { status, body } = await app.post(TOKEN, refreshing(tokens.refresh_token, { ...empty, code: '' }))
  expect(status).toBe(200)
  expect(said(await app.post('/oauth/revoke', { token: body.refresh_token, ...empty }))).toBe('200 ')
})

test('to end what is another app’s, or nothing, ends nothing and tells nothing', async () => {
  const tokens = await letIn(origin, app, alice.handle)
  const stranger = await createApp(origin, 'atproto')
  for (const token of [tokens.access_token, tokens.refresh_token, 'garbage', `ref-${'0'.repeat(32)}.1.x.y`]) {
    const answer = await stranger.post('/oauth/revoke', { token })
    expect([answer.status, answer.body]).toEqual([200, {}])
  }
  expect(await works(tokens)).toEqual(GOES_ON)
})

describe('an account', () => {
  test('whose password was reset by mail has let no app in any more', async () => {
    const bert = await net.account()
    const tokens = await letIn(origin, app, bert.handle)
    const email = `${bert.handle.split('.')[0]}@example.com`
    await net.post('com.atproto.server.requestPasswordReset', { input: { email } })
    const token = await mailedCode(net, email, 'Reset your password')
    const input = { token, password: 'another horse' }
    expect((await net.post('com.atproto.server.resetPassword', { input })).status).toBe(200)
    expect(await works(tokens)).toEqual(ENDED)
  })

  test('that is taken down has let no app in any more, also once that is taken back', async () => {
    const cora = await net.account()
    const tokens = await letIn(origin, app, cora.handle)
    const decide = async (applied: boolean): Promise<number> => {
      const subject = { $type: 'com.atproto.admin.defs#repoRef', did: cora.did }
      const input = { subject, takedown: { applied, ref: 'a decision' } }
      return (await net.post('com.atproto.admin.updateSubjectStatus', { admin: true, input })).status
    }
    expect(await decide(true)).toBe(200)
    expect(await works(tokens)).toEqual(['401 AccountTakedown', '400 invalid_grant'])
    expect(await decide(false)).toBe(200)
    expect(await works(tokens)).toEqual(ENDED)
  })
})

test('a nonce of before a restart is good after it', async () => {
  const { access_token } = await letIn(origin, app, alice.handle)
  expect(said(await call(access_token))).toBe('200 ')
  await net.restart()
  const dpop = await app.prove('GET', `/xrpc/${SESSION}`, { token: access_token })
  const headers = { authorization: `DPoP ${access_token}`, dpop }
  expect((await net.get(SESSION, { headers })).status).toBe(200)
})

test('and the server is well', async () => {
  expect((await fetch(`${origin()}/xrpc/_health`)).status).toBe(200)
  expect(await works(await letIn(origin, app, alice.handle))).toEqual(GOES_ON)
})
