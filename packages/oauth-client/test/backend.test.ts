// A backend for front ends: what a browser with its cookies gets, and what nobody else does.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLoopbackMetadata } from '../src/index.ts'
import { createOAuthBackend, type OAuthBackend, type OAuthBackendOptions } from '../src/node/index.ts'
import { ALICE, createWorld, SCOPE, visit, type World } from './world.ts'

const ORIGIN = 'http://127.0.0.1:8080'
const NSID = 'com.example.get'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

/** A browser: it keeps cookies, and says where a request comes from. */
interface BrowserLike {
  readonly cookies: Map<string, string>
  send(path: string, init?: RequestInit & { readonly site?: string | null }): Promise<Response>
}

function browserOf(backend: OAuthBackend): BrowserLike {
  const cookies = new Map<string, string>()
  return {
    cookies,
    send: async (path, { site = 'same-origin', ...init } = {}) => {
      const headers = new Headers(init.headers)
      if (site !== null) headers.set('sec-fetch-site', site)
      if (cookies.size > 0) headers.set('cookie', [...cookies].map((pair) => pair.join('=')).join('; '))
      const answer = await backend.fetch(new Request(new URL(path, ORIGIN), { ...init, headers }))
      if (answer === null) return new Response('not its own', { status: 418 })
      for (const set of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!
        if (value === '') cookies.delete(name!)
        else cookies.set(name!, value!)
      }
      return answer
    },
  }
}

function start(options: Partial<OAuthBackendOptions> = {}): { backend: OAuthBackend; browser: BrowserLike } {
  const client = world.client({
    metadata: createLoopbackMetadata({ redirectUri: 'http://127.0.0.1/oauth/callback', scope: SCOPE }),
  })
  const backend = createOAuthBackend({ client, origin: ORIGIN, methods: [NSID], ...options })
  return { backend, browser: browserOf(backend) }
}

const login = (browser: BrowserLike, fields: Record<string, string> = {}): Promise<Response> =>
  browser.send('/oauth/login', { method: 'POST', body: new URLSearchParams({ handle: ALICE, ...fields }) })

/** Signs in; gives where the browser ended. */
async function signIn(browser: BrowserLike, fields: Record<string, string> = {}): Promise<string | null> {
  const begun = await login(browser, fields)
  expect(begun.status).toBe(303)
  const back = await visit(new URL(begun.headers.get('location')!))
  const done = await browser.send(back.pathname + back.search, { site: 'cross-site' })
  expect(done.status).toBe(303)
  return done.headers.get('location')
}

describe('a browser that signs in', () => {
  it('gets a cookie that no script reads, calls by it, and is forgotten when it signs out', async () => {
    const { browser, backend } = start()
    expect((await browser.send('/oauth/session')).status).toBe(401)
    expect(await signIn(browser, { next: '/notes?page=2' })).toBe('/notes?page=2')
    expect([...browser.cookies.keys()]).toEqual(['session'])
    expect(await (await browser.send('/oauth/session')).json()).toEqual({ did: ALICE })
    const answer = await browser.send(`/xrpc/${NSID}?a=b`)
    expect([answer.status, await answer.json()]).toEqual([200, { did: ALICE, at: world.origin, body: '' }])
    const posted = await browser.send(`/xrpc/${NSID}`, {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    })
    expect(await posted.json()).toMatchObject({ body: '{"a":1}' })
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join()
    const out = await browser.send('/oauth/logout', { method: 'POST' })
    expect([out.status, out.headers.get('location'), browser.cookies.size]).toEqual([303, '/', 0])
    expect(await backend.session(new Request(ORIGIN, { headers: { cookie } }))).toBeNull()
    expect(world.requests.at(-1)).toBe('/oauth/revoke')
  })

  it('gets cookies with all the locks', async () => {
    const { browser } = start()
    const begun = await login(browser)
    expect(begun.headers.get('set-cookie')).toMatch(
      /^sign-in=[\w-]{22}; Path=\/oauth; Max-Age=3600; HttpOnly; SameSite=Lax$/,
    )
    const https = start({ origin: 'https://app.example.com' })
    const out = await https.backend.fetch(
      new Request('https://app.example.com/oauth/logout', {
        method: 'POST',
        headers: { 'sec-fetch-site': 'same-origin' },
      }),
    )
    expect(out!.headers.get('set-cookie')).toBe(
      '__Host-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure',
    )
  })

  it.each([
    'https://elsewhere.example.com/',
    '//elsewhere.example.com',
    '/\\elsewhere.example.com',
    'notes',
    `/${'x'.repeat(2048)}`,
  ])('goes home, not to %s', async (next) => {
    expect(await signIn(start().browser, { next })).toBe('/')
  })

  it('goes home with the reason when it fails', async () => {
    const failures: string[] = []
    const { browser } = start({ onError: ({ code }) => failures.push(code) })
    const wrong = await login(browser, { handle: 'nobody' })
    expect([wrong.status, wrong.headers.get('location'), failures]).toEqual([
      303,
      '/?error=invalid-input',
      ['invalid-input'],
    ])
    expect((await login(browser, { handle: 'x'.repeat(5000) })).status).toBe(413)
  })
})

describe('somebody else', () => {
  it('cannot sign a browser in as themselves', async () => {
    const { browser, backend } = start()
    const begun = await login(browser)
    const back = await visit(new URL(begun.headers.get('location')!))
    const victim = browserOf(backend)
    const done = await victim.send(back.pathname + back.search, { site: 'cross-site' })
    expect([done.headers.get('location'), victim.cookies.size]).toEqual(['/?error=unknown-state', 0])
    // It is still there for the one who began it.
    await browser.send(back.pathname + back.search, { site: 'cross-site' })
    expect(browser.cookies.has('session')).toBe(true)
  })

  it.each([ALICE, '', 'x'.repeat(22), 'x'.repeat(21), `${'x'.repeat(22)}%0a`])(
    'gets nothing by the cookie %j',
    async (value) => {
      const { browser } = start()
      await signIn(browser)
      browser.cookies.set('session', value)
      expect((await browser.send('/oauth/session')).status).toBe(401)
      expect((await browser.send(`/xrpc/${NSID}`)).status).toBe(401)
    },
  )

  it.each([
    ['POST', '/oauth/login'],
    ['POST', '/oauth/logout'],
    ['GET', '/oauth/session'],
    ['GET', `/xrpc/${NSID}`],
    ['POST', `/xrpc/${NSID}`],
  ])('of another site cannot have a browser %s %s', async (method, path) => {
    const { browser } = start()
    await signIn(browser)
    for (const site of ['cross-site', 'same-site', 'none']) {
      expect((await browser.send(path, { method, site })).status, site).toBe(403)
    }
    const headers = { origin: 'https://elsewhere.example.com' }
    expect((await browser.send(path, { method, site: null, headers })).status).toBe(403)
    expect((await browser.send(path, { method, site: null })).status).toBe(403)
    expect((await browser.send(path, { method, site: null, headers: { origin: ORIGIN } })).status).not.toBe(
      403,
    )
  })
})

describe('calls', () => {
  it('reach the methods that are named, and nothing that is no method', async () => {
    const { browser } = start()
    await signIn(browser)
    const before = world.requests.length
    expect((await browser.send('/xrpc/com.example.other')).status).toBe(404)
    expect((await browser.send('/xrpc/..%2foauth')).status).toBe(418)
    expect((await browser.send(`/xrpc/${NSID}`, { method: 'DELETE' })).status).toBe(418)
    expect((await browser.send('/elsewhere')).status).toBe(418)
    expect(world.requests.length).toBe(before)
    const all = start({ methods: null })
    await signIn(all.browser)
    expect((await all.browser.send('/xrpc/com.example.other')).status).toBe(200)
  })

  it('take no cookie to the PDS, and bring nothing back that runs or stays', async () => {
    const { browser } = start()
    await signIn(browser)
    let seen: Headers | null = null
    world.intercept = async (request, answer) => {
      if (!request.url.includes('/xrpc/')) return answer()
      seen = request.headers
      return new Response('<script>', {
        headers: { 'content-type': 'text/html', 'set-cookie': 'a=b', 'x-other': 'c' },
      })
    }
    const answer = await browser.send(`/xrpc/${NSID}`, {
      headers: { 'x-mine': 'a', authorization: 'Bearer x', accept: 'text/html' },
    })
    expect([seen!.get('cookie'), seen!.get('x-mine'), seen!.get('accept')]).toEqual([null, null, 'text/html'])
    expect(seen!.get('authorization')).toMatch(/^DPoP /)
    expect(Object.fromEntries(answer.headers)).toEqual({
      'cache-control': 'no-store',
      'content-disposition': 'attachment',
      'content-security-policy': "default-src 'none'; sandbox",
      'content-type': 'text/html',
      'x-content-type-options': 'nosniff',
    })
  })

  it.each([
    [10, 200],
    [11, 413],
  ])('with a body of %d bytes of 10 answer %d', async (length, status) => {
    const { browser } = start({ maxBodyBytes: 10 })
    await signIn(browser)
    expect((await browser.send(`/xrpc/${NSID}`, { method: 'POST', body: 'x'.repeat(length) })).status).toBe(
      status,
    )
  })

  it('answer 401 when the session is over, and 502 while the PDS is away', async () => {
    const { browser } = start()
    await signIn(browser)
    world.intercept = async (request, answer) => (request.url.includes('/xrpc/') ? 'lose' : answer())
    expect((await browser.send(`/xrpc/${NSID}`)).status).toBe(502)
    world.intercept = async (request, answer) =>
      request.url.endsWith('/oauth/token')
        ? Response.json({ error: 'invalid_grant' }, { status: 400 })
        : answer()
    world.advance(3600)
    expect((await browser.send(`/xrpc/${NSID}`)).status).toBe(401)
  })
})

it('serves the document of its client where that is of its origin', async () => {
  const metadata = {
    ...createLoopbackMetadata({ redirectUri: `${ORIGIN}/oauth/callback`, scope: SCOPE }),
    client_id: `${ORIGIN}/client.json`,
  }
  const { backend } = start({ client: world.client({ metadata }) })
  const answer = await backend.fetch(new Request(`${ORIGIN}/client.json`))
  expect(await answer!.json()).toEqual(metadata)
})
