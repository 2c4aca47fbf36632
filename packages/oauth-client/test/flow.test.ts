// The whole way: sign in, calls, renewal, the end; many accounts; clients with keys; clocks that differ.
import { exportJWK, generateKeyPair } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createClientMetadata, createMemoryStores } from '../src/index.ts'
import { createKeyset } from '../src/node/index.ts'
import { ALICE, BOB, codeOf, createWorld, REDIRECT, SCOPE, valueOf, visit, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

describe('a sign-in', () => {
  it.each([
    ['a handle', (): string => 'alice.example.com'],
    ['a handle as people type it', (): string => ' @Alice.Example.com '],
    ['a DID', (): string => ALICE],
    ['the URL of a server', (): string => `${world.origin}/`],
  ])('by %s gives a session that calls the PDS', async (_, input) => {
    const client = world.client()
    const { url, state } = valueOf(await client.authorize(input(), { appState: 'where I was' }))
    expect(url.origin + url.pathname).toBe(`${world.origin}/oauth/authorize`)
    expect([...url.searchParams.keys()]).toEqual(['client_id', 'request_uri'])
    const back = await visit(url)
    expect(back.searchParams.get('state')).toBe(state)
    const { session, appState } = valueOf(await client.callback(back))
    expect(appState).toBe('where I was')
    expect(session).toMatchObject({ did: ALICE, issuer: world.origin, url: world.origin, scope: SCOPE })
    const answer = await session.fetch('/xrpc/com.example.get?a=b')
    expect([answer.status, await answer.json()]).toEqual([200, { did: ALICE, at: world.origin, body: '' }])
    expect(world.events).toEqual([{ type: 'session-began', id: session.id, did: ALICE }])
  })

  it('may come back behind #, by any port of this machine', async () => {
    const client = world.client()
    const options = { responseMode: 'fragment', redirectUri: 'http://127.0.0.1:4567/callback' } as const
    const { url } = valueOf(await client.authorize(ALICE, options))
    const back = await visit(url)
    expect([back.origin, back.search]).toEqual(['http://127.0.0.1:4567', ''])
    expect(codeOf(await client.callback(back))).toBe('ok')
  })

  it('asks for a part of what the client may ask for', async () => {
    const client = world.client()
    const { url } = valueOf(await client.authorize(ALICE, { scope: ['atproto'] }))
    const { session } = valueOf(await client.callback(await visit(url)))
    expect(session.scope).toBe('atproto')
  })

  it.each([
    ['no handle', 'alice', {}],
    ['a URL with a path', 'https://pds.example.com/xrpc', {}],
    ['plain http', 'http://pds.example.com', {}],
    ['a foreign scope', ALICE, { scope: 'atproto transition:email' }],
    ['a foreign redirect', ALICE, { redirectUri: 'http://127.0.0.1/other' }],
    ['a redirect to localhost', ALICE, { redirectUri: 'http://localhost:1/callback' }],
  ])('refuses %s before it asks anybody', async (_, input, options) => {
    expect(codeOf(await world.client().authorize(input, options))).toBe('invalid-input')
    expect(world.requests).toEqual([])
  })

  it('says why an account is not found', async () => {
    const result = await world.client().authorize('carol.example.com')
    expect(result).toMatchObject({ error: { code: 'identity', cause: { code: 'not-found' } } })
  })

  it('does not believe a handle that its DID does not claim', async () => {
    const { resolve } = { resolve: world.accounts.get(BOB)! }
    world.accounts.set(BOB, { ...resolve, handle: 'alice.example.com' })
    world.intercept = async (request, answer) =>
      request.url.endsWith(ALICE) || request.url.endsWith(BOB)
        ? Response.json({ id: request.url.endsWith(BOB) ? BOB : ALICE, alsoKnownAs: ['at://x.example.com'] })
        : answer()
    world.accounts.delete(ALICE)
    expect(codeOf(await world.client().authorize('alice.example.com'))).toBe('identity')
  })

  it('that the person declines says so, with what the app kept', async () => {
    const client = world.client()
    const { url, state } = valueOf(await client.authorize(ALICE, { appState: 'here' }))
    const page = { parameters: url.searchParams, device: 'browser' }
    await world.oauth.open(page)
    const denied = await world.oauth.deny(page)
    expect(denied.ok).toBe(true)
    const back = new URLSearchParams({ iss: world.origin, state, error: 'access_denied' })
    expect(await client.callback(back)).toMatchObject({
      ok: false,
      error: { code: 'denied', oauthError: 'access_denied', appState: 'here' },
    })
  })
})

describe('sessions', () => {
  it('are taken up again by id or account, of many side by side', async () => {
    const stores = createMemoryStores()
    const client = world.client({ stores })
    const first = await world.signIn(client)
    world.advance(1)
    const second = await world.signIn(client)
    const { url } = valueOf(await client.authorize(BOB))
    const bob = valueOf(await client.callback(await visit(url, BOB))).session
    const again = world.client({ stores })
    expect(valueOf(await again.restore(first.id)).id).toBe(first.id)
    expect(valueOf(await again.restore(ALICE)).id).toBe(second.id)
    const answer = await valueOf(await again.restore(BOB)).fetch('/xrpc/com.example.get')
    expect(await answer.json()).toMatchObject({ did: BOB })
    expect(valueOf(await again.list(ALICE)).map(({ id }) => id)).toEqual([second.id, first.id])
    expect(valueOf(await again.list()).map(({ id }) => id)).toContain(bob.id)
    expect(Object.keys(valueOf(await again.list())[0]!)).not.toContain('refreshToken')
    expect(codeOf(await again.restore('nobody'))).toBe('unknown-session')
  })

  it('end here and at the server when one signs out', async () => {
    const client = world.client()
    const session = await world.signIn(client)
    await session.signOut()
    expect(session.ended.aborted).toBe(true)
    expect(session.ended.reason).toMatchObject({ code: 'session-ended', ending: 'signed-out' })
    expect(world.store.sessions.list(ALICE)).toEqual([])
    expect(codeOf(await client.restore(session.id))).toBe('unknown-session')
    await expect(session.fetch('/xrpc/a.b.c')).rejects.toMatchObject({ code: 'session-ended' })
    expect(world.events.at(-1)).toMatchObject({ type: 'session-ended', ending: 'signed-out' })
  })

  it('replace those of the same account where that is wanted', async () => {
    const client = world.client({ replaceSessions: true })
    const first = await world.signIn(client)
    const second = await world.signIn(client)
    expect(valueOf(await client.list()).map(({ id }) => id)).toEqual([second.id])
    expect(world.store.sessions.list(ALICE)).toHaveLength(1)
    expect(world.events).toContainEqual({
      type: 'session-ended',
      id: first.id,
      did: ALICE,
      ending: 'replaced',
    })
    expect((await second.fetch('/xrpc/com.example.get')).status).toBe(200)
  })

  it('give their credentials to their PDS alone', async () => {
    const session = await world.signIn(world.client())
    const before = world.requests.length
    await expect(session.fetch('https://elsewhere.example.com/xrpc/a.b.c')).rejects.toMatchObject({
      code: 'foreign-url',
    })
    await expect(session.fetch('//elsewhere.example.com/')).rejects.toMatchObject({ code: 'foreign-url' })
    expect(world.requests).toHaveLength(before)
  })

  it('send bodies: again with another nonce, and streams once with one that was fetched before', async () => {
    const client = world.client()
    const session = await world.signIn(client)
    world.advance(600)
    const post = { method: 'POST', body: 'hello' }
    expect(await (await session.fetch('/xrpc/a.b.c', post)).json()).toMatchObject({ body: 'hello' })
    // Past the life of the nonce, not of the token.
    world.advance(200)
    const before = world.requests.length
    const body = new Blob(['streamed']).stream()
    const streamed = await session.fetch('/xrpc/a.b.c', {
      method: 'POST',
      body,
      duplex: 'half',
    } as RequestInit)
    expect([streamed.status, await streamed.json()]).toMatchObject([200, { body: 'streamed' }])
    expect(world.requests.slice(before).filter((path) => path === '/xrpc/a.b.c')).toHaveLength(1)
  })

  it('do not send a stream a second time when the token is refused', async () => {
    const session = await world.signIn(world.client())
    let count = 0
    world.intercept = async (request, answer) => {
      if (!request.url.endsWith('/xrpc/a.b.c')) return answer()
      count += 1
      const headers = { 'www-authenticate': 'DPoP error="invalid_token"' }
      return new Response('{}', { status: 401, headers })
    }
    const body = new Blob(['streamed']).stream()
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit
    expect((await session.fetch('/xrpc/a.b.c', init)).status).toBe(401)
    expect(count).toBe(1)
    expect(world.events.at(-1)).toMatchObject({ type: 'session-renewed' })
  })
})

describe('a client with keys', () => {
  const id = 'https://web.example.com/client.json'
  const privateJwk = async (kid: string): Promise<object> => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    return { ...(await exportJWK(privateKey)), kid }
  }

  it('proves who it is, and goes on with older keys after newer ones came', async () => {
    const [old, young] = [await privateJwk('old'), await privateJwk('young')]
    let published = (await createKeyset([old])).publicJwks
    const document = (): object =>
      createClientMetadata({
        clientId: id,
        redirectUris: ['https://web.example.com/callback'],
        scope: SCOPE,
        jwks: published,
      })
    const other = await world.host({ fetch: async () => Response.json(document()), trustedClients: [] })
    world.accounts.set(ALICE, { pds: other.origin, handle: 'alice.example.com' })
    const stores = createMemoryStores()
    const make = async (...keys: [object, ...object[]]): Promise<ReturnType<World['client']>> =>
      world.client({ stores, metadata: document() as never, auth: await createKeyset(keys) })
    const session = await world.signIn(await make(old))
    expect(other.store.sessions.list(ALICE)).toMatchObject([{ clientKey: { id: 'old' } }])
    published = (await createKeyset([young, old])).publicJwks
    const again = valueOf(await (await make(young, old)).restore(session.id))
    world.advance(3600)
    expect((await again.fetch('/xrpc/a.b.c')).status).toBe(200)
    expect(world.events.at(-1)).toMatchObject({ type: 'session-renewed' })
    const newer = await world.signIn(await make(young, old))
    expect(valueOf(await (await make(young, old)).restore(newer.id)).did).toBe(ALICE)
    expect(other.store.sessions.list(ALICE).map(({ clientKey }) => clientKey?.id)).toEqual(
      expect.arrayContaining(['old', 'young']),
    )
  })

  it('is told when its document and its settings do not fit', async () => {
    const auth = await createKeyset([await privateJwk('k')])
    expect(() => world.client({ auth })).toThrow('auth is for clients of private_key_jwt')
    const metadata = createClientMetadata({
      clientId: id,
      redirectUris: ['https://web.example.com/callback'],
      scope: SCOPE,
      jwks: auth.publicJwks,
    })
    expect(() => world.client({ metadata })).toThrow('auth is for clients of private_key_jwt, which need it')
    expect(JSON.stringify(auth.publicJwks)).not.toContain('"d"')
  })
})

describe('a clock that is wrong', () => {
  it.each([-7200, 7200])('by %d s does not keep anybody out', async (seconds) => {
    world.ahead = seconds * 1000
    const session = await world.signIn(world.client())
    expect((await session.fetch('/xrpc/a.b.c')).status).toBe(200)
    world.advance(3600)
    expect((await session.fetch('/xrpc/a.b.c')).status).toBe(200)
    expect(REDIRECT).toContain('127.0.0.1')
  })
})
