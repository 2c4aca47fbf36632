// Proofs of apps at the server, over sockets: those that hold, and those that do not.
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'

import type { Did } from '@avocet/syntax'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { createTokens } from '../src/auth/tokens.ts'
import { failure, startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { appCalls, createTestApps, type TestApp } from './oauth-apps.ts'

const SESSION = 'com.atproto.server.getSession'
const GENERIC = 'atproto transition:generic'

const apps = createTestApps()
let net: TestNetwork
let account: TestAccount
let app: TestApp

beforeAll(async () => {
  net = await startNetwork({ config: { auth: { appTokens: apps.appTokens } } })
  apps.serve(net)
  account = await net.account()
})
beforeEach(async () => {
  app = await apps.signIn(account.did, GENERIC)
})
afterAll(() => net[Symbol.asyncDispose]())

const { get, refused, refusal } = appCalls(() => net, apps)

/** A call with headers that `fetch` would not send. */
async function raw(nsid: string, headers: Record<string, string | string[]>): Promise<[number, any]> {
  const sent = request({ host: '127.0.0.1', port: net.pds.port, path: `/xrpc/${nsid}`, headers })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return [answer.statusCode!, await json(answer)]
}

describe('a proof', () => {
  test('lets the app in, with the nonce for its next', async () => {
    const answer = await get(app, SESSION)
    expect([answer.status, answer.body.did]).toEqual([200, account.did])
    expect(answer.headers.get('dpop-nonce')).toBe(apps.nonce())
    expect(answer.headers.get('vary')).toContain('Authorization')
    expect(answer.headers.get('cache-control')).toBe('private')
    // In any case of letters.
    const { authorization, dpop } = await app.headers('GET', SESSION)
    const lower = { authorization: authorization!.replace('DPoP', 'dpop'), dpop: dpop! }
    expect((await net.get(SESSION, { headers: lower })).status).toBe(200)
  })

  test.each([
    ['none', { nonce: undefined }],
    ['a forged one', { nonce: 'forged' }],
    ['no text', { nonce: 7 }],
  ])('without a good nonce (%s) is asked for again', async (_, claims) => {
    expect(refused(await get(app, SESSION, { claims }))).toEqual(refusal('use_dpop_nonce'))
  })

  test('may share its nonce with twenty others at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(app, SESSION)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  })

  test('counts once for its key; another key may have the same name for its own', async () => {
    const jti = { claims: { jti: 'same' } }
    expect((await get(app, SESSION, jti)).status).toBe(200)
    expect(refused(await get(app, SESSION, jti))).toEqual(refusal('invalid_dpop_proof'))
    expect((await get(await apps.signIn(account.did, 'atproto'), SESSION, jti)).status).toBe(200)
  })

  test.each([
    ['with another type', { header: { typ: 'JWT' } }],
    [
      'whose key is not the one that signed',
      { header: { jwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } } },
    ],
    ['that carries a private key', { header: { jwk: { kty: 'EC', crv: 'P-256', d: 'AA' } } }],
    ['of the method in lower case', { claims: { htm: 'get' } }],
    ['of another method', { claims: { htm: 'POST' } }],
    ['of another host', { claims: { htu: `https://evil.example.com/xrpc/${SESSION}` } }],
    ['that is ten minutes old', { claims: { iat: Math.floor(Date.now() / 1000) - 600 } }],
    ['of ten minutes to come', { claims: { iat: Math.floor(Date.now() / 1000) + 600 } }],
    ['without the hash of its token', { claims: { ath: undefined } }],
    ['with the hash of another token', { claims: { ath: 'A'.repeat(43) } }],
  ])('%s proves nothing', async (_, changes) => {
    expect(refused(await get(app, SESSION, changes))).toEqual(refusal('invalid_dpop_proof'))
  })

  test('of another path or scheme proves nothing, a query does not count', async () => {
    const base = `http://localhost:${net.pds.port}`
    for (const htu of [
      `${base}/xrpc/com.example.other`,
      `https://localhost:${net.pds.port}/xrpc/${SESSION}`,
    ]) {
      expect(refused(await get(app, SESSION, { claims: { htu } }))).toEqual(refusal('invalid_dpop_proof'))
    }
    const queried = { htu: `${base}/xrpc/${SESSION}?a=b` }
    expect((await get(app, SESSION, { claims: queried })).status).toBe(200)
  })

  test('without a signature, or with one by a secret, proves nothing', async () => {
    const { dpop, ...rest } = await app.headers('GET', SESSION)
    const [, payload] = dpop!.split('.')
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const none = `${part({ typ: 'dpop+jwt', alg: 'none', jwk: app.key.jwk })}.${payload}.`
    const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString())
    const mac = await new SignJWT(claims)
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'HS256', jwk: app.key.jwk as never })
      .sign(new Uint8Array(32))
    for (const proof of [none, mac, '', 'x', dpop!.slice(0, -4)]) {
      const answer = await net.get(SESSION, { headers: { ...rest, dpop: proof } })
      expect([proof.slice(-10), ...refused(answer)]).toEqual([
        proof.slice(-10),
        ...refusal('invalid_dpop_proof'),
      ])
    }
    expect(refused(await net.get(SESSION, { headers: rest }))).toEqual(refusal('invalid_dpop_proof'))
  })

  test('that comes twice proves nothing, in one line or in two', async () => {
    const [first, second] = [await app.headers('GET', SESSION), await app.headers('GET', SESSION)]
    const authorization = first['authorization']!
    for (const dpop of [[first['dpop']!, second['dpop']!], `${first['dpop']}, ${second['dpop']}`]) {
      const [status, body] = await raw(SESSION, { authorization, dpop })
      expect([status, body.error]).toEqual([401, 'invalid_dpop_proof'])
    }
  })

  test('is held against the address of the settings, whatever the request says of its host', async () => {
    const forged = {
      host: 'evil.example.com',
      'x-forwarded-host': 'evil.example.com',
      'x-forwarded-proto': 'https',
    }
    expect((await raw(SESSION, { ...forged, ...(await app.headers('GET', SESSION)) }))[0]).toBe(200)
    const claims = { htu: `https://evil.example.com/xrpc/${SESSION}` }
    const [status, body] = await raw(SESSION, {
      ...forged,
      ...(await app.headers('GET', SESSION, { claims })),
    })
    expect([status, body.error]).toEqual([401, 'invalid_dpop_proof'])
  })
})

describe('a token', () => {
  test('is nothing in the hands of a thief, who has another key', async () => {
    const thief = await apps.signIn(account.did, 'atproto')
    expect(refused(await get(thief, SESSION, { token: app.token }))).toEqual(refusal('invalid_token'))
  })

  test('that is bound to a key is no bearer token, and a session’s is none of an app', async () => {
    expect(failure(await net.get(SESSION, { token: app.token }))).toBe('400 InvalidToken')
    expect(refused(await get(app, SESSION, { token: account.accessJwt }))).toEqual(refusal('invalid_token'))
  })

  test('of this server’s own sessions is refused too when it is bound to a key', async () => {
    const secret = 'a secret of some length'
    const audience = 'did:web:pds.example.com'
    const tokens = createTokens(secret, () => audience)
    const sign = (claims: object): Promise<string> =>
      new SignJWT({ scope: 'com.atproto.access', ...claims })
        .setProtectedHeader({ typ: 'at+jwt', alg: 'HS256' })
        .setAudience(audience)
        .setSubject('did:plc:a')
        .setExpirationTime('1h')
        .sign(new TextEncoder().encode(secret))
    expect(await tokens.verifyAccess(await sign({}))).toMatchObject({ did: 'did:plc:a' })
    await expect(tokens.verifyAccess(await sign({ cnf: { jkt: 'x' } }))).rejects.toMatchObject({
      code: 'invalid-token',
    })
  })

  test.each(['', 'x', 'a b', 'a'.repeat(5000)])('that is none is told to be refreshed', async (token) => {
    const headers = { authorization: `DPoP ${token}`, dpop: (await app.headers('GET', SESSION))['dpop']! }
    const answer = await net.get(SESSION, { headers })
    expect([401, answer.headers.get('dpop-nonce')]).toEqual([answer.status, apps.nonce()])
  })

  test('is not looked at by methods that no app may call', async () => {
    const nsid = 'com.atproto.server.listAppPasswords'
    const answer = await get(app, nsid, { token: 'none at all', claims: { nonce: 'old' } })
    expect([failure(answer), answer.headers.get('www-authenticate')]).toEqual(['403 Forbidden', null])
  })

  test('ends with its session, at once', async () => {
    expect((await get(app, SESSION)).status).toBe(200)
    await apps.end(app.sessionId)
    expect(refused(await get(app, SESSION))).toEqual(refusal('invalid_token'))
  })

  test('of an account that is taken down meanwhile is refused, without a word to refresh it', async () => {
    const own = await net.account()
    const theirs = await apps.signIn(own.did, GENERIC)
    expect((await get(theirs, SESSION)).status).toBe(200)
    await net.pds.accounts.takedown(own.did as Did, 'a decision')
    const answer = await get(theirs, SESSION)
    expect([failure(answer), answer.headers.get('www-authenticate')]).toEqual([
      '401 AccountTakedown',
      'Bearer',
    ])
  })

  test('of a session lets no app in, and one of an app is none of a session', async () => {
    expect(refused(await get(app, SESSION, { token: account.accessJwt }))).toEqual(refusal('invalid_token'))
    const { authorization } = await app.headers('GET', SESSION)
    const headers = { authorization: authorization!.replace('DPoP', 'Bearer') }
    expect(failure(await net.get(SESSION, { headers }))).toBe('400 InvalidToken')
  })
})

describe('what is on every answer', () => {
  test('can be read by scripts of other origins, which may send what it takes', async () => {
    const origin = 'https://app.example.com'
    const asked = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, dpop',
    }
    const url = `${net.pds.url}/xrpc/com.atproto.repo.createRecord`
    const before = await fetch(url, { method: 'OPTIONS', headers: asked })
    expect([before.status, before.headers.get('access-control-allow-headers')]).toEqual([
      204,
      'authorization, dpop',
    ])
    for (const answer of [await get(app, SESSION), await get(app, SESSION, { claims: { nonce: 'x' } })]) {
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
      expect(answer.headers.get('access-control-expose-headers')).toBe('*')
    }
  })

  test('is the nonce: on public methods, refusals of input, of methods and of strangers alike', async () => {
    for (const [nsid, wanted] of [
      ['com.atproto.server.describeServer', '200 '],
      ['com.atproto.repo.getRecord', '400 InvalidRequest'],
      ['com.atproto.server.listAppPasswords', '403 Forbidden'],
      ['com.atproto.server.createAppPassword', '405 InvalidRequest'],
      ['nothing', '400 InvalidRequest'],
      ['_health', '200 '],
    ] as const) {
      const answer = await get(app, nsid)
      expect([nsid, failure(answer), answer.headers.get('dpop-nonce')]).toEqual([nsid, wanted, apps.nonce()])
    }
    // Nobody else is told.
    const answer = await net.get(SESSION, { token: account.accessJwt })
    expect([answer.status, answer.headers.get('dpop-nonce')]).toEqual([200, null])
  })
})
