// Servers that lie, send too much, or say nothing.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createMemoryStores } from '../src/index.ts'
import { ALICE, BOB, codeOf, createWorld, valueOf, visit, type Intercept, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

const SERVER = '/.well-known/oauth-authorization-server'
const RESOURCE = '/.well-known/oauth-protected-resource'

/** Changes the document, or the answer, at a path. */
const at =
  (path: string, change: (body: Record<string, unknown>) => unknown): Intercept =>
  async (request, answer) => {
    const response = await answer()
    if (new URL(request.url).pathname !== path) return response
    if (response.status >= 400) return response
    const changed = change((await response.json()) as Record<string, unknown>)
    if (changed instanceof Response) return changed
    return Response.json(changed, {
      status: response.status,
      headers: { 'dpop-nonce': response.headers.get('dpop-nonce') ?? '' },
    })
  }

describe('documents', () => {
  it.each([
    ['another issuer', SERVER, { issuer: 'https://evil.example.com' }, 'wrong-issuer'],
    ['an issuer with a slash', SERVER, { issuer: 'add' }, 'wrong-issuer'],
    ['another resource', RESOURCE, { resource: 'https://evil.example.com' }, 'wrong-issuer'],
    [
      'two servers',
      RESOURCE,
      { authorization_servers: ['https://a.example.com', 'https://b.example.com'] },
      'invalid-metadata',
    ],
    ['no server', RESOURCE, { authorization_servers: [] }, 'invalid-metadata'],
    [
      'a server with a path',
      RESOURCE,
      { authorization_servers: ['https://a.example.com/b'] },
      'invalid-metadata',
    ],
    ['a server of http', RESOURCE, { authorization_servers: ['http://a.example.com'] }, 'invalid-metadata'],
    ['foreign resources', SERVER, { protected_resources: ['https://other.example.com'] }, 'wrong-issuer'],
    ['no iss', SERVER, { authorization_response_iss_parameter_supported: false }, 'invalid-metadata'],
    ['no PAR', SERVER, { require_pushed_authorization_requests: undefined }, 'invalid-metadata'],
    ['no documents of clients', SERVER, { client_id_metadata_document_supported: 'yes' }, 'invalid-metadata'],
    ['no S256', SERVER, { code_challenge_methods_supported: ['plain'] }, 'invalid-metadata'],
    ['no ES256', SERVER, { dpop_signing_alg_values_supported: 'ES256K' }, 'invalid-metadata'],
    [
      'no public clients',
      SERVER,
      { token_endpoint_auth_methods_supported: ['private_key_jwt'] },
      'invalid-metadata',
    ],
    ['a script for a page', SERVER, { authorization_endpoint: 'javascript:alert(1)//' }, 'invalid-metadata'],
    ['a user in an endpoint', SERVER, { token_endpoint: 'https://a@b.example.com/' }, 'invalid-metadata'],
    [
      'http for an endpoint',
      SERVER,
      { pushed_authorization_request_endpoint: 'http://b.example.com/' },
      'invalid-metadata',
    ],
  ])('with %s are refused', async (_, path, change, code) => {
    world.intercept = at(path, (body) => ({
      ...body,
      ...('issuer' in change && change.issuer === 'add' ? { issuer: `${world.origin}/` } : change),
    }))
    expect(codeOf(await world.client().authorize(ALICE))).toBe(code)
    expect(world.requests).not.toContain('/oauth/par')
  })

  it.each([
    ['that redirect', () => Response.redirect(`${world.origin}/other`), 'redirected'],
    [
      'that are HTML',
      () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
      'invalid-metadata',
    ],
    ['that are a list', () => Response.json([]), 'invalid-metadata'],
    [
      'that are cut',
      () => new Response('{"a":', { headers: { 'content-type': 'application/json' } }),
      'invalid-metadata',
    ],
    ['that are too large by a byte', () => Response.json({ a: 'x'.repeat(256 * 1024 - 7) }), 'too-large'],
    ['that are not there', () => new Response('', { status: 404 }), 'invalid-metadata'],
  ])('%s are refused', async (_, make, code) => {
    for (const path of [RESOURCE, SERVER]) {
      world.intercept = at(path, make)
      // The platform's fetch has no bounds of its own.
      const client = world.client({ fetch: (url, init) => fetch(url, init) })
      expect(codeOf(await client.authorize(ALICE)), path).toBe(code)
    }
  })

  it('as large as they may be are read', async () => {
    world.intercept = at(SERVER, (body) => {
      const size = JSON.stringify({ ...body, more: '' }).length
      return { ...body, more: 'x'.repeat(256 * 1024 - size) }
    })
    expect(codeOf(await world.client().authorize(ALICE))).toBe('ok')
  })

  it.each(['headers', 'a body'])('are not waited for when %s never come', async (what) => {
    world.intercept = async (request, answer) => {
      if (!request.url.endsWith(RESOURCE)) return answer()
      return what === 'headers' ? 'hang' : 'lose'
    }
    const hanging = async (url: string, init: RequestInit): Promise<Response> => {
      if (what === 'headers' || !url.endsWith(RESOURCE)) return fetch(url, init)
      // Obeys no signal.
      return new Response(new ReadableStream({ pull: () => new Promise(() => undefined) }))
    }
    const client = world.client({ timeoutMs: 100, fetch: hanging })
    expect(codeOf(await client.authorize(ALICE))).toBe('timeout')
  })

  it('are not waited for by who gave up', async () => {
    const abort = new AbortController()
    world.intercept = async (): Promise<'hang'> => {
      abort.abort()
      return 'hang'
    }
    const result = await world.client().authorize(world.origin, { signal: abort.signal })
    expect(codeOf(result)).toBe('aborted')
  })

  it('of a server are asked for again after ten minutes, and the old ones hold while it is away', async () => {
    const client = world.client()
    const asked = (): number => world.requests.filter((path) => path === SERVER).length
    await client.authorize(ALICE)
    world.advance(599)
    await client.authorize(ALICE)
    expect(asked()).toBe(1)
    world.advance(2)
    world.intercept = async (request, answer) =>
      request.url.endsWith(SERVER) ? new Response('', { status: 500 }) : answer()
    expect(codeOf(await client.authorize(ALICE))).toBe('ok')
    expect(asked()).toBe(2)
  })
})

describe('the way back', () => {
  const begin = async (): Promise<{ client: ReturnType<World['client']>; back: URL }> => {
    const client = world.client()
    const { url } = valueOf(await client.authorize(ALICE))
    return { client, back: await visit(url) }
  }

  it.each([
    [
      'another iss',
      (back: URL): void => back.searchParams.set('iss', 'https://evil.example.com'),
      'wrong-issuer',
    ],
    ['no iss', (back: URL): void => back.searchParams.delete('iss'), 'wrong-issuer'],
    [
      'two of iss',
      (back: URL): void => back.searchParams.append('iss', 'https://evil.example.com'),
      'wrong-issuer',
    ],
    [
      'an error of another issuer',
      (back: URL): void => {
        back.searchParams.delete('iss')
        back.searchParams.set('error', 'access_denied')
      },
      'wrong-issuer',
    ],
    ['no code', (back: URL): void => back.searchParams.delete('code'), 'invalid-answer'],
    ['two codes', (back: URL): void => back.searchParams.append('code', 'x'), 'invalid-answer'],
    ['another state', (back: URL): void => back.searchParams.set('state', 'x'), 'unknown-state'],
    ['no state', (back: URL): void => back.searchParams.delete('state'), 'unknown-state'],
    ['two states', (back: URL): void => back.searchParams.append('state', 'x'), 'unknown-state'],
  ])('with %s is refused, and no code is sent', async (_, change, code) => {
    const { client, back } = await begin()
    change(back)
    expect(codeOf(await client.callback(back))).toBe(code)
    expect(world.requests).not.toContain('/oauth/token')
  })

  it('counts once', async () => {
    const { client, back } = await begin()
    expect(codeOf(await client.callback(back))).toBe('ok')
    expect(codeOf(await client.callback(back))).toBe('unknown-state')
  })

  it('is forgotten after an hour', async () => {
    const { client, back } = await begin()
    world.advance(3600)
    expect(codeOf(await client.callback(back))).toBe('unknown-state')
  })

  it('that was refused for its issuer cannot be tried again', async () => {
    const { client, back } = await begin()
    const wrong = new URL(back)
    wrong.searchParams.set('iss', 'https://evil.example.com')
    await client.callback(wrong)
    expect(codeOf(await client.callback(back))).toBe('unknown-state')
  })

  it('of an honest server does not reach one that mixed the two up', async () => {
    const evil = await world.host()
    const client = world.client()
    // The person was led to the evil server, which handed the honest one's page on.
    const mine = valueOf(await client.authorize(evil.origin))
    const honest = valueOf(await world.client().authorize(ALICE))
    const back = await visit(honest.url)
    back.searchParams.set('state', mine.state)
    expect(codeOf(await client.callback(back))).toBe('wrong-issuer')
    expect(evil.requests).not.toContain('/oauth/token')
  })
})

describe('tokens', () => {
  const finish = async (stores = createMemoryStores(), who = ALICE): Promise<string> => {
    const client = world.client({ stores })
    const result = await client.authorize(ALICE)
    return codeOf(await client.callback(await visit(valueOf(result).url, who)))
  }

  it('of another account than was asked for are given back', async () => {
    const stores = createMemoryStores()
    expect(await finish(stores, BOB)).toBe('wrong-account')
    expect(await stores.sessions.list()).toEqual([])
    expect(world.store.sessions.list(BOB)).toEqual([])
  })

  it('for an account that the server does not keep are given back', async () => {
    const evil = await world.host()
    const stores = createMemoryStores()
    const client = world.client({ stores })
    const { url } = valueOf(await client.authorize(evil.origin))
    expect(codeOf(await client.callback(await visit(url)))).toBe('wrong-issuer')
    expect(await stores.sessions.list()).toEqual([])
    expect(evil.store.sessions.list(ALICE)).toEqual([])
    expect(evil.requests).toContain('/oauth/revoke')
  })

  it('are taken after the account was looked up once more, past any cache', async () => {
    const asked: boolean[] = []
    const client = world.client({
      resolve: async (_, { fresh }) => {
        asked.push(fresh)
        return { did: ALICE, pds: world.origin }
      },
    })
    await world.signIn(client)
    expect(asked).toEqual([false, true])
  })

  it('for an account that moved away meanwhile are given back', async () => {
    const other = await world.host()
    const client = world.client()
    const { url } = valueOf(await client.authorize(ALICE))
    const back = await visit(url)
    world.accounts.set(ALICE, { pds: other.origin, handle: 'alice.example.com' })
    expect(codeOf(await client.callback(back))).toBe('wrong-issuer')
    expect(world.store.sessions.list(ALICE)).toEqual([])
  })

  it.each([
    ['token_type', 'Bearer'],
    ['sub', undefined],
    ['sub', 'alice'],
    ['scope', undefined],
    ['scope', 'transition:generic'],
    ['access_token', 7],
    ['access_token', 'a b'],
    ['access_token', 'x'.repeat(32 * 1024 + 1)],
    ['refresh_token', ''],
    ['expires_in', -1],
    ['expires_in', '900'],
  ])('with a %s of %j are refused', async (field, value) => {
    world.intercept = at('/oauth/token', (body) => ({ ...body, [field]: value }))
    expect(await finish()).toBe('invalid-answer')
  })

  it('of another letter case of the type are fine', async () => {
    world.intercept = at('/oauth/token', (body) => ({ ...body, token_type: 'dpop' }))
    expect(await finish()).toBe('ok')
  })

  it('that come in a page of HTML are refused', async () => {
    world.intercept = at('/oauth/token', () => new Response('<html>', { status: 200 }))
    expect(await finish()).toBe('invalid-answer')
  })
})

describe('nonces', () => {
  it('that change with every answer cost one more try each, not more', async () => {
    let count = 0
    const client = world.client()
    const session = await world.signIn(client)
    world.intercept = async (request, answer) => {
      if (!request.url.includes('/xrpc/')) return answer()
      count += 1
      const headers = { 'dpop-nonce': `n${count}`, 'www-authenticate': 'DPoP error="use_dpop_nonce"' }
      return new Response('{}', { status: 401, headers })
    }
    expect((await session.fetch('/xrpc/a.b.c')).status).toBe(401)
    expect(count).toBe(2)
  })

  it('that a server asks for without giving one do not lead to another try', async () => {
    let count = 0
    world.intercept = async (request, answer) => {
      if (!request.url.endsWith('/oauth/par')) return answer()
      count += 1
      return Response.json({ error: 'use_dpop_nonce' }, { status: 400 })
    }
    expect(await world.client().authorize(ALICE)).toMatchObject({
      error: { code: 'refused', oauthError: 'use_dpop_nonce' },
    })
    expect(count).toBe(1)
  })

  it('of the last answer go with the next request', async () => {
    const session = await world.signIn(world.client())
    const before = world.requests.length
    await session.fetch('/xrpc/a.b.c')
    await session.fetch('/xrpc/a.b.c')
    expect(world.requests.slice(before)).toEqual(['/xrpc/a.b.c', '/xrpc/a.b.c'])
  })
})

describe('an answer of the endpoint of requests', () => {
  it.each([
    ['no request_uri', {}],
    ['a number', { request_uri: 7 }],
    ['one too long', { request_uri: 'x'.repeat(2049) }],
  ])('with %s is refused', async (_, body) => {
    world.intercept = at('/oauth/par', () => body)
    expect(codeOf(await world.client().authorize(ALICE))).toBe('invalid-answer')
  })

  it('that refuses is told, cut and without what terminals obey', async () => {
    const error_description = `\u001b[31m${'x'.repeat(5000)}`
    world.intercept = async (request, answer) =>
      request.url.endsWith('/oauth/par')
        ? Response.json({ error: 'invalid_scope', error_description }, { status: 400 })
        : answer()
    const result = await world.client().authorize(ALICE)
    expect(result).toMatchObject({ error: { code: 'refused', oauthError: 'invalid_scope', status: 400 } })
    const message = result.ok ? '' : result.error.message
    expect(message).not.toContain('\u001b')
    expect(message.length).toBeLessThan(400)
  })
})
