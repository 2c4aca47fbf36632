// An app from its first request to its last, at an authorization server beside this one: tokens that were really given, renewed and
// ended, shown to the methods here.
import { createHash, randomBytes } from 'node:crypto'

import {
  createDpopNonces,
  createMemoryOAuthStore,
  createOAuthKeys,
  createOAuthServer,
  type OAuthServer,
} from '@avocet/oauth-server'
import type { Did } from '@avocet/syntax'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { hostingStatus } from '../src/account.ts'
import { failure, post, startNetwork, type Answer, type TestNetwork } from './network.ts'

const SESSION = 'com.atproto.server.getSession'
const POST = 'app.bsky.feed.post'
const SCOPE = `atproto repo:${POST}?action=create`
const REDIRECT = 'http://127.0.0.1:4321/cb'
const CLIENT = `http://localhost?${new URLSearchParams({ redirect_uri: REDIRECT, scope: SCOPE })}`

let time = Date.now()
const now = (): number => time
const keys = createOAuthKeys([randomBytes(32)])
const nonces = createDpopNonces(keys, now)
let server: OAuthServer
let net: TestNetwork
let issuer: string

beforeAll(async () => {
  net = await startNetwork({
    config: { auth: { appTokens: { nonces, verifyAccess: (request) => server.verifyAccess(request) } } },
  })
  issuer = `http://localhost:${net.pds.port}`
  server = createOAuthServer({
    issuer,
    audience: () => `did:web:${encodeURIComponent(new URL(issuer).host)}`,
    keys,
    nonces,
    store: createMemoryOAuthStore(),
    accounts: {
      status: async (did) => {
        const account = await net.pds.accounts.find(did)
        return account === null ? null : hostingStatus(account)
      },
    },
    // A client on this machine has no document.
    fetch: () => Promise.reject(new Error('nothing is fetched')),
    now,
  })
})
afterAll(() => net[Symbol.asyncDispose]())

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** An app as stock clients are: one key, the newest nonce it was told. */
async function createClient() {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  let nonce: string | undefined
  const told = (headers: Headers): void => {
    nonce = headers.get('dpop-nonce') ?? nonce
  }
  const prove = (htm: string, htu: string, token?: string): Promise<string> =>
    new SignJWT({
      jti: crypto.randomUUID(),
      htm,
      htu,
      iat: Math.floor(time / 1000),
      ...(nonce === undefined ? {} : { nonce }),
      ...(token === undefined ? {} : { ath: sha256(token) }),
    })
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
      .sign(privateKey)

  const ask = async (path: string, fields: Record<string, string>) => {
    const url = `${issuer}${path}`
    const headers = { dpop: await prove('POST', url) }
    const body = new URLSearchParams({ client_id: CLIENT, ...fields })
    const answer = await server.fetch(new Request(url, { method: 'POST', headers, body }))
    told(answer.headers)
    return { status: answer.status, body: (await answer.json()) as Record<string, string> }
  }
  /** Once more where a nonce is asked for, as clients do. */
  const endpoint = async (path: string, fields: Record<string, string>) => {
    const answer = await ask(path, fields)
    return answer.body['error'] === 'use_dpop_nonce' ? ask(path, fields) : answer
  }
  return {
    endpoint,
    signIn: async (did: string) => {
      const verifier = randomBytes(32).toString('base64url')
      const pushed = await endpoint('/oauth/par', {
        response_type: 'code',
        redirect_uri: REDIRECT,
        scope: SCOPE,
        state: 's',
        code_challenge: sha256(verifier),
        code_challenge_method: 'S256',
      })
      const parameters = new URLSearchParams({ client_id: CLIENT, request_uri: pushed.body['request_uri']! })
      const visit = { parameters, device: 'a browser' }
      expect((await server.open(visit)).ok).toBe(true)
      const back = await server.consent(visit, { did: did as Did, scope: SCOPE })
      const code = back.ok ? back.value.parameters.find(([name]) => name === 'code')![1] : ''
      return endpoint('/oauth/token', {
        grant_type: 'authorization_code',
        code,
        redirect_uri: REDIRECT,
        code_verifier: verifier,
      })
    },
    call: async (method: 'GET' | 'POST', nsid: string, token: string, input?: object): Promise<Answer> => {
      const dpop = await prove(method, `${issuer}/xrpc/${nsid}`, token)
      const options = { headers: { authorization: `DPoP ${token}`, dpop }, ...(input && { input }) }
      const answer = await (method === 'GET' ? net.get(nsid, options) : net.post(nsid, options))
      told(answer.headers)
      return answer
    },
    forgetNonce: () => {
      nonce = undefined
    },
  }
}

test('an app signs in, calls, renews its token and signs out', async () => {
  const { did } = await net.account()
  const client = await createClient()
  const first = await client.signIn(did)
  expect(first).toMatchObject({ status: 200, body: { sub: did, scope: SCOPE, token_type: 'DPoP' } })
  const token = first.body['access_token']!
  expect((await client.call('GET', SESSION, token)).body).toMatchObject({ did })
  const write = (collection: string) =>
    client.call('POST', 'com.atproto.repo.createRecord', token, {
      repo: did,
      collection,
      record: { ...post('hello'), $type: collection },
    })
  expect(failure(await write(POST))).toBe('200 ')
  expect(failure(await write('app.bsky.feed.like'))).toBe('403 ScopeMissingError')

  // Nonces go on: the one of minutes ago is asked for anew, once, and the next call has it.
  time += 5 * 60_000
  expect(failure(await client.call('GET', SESSION, token))).toBe('401 use_dpop_nonce')
  expect(failure(await client.call('GET', SESSION, token))).toBe('200 ')
  client.forgetNonce()
  expect(failure(await client.call('GET', SESSION, token))).toBe('401 use_dpop_nonce')

  // A token that is over is told to be renewed, in the words that clients renew it by.
  time += 15 * 60_000
  await client.call('GET', SESSION, token)
  const over = await client.call('GET', SESSION, token)
  expect(failure(over)).toBe('401 invalid_token')
  expect(over.headers.get('www-authenticate')).toMatch(/^DPoP .*error="invalid_token"/)
  const refresh_token = first.body['refresh_token']!
  const renewed = await client.endpoint('/oauth/token', { grant_type: 'refresh_token', refresh_token })
  expect(renewed.status).toBe(200)
  const next = renewed.body['access_token']!
  expect((await client.call('GET', SESSION, next)).body).toMatchObject({ did })

  expect((await client.endpoint('/oauth/revoke', { token: next })).status).toBe(200)
  expect(failure(await client.call('GET', SESSION, next))).toBe('401 invalid_token')
})

test('a takedown ends what an app may do and become, an app of another account goes on', async () => {
  const [one, two] = [await net.account(), await net.account()]
  const client = await createClient()
  const [mine, theirs] = [await client.signIn(one.did), await client.signIn(two.did)]
  await net.pds.accounts.takedown(one.did as Did, 'a decision')
  expect(failure(await client.call('GET', SESSION, mine.body['access_token']!))).toBe('401 AccountTakedown')
  expect(failure(await client.call('GET', SESSION, theirs.body['access_token']!))).toBe('200 ')
  const refresh_token = mine.body['refresh_token']!
  const renewed = await client.endpoint('/oauth/token', { grant_type: 'refresh_token', refresh_token })
  expect([renewed.status, renewed.body['error']]).toEqual([400, 'invalid_grant'])
})
