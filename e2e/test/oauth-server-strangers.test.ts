// The authorization server before the clients that people use: @atproto/oauth-client-node signs in, calls, renews, and signs out, as a
// public client and as one with keys; oauth4webapi judges each answer by the letter of the RFCs.
import {
  JoseKey,
  NodeOAuthClient,
  type NodeSavedSession,
  type NodeSavedState,
} from '@atproto/oauth-client-node'
import { createHash, randomBytes } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { ACCOUNT, startOAuthHost, type OAuthHost } from '../support/oauth-host.ts'
import { judge } from '../support/oauth-judge.ts'
import { createLock, inMemory } from '../support/stock-clients/atproto-node.ts'

let host: OAuthHost
beforeEach(async () => {
  host = await startOAuthHost()
})
afterEach(() => host.close())

const SCOPE = 'atproto transition:generic'

const requestLock = createLock()

function clientOf(kind: 'public' | 'confidential', key: JoseKey): NodeOAuthClient {
  const shared = {
    scope: SCOPE,
    response_types: ['code'] as ['code'],
    grant_types: ['authorization_code', 'refresh_token'] as ['authorization_code', 'refresh_token'],
    dpop_bound_access_tokens: true,
  }
  const redirect = 'http://127.0.0.1:49152/callback'
  const query = new URLSearchParams({ redirect_uri: redirect, scope: SCOPE })
  return new NodeOAuthClient({
    clientMetadata:
      kind === 'public'
        ? {
            ...shared,
            client_id: `http://localhost?${query.toString()}`,
            redirect_uris: [redirect],
            application_type: 'native',
            token_endpoint_auth_method: 'none',
          }
        : {
            ...shared,
            client_id: 'https://web.example.com/client.json',
            redirect_uris: ['https://web.example.com/callback'],
            application_type: 'web',
            token_endpoint_auth_method: 'private_key_jwt',
            token_endpoint_auth_signing_alg: 'ES256',
            jwks_uri: 'https://web.example.com/jwks.json',
          },
    keyset: kind === 'public' ? [] : [key],
    allowHttp: true,
    plcDirectoryUrl: host.origin,
    handleResolver: { resolve: async () => null },
    stateStore: inMemory<NodeSavedState>(),
    sessionStore: inMemory<NodeSavedSession>(),
    requestLock,
  })
}

describe.each(['public', 'confidential'] as const)('@atproto/oauth-client-node, %s', (kind) => {
  it('signs in, calls, renews, and signs out', async () => {
    const client = clientOf(kind, await JoseKey.generate(['ES256'], 'key-1'))
    host.hosted.set('https://web.example.com/client.json', client.clientMetadata)
    host.hosted.set('https://web.example.com/jwks.json', client.jwks)
    const url = await client.authorize(ACCOUNT, { scope: SCOPE, state: 'mine' })
    const { session, state } = await client.callback((await host.agree(url)).searchParams)
    expect(state).toBe('mine')
    expect(session.did).toBe(ACCOUNT)
    expect(await session.getTokenInfo(false)).toMatchObject({
      scope: SCOPE,
      iss: host.origin,
      expired: false,
    })

    const call = async (): Promise<unknown> => {
      const response = await session.fetchHandler('/xrpc/com.example.get?x=1')
      return [response.status, ((await response.json()) as { did?: string }).did]
    }
    expect(await call()).toEqual([200, ACCOUNT])
    // For the host three minutes are gone: the nonce is old, and the token over. The client, which does not know, asks ten times at
    // once, and goes by the words of the refusals. An assertion may not be that old.
    host.advance(kind === 'public' ? 185 : 85)
    expect(await Promise.all(Array.from({ length: 10 }, call))).toEqual(
      Array.from({ length: 10 }, () => [200, ACCOUNT]),
    )
    // This client renews once for each of the calls that were refused.
    const { generation } = host.store.sessions.list(ACCOUNT)[0]!
    expect(generation).toBeGreaterThan(1)
    // Restored from its store, as after a restart, and renewed once more.
    const restored = await client.restore(ACCOUNT, true)
    expect((await restored.fetchHandler('/xrpc/com.example.get')).status).toBe(200)
    expect(host.store.sessions.list(ACCOUNT)).toMatchObject([{ generation: generation + 1 }])
    await session.signOut()
    expect(host.store.sessions.list(ACCOUNT)).toEqual([])
    await expect(client.restore(ACCOUNT)).rejects.toThrow(/session was deleted|revoked|not found/i)
  }, 30_000)
})

it('@atproto/oauth-client-node is told when the person declines', async () => {
  const client = clientOf('public', await JoseKey.generate(['ES256'], 'key-1'))
  const back = await host.agree(await client.authorize(ACCOUNT, { scope: SCOPE, prompt: 'login' }))
  expect(back.searchParams.get('error')).toBe('access_denied')
  const failure = await client.callback(back.searchParams).catch((error: unknown) => error)
  expect(String((failure as { cause?: unknown }).cause ?? failure)).toContain('declined')
}, 30_000)

it('oauth4webapi finds every answer as the RFCs have it', async () => {
  const tokens = await judge({
    origin: host.origin,
    resource: '/xrpc/com.example.get',
    // Whoever is asked to sign in declines there.
    answer: (url) => host.agree(url),
  })
  expect(tokens).toMatchObject({ token_type: 'dpop', scope: SCOPE, sub: ACCOUNT, expires_in: 80 })
}, 30_000)

it('a client as goat sends its forms is served: empty fields, more claims, exact statuses', async () => {
  const redirect = 'http://127.0.0.1:8090/callback'
  const query = new URLSearchParams({ redirect_uri: redirect, scope: SCOPE })
  const clientId = `http://localhost?${query.toString()}`
  const key = await oauth.generateKeyPair('ES256')
  const jwk = await crypto.subtle.exportKey('jwk', key.publicKey)
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const sign = async (claims: object): Promise<string> => {
    const { kty, crv, x, y } = jwk
    const head = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } })
    const now = Math.floor(Date.now() / 1000)
    const jti = randomBytes(8).toString('hex')
    const text = `${head}.${encode({ jti, iat: now, iss: clientId, exp: now + 30, ...claims })}`
    const ecdsa = { name: 'ECDSA', hash: 'SHA-256' }
    const signature = await crypto.subtle.sign(ecdsa, key.privateKey, Buffer.from(text))
    return `${text}.${Buffer.from(signature).toString('base64url')}`
  }
  let nonce: string | undefined
  const post = async (path: string, fields: Record<string, string>): Promise<Response> => {
    const url = host.origin + path
    const send = async (): Promise<Response> => {
      const dpop = await sign({ htm: 'POST', htu: url, ...(nonce === undefined ? {} : { nonce }) })
      const headers = { 'content-type': 'application/x-www-form-urlencoded', dpop }
      return fetch(url, { method: 'POST', headers, body: new URLSearchParams(fields) })
    }
    const first = await send()
    nonce = first.headers.get('dpop-nonce') ?? undefined
    if (first.status !== 400) return first
    expect(await first.json()).toMatchObject({ error: 'use_dpop_nonce' })
    return send()
  }
  const empty = { client_assertion: '', client_assertion_type: '' }
  const verifier = randomBytes(48).toString('base64url')
  const pushed = await post('/oauth/par', {
    ...empty,
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirect,
    scope: SCOPE,
    state: 'state',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    login_hint: '',
  })
  expect(pushed.status).toBe(201)
  const { request_uri: requestUri } = (await pushed.json()) as { request_uri: string }
  const page = new URLSearchParams({ client_id: clientId, request_uri: requestUri })
  const back = await host.agree(`${host.origin}/oauth/authorize?${page.toString()}`)
  const tokens = await post('/oauth/token', {
    ...empty,
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: redirect,
    code: back.searchParams.get('code')!,
    code_verifier: verifier,
    refresh_token: '',
  })
  expect(tokens.status).toBe(200)
  expect(await tokens.json()).toMatchObject({ sub: ACCOUNT, token_type: 'DPoP', scope: SCOPE })
})
