// What strangers and hostile apps try at the pages of sign-in: each gets its answer, and nothing is granted.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createBrowser, fieldsOf, type Seen, type TestBrowser } from './browser.ts'
import { startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { createApp, type AppRequest, type TestApp } from './oauth-app.ts'

const PASSWORD = 'correct horse'

let net: TestNetwork
let alice: TestAccount
let app: TestApp
beforeAll(async () => {
  net = await startNetwork({ config: { inviteRequired: false } })
  alice = await net.account()
  app = await createApp(origin, 'atproto blob:image/png')
})
afterAll(() => net[Symbol.asyncDispose]())

const origin = (): string => `http://localhost:${net.pds.port}`
const authorize = (): string => `${origin()}/oauth/authorize`
const browse = (): TestBrowser => createBrowser(origin)
const location = (seen: Seen): URL => new URL(seen.headers['location']!, origin())
const FAILED = 'That did not work'
const HASH = `'sha256-[\\w+/=]{44}'`
/** Without the script of passkeys, which the policy of the page names by its hash. */
const unscripted = ({ text }: Seen): string => text.replace(/<script>.*?<\/script>/s, '')

async function toConsent(browser: TestBrowser, request: AppRequest): Promise<Seen> {
  const page = await browser.visit(request.url)
  const typed = { identifier: alice.handle, password: PASSWORD, remember: 'yes' }
  const signedIn = await browser.submit(page, 'sign-in', typed)
  return browser.visit(location(signedIn).href)
}
/** Whether the request is still there for its browser. */
const lives = async (browser: TestBrowser, request: AppRequest): Promise<boolean> =>
  (await browser.visit(request.url)).status === 200

describe('requests that cannot be trusted end on a page, never at the app', () => {
  test.each([
    ['nothing', ''],
    [
      'parameters that were not pushed',
      '?client_id=http%3A%2F%2Flocalhost&redirect_uri=http%3A%2F%2F127.0.0.1%2F&scope=atproto&response_type=code',
    ],
    [
      'a request that is none',
      '?client_id=http%3A%2F%2Flocalhost&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Areq-00',
    ],
  ])('%s', async (_what, query) => {
    const seen = await browse().visit(authorize() + query)
    expect([seen.status, seen.title, seen.headers['location']]).toEqual([400, FAILED, undefined])
  })

  test('the request of another app, and one that was named twice', async () => {
    const { parameters, url } = await app.begin()
    const other = new URLSearchParams({ ...parameters, client_id: 'http://localhost' })
    expect((await browse().visit(`${authorize()}?${other.toString()}`)).status).toBe(400)
    expect((await browse().visit(`${url}&client_id=http%3A%2F%2Flocalhost`)).status).toBe(400)
  })

  test('one that was answered already', async () => {
    const browser = browse()
    const request = await app.begin()
    const consent = await toConsent(browser, request)
    expect((await browser.submit(consent, 'consent')).status).toBe(303)
    const again = await browser.submit(consent, 'consent')
    expect([again.status, again.title, again.headers['location']]).toEqual([400, FAILED, undefined])
    expect((await browser.visit(request.url)).status).toBe(400)
  })

  test('a second browser ends it for both', async () => {
    const [mine, other] = [browse(), browse()]
    const request = await app.begin()
    const page = await mine.visit(request.url)
    const seen = await other.visit(request.url)
    expect([seen.status, seen.text.includes('begun in another browser')]).toEqual([400, true])
    const late = await mine.submit(page, 'sign-in', { identifier: alice.handle, password: PASSWORD })
    expect([late.status, late.headers['location']]).toEqual([400, undefined])
  })
})

describe('where a request comes from', () => {
  test.each([
    ['inside another page', { 'sec-fetch-dest': 'iframe' }],
    ['as an object', { 'sec-fetch-dest': 'object' }],
    ['by a script', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    ['ahead of time', { 'sec-purpose': 'prefetch;prerender' }],
  ])('a page asked for %s is not shown, and its request is not opened', async (_how, headers) => {
    const request = await app.begin()
    const seen = await browse().visit(request.url, { headers })
    expect([seen.status, seen.title, seen.cookies]).toEqual([403, FAILED, []])
    expect(await lives(browse(), request)).toBe(true)
  })

  test.each(['none', 'same-origin', 'same-site', 'cross-site'])(
    'whoever navigates there from %s sees it',
    async (site) => {
      const seen = await browse().visit((await app.begin()).url, { headers: { 'sec-fetch-site': site } })
      expect(seen.status).toBe(200)
    },
  )

  test('browsers that say nothing of it see pages, too', async () => {
    const headers = { 'sec-fetch-mode': null, 'sec-fetch-dest': null, 'sec-fetch-site': null }
    expect((await browse().visit((await app.begin()).url, { headers })).status).toBe(200)
  })

  test.each([
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example.com' }],
    ['a site beside this one', { 'sec-fetch-site': 'same-site' }],
    [
      'another origin, by a browser that says no more',
      { 'sec-fetch-site': null, origin: 'https://evil.example.com' },
    ],
    ['nowhere', { 'sec-fetch-site': null, origin: 'null' }],
    ['a browser that says nothing', { 'sec-fetch-site': null, origin: null }],
    ['a script of ours', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
  ])('a form posted by %s does nothing', async (_who, headers) => {
    const browser = browse()
    const request = await app.begin()
    const consent = await toConsent(browser, request)
    const seen = await browser.post(authorize(), fieldsOf(consent, 'consent'), { headers })
    expect([seen.status, seen.title, seen.headers['location']]).toEqual([403, FAILED, undefined])
    expect(await lives(browser, request)).toBe(true)
  })

  test('a form posted by a browser that names its origin alone is taken', async () => {
    const browser = browse()
    const consent = await toConsent(browser, await app.begin())
    const headers = { 'sec-fetch-site': null, 'sec-fetch-mode': null, 'sec-fetch-dest': null }
    expect((await browser.post(authorize(), fieldsOf(consent, 'consent'), { headers })).status).toBe(303)
  })

  test.each([
    ['without its token', (fields: [string, string][]) => fields.filter(([name]) => name !== 'form')],
    [
      'with a token of another browser',
      (fields: [string, string][]) =>
        fields.map(([name, value]): [string, string] => [
          name,
          name === 'form' ? `${value.startsWith('A') ? 'B' : 'A'}${value.slice(1)}` : value,
        ]),
    ],
  ])('a form %s does nothing', async (_how, change) => {
    const browser = browse()
    const request = await app.begin()
    const consent = await toConsent(browser, request)
    const seen = await browser.post(authorize(), change(fieldsOf(consent, 'consent')))
    expect([seen.status, seen.title]).toEqual([403, FAILED])
    expect(await lives(browser, request)).toBe(true)
  })

  test('a form of a browser that lost its cookie does nothing, and it gets no other', async () => {
    const browser = browse()
    const consent = await toConsent(browser, await app.begin())
    browser.cookies.clear()
    const seen = await browser.post(authorize(), fieldsOf(consent, 'consent'))
    expect([seen.status, seen.cookies]).toEqual([403, []])
  })

  const MAX_FORM = 64 * 1024
  test.each([
    ['of another type', 0, 403, { 'content-type': 'text/plain' }],
    ['of 64 KiB', MAX_FORM, 303, {}],
    ['a byte beyond', MAX_FORM + 1, 403, {}],
    [
      'of 64 KiB that does not say so',
      MAX_FORM,
      303,
      { 'content-length': null, 'transfer-encoding': 'chunked' },
    ],
    [
      'a byte beyond that does not say so',
      MAX_FORM + 1,
      403,
      { 'content-length': null, 'transfer-encoding': 'chunked' },
    ],
  ])('a form %s', async (_how, size, status, headers) => {
    const browser = browse()
    const consent = await toConsent(browser, await app.begin())
    const form = new URLSearchParams(fieldsOf(consent, 'consent')).toString()
    const body = `${form}&pad=`.padEnd(size, 'a')
    const seen = await browser.post(authorize(), [], { headers, body })
    expect([seen.status, seen.title]).toEqual([status, status === 403 ? FAILED : ''])
  })

  test('consent for an account that is not signed in there, or that is made up, grants nothing', async () => {
    const bert = await net.account()
    for (const account of [bert.did, 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', '']) {
      const browser = browse()
      const request = await app.begin()
      const consent = await toConsent(browser, request)
      const seen = await browser.submit(consent, 'consent', { account })
      expect([seen.status, seen.title, seen.headers['location']]).toEqual([403, FAILED, undefined])
      expect(await lives(browser, request)).toBe(true)
    }
  })

  test('a scope that was not asked for is not granted by a form that names it', async () => {
    const browser = browse()
    const request = await app.begin()
    const consent = await toConsent(browser, request)
    const way = await browser.submit(consent, 'consent', {
      scope: ['repo:*', 'transition:generic', 'blob:*/*'],
    })
    const tokens = await request.exchange(location(way).searchParams.get('code')!)
    expect([tokens.status, tokens.body.scope]).toEqual([200, 'atproto'])
  })

  test('a copied cookie is worth nothing once its owner signed in', async () => {
    const browser = browse()
    const thief = browse()
    await browser.visit((await app.begin()).url)
    for (const [name, value] of browser.cookies) thief.cookies.set(name, value)
    await toConsent(browser, await app.begin())
    expect((await browser.visit((await app.begin()).url)).title).toBe('Allow access')
    expect((await thief.visit((await app.begin()).url)).title).toBe('Sign in')
  })
})

describe('where pages are', () => {
  test.each([
    '/oauth/authorize',
    '/oauth/jwks',
    '/.well-known/oauth-authorization-server',
    '/.well-known/oauth-protected-resource',
  ])('%s is on the main host alone', async (path) => {
    for (const host of [alice.handle, `evil.example.com:${net.pds.port}`, '127.0.0.1']) {
      const seen = await browse().visit(origin() + path, { headers: { host } })
      expect([host, seen.status]).toEqual([host, 404])
    }
  })

  test.each(['HEAD', 'PUT', 'DELETE', 'OPTIONS'])('%s is no way to a page', async (method) => {
    const request = await app.begin()
    const seen = await browse().visit(request.url, { method })
    expect([seen.status, seen.headers['allow'], seen.headers['access-control-allow-origin']]).toEqual([
      405,
      'GET, POST',
      undefined,
    ])
    expect(await lives(browse(), request)).toBe(true)
  })

  test('every page has its headers, and no other site may read it', async () => {
    const browser = browse()
    const seen = [await browser.visit((await app.begin()).url), await browser.visit(authorize())]
    seen.push(await toConsent(browser, await app.begin()))
    const rest = `; img-src 'self' https:; frame-ancestors 'none'; base-uri 'none'`
    // A sign-in may be by passkey, which takes the one script there is.
    expect(seen[0]!.headers['content-security-policy']).toMatch(
      new RegExp(`^default-src 'none'; style-src ${HASH}; script-src ${HASH}${rest}`),
    )
    for (const { headers } of seen.slice(1)) {
      expect(headers['content-security-policy']).toMatch(
        new RegExp(`^default-src 'none'; style-src ${HASH}${rest}`),
      )
    }
    for (const { headers } of seen) {
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'content-type': 'text/html; charset=utf-8',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      })
      expect(headers['access-control-allow-origin']).toBeUndefined()
    }
  })

  test('the cookie is of this host, and no script reads it', async () => {
    const { cookies } = await browse().visit((await app.begin()).url)
    expect(cookies).toEqual([
      expect.stringMatching(
        /^avocet-device=[\w-]{22}\.[\w-]{43}; Path=\/; Max-Age=34560000; HttpOnly; SameSite=Lax$/,
      ),
    ])
  })

  test('no script stands on a page but that of passkeys', async () => {
    const browser = browse()
    const signIn = await browser.visit((await app.begin()).url)
    const consent = await toConsent(browser, await app.begin())
    for (const text of [unscripted(signIn), consent.text]) {
      expect(text).not.toMatch(/<script|\son\w+=|javascript:|\sstyle=/i)
    }
  })
})

describe('what strangers write', () => {
  test('a state cannot add to the way back', async () => {
    const browser = browse()
    const state = 'a&iss=https://evil.example.com#f\r\nlocation: x'
    const consent = await toConsent(browser, await app.begin({ state }))
    const back = location(await browser.submit(consent, 'consent'))
    expect(back.searchParams.getAll('iss')).toEqual([origin()])
    expect([back.searchParams.get('state'), back.hash]).toEqual([state, ''])
  })

  test('what was typed, and what the app hints at, is text on the page', async () => {
    const browser = browse()
    const page = await browser.visit((await app.begin()).url)
    const identifier = `"><script>alert(1)</script>' onfocus=x`
    const again = await browser.submit(page, 'sign-in', { identifier, password: 'wrong' })
    expect([again.status, again.title]).toEqual([400, 'Sign in'])
    expect(again.text).toContain('value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39; onfocus=x"')
    expect(unscripted(again)).not.toContain('<script')
  })

  test.each([
    ['en', 'Sign in'],
    ['de-AT, en;q=0.8', 'Anmelden'],
    ['fr, de;q=0.1, en;q=0', 'Anmelden'],
    ['xx,'.repeat(5000), 'Sign in'],
    [';;q=x,=,', 'Sign in'],
  ])('languages: %.20s', async (languages, title) => {
    const seen = await browse().visit((await app.begin()).url, { headers: { 'accept-language': languages } })
    expect([seen.status, seen.title]).toEqual([200, title])
  })
})

describe('passwords and codes', () => {
  const attempt = async (identifier: string, password: string): Promise<Seen> => {
    const browser = browse()
    const page = await browser.visit((await app.begin()).url)
    return browser.submit(page, 'sign-in', { identifier, password })
  }
  // Each attempt has a request of its own.
  const stripped = ({ text }: Seen): string =>
    text.replaceAll(/value="[^"]*"/g, '').replaceAll(/req-[0-9a-f]{32}/g, '')

  test('who is not there and who gave a wrong password are told the same', async () => {
    const known = await attempt(alice.handle, 'wrong')
    const unknown = await attempt('nobody.test', 'wrong')
    expect([known.status, unknown.status]).toEqual([400, 400])
    expect(stripped(known)).toBe(stripped(unknown))
    expect(known.text).toContain('The handle or the password is wrong.')
  })

  test('an app password, an empty and an endless one let nobody in', async () => {
    const made = await net.post('com.atproto.server.createAppPassword', {
      token: alice.accessJwt,
      input: { name: 'app' },
    })
    for (const password of [made.body.password, '', 'x'.repeat(513)]) {
      const seen = await attempt(alice.handle, password)
      expect([seen.status, seen.title, seen.headers['location']]).toEqual([400, 'Sign in', undefined])
    }
  })

  test('an account that was taken down is told so, and not let in', async () => {
    const dora = await net.account()
    const subject = { $type: 'com.atproto.admin.defs#repoRef', did: dora.did }
    await net.post('com.atproto.admin.updateSubjectStatus', {
      admin: true,
      input: { subject, takedown: { applied: true, ref: 'x' } },
    })
    const seen = await attempt(dora.handle, PASSWORD)
    expect([seen.status, seen.text.includes('This account has been taken down.')]).toEqual([403, true])
  })
})

test('the 31st try at one account from one network is told to wait, and others are let in', async () => {
  await using limited = await startNetwork({ config: { inviteRequired: false, rateLimitsEnabled: true } })
  const [erik, fred] = [await limited.account(), await limited.account()]
  const there = (): string => `http://localhost:${limited.pds.port}`
  const other = await createApp(there, 'atproto')
  const browser = createBrowser(there)
  const page = await browser.visit((await other.begin()).url)
  const attempt = async (identifier: string, password: string): Promise<number> =>
    (await browser.submit(page, 'sign-in', { identifier, password })).status
  const statuses: number[] = []
  // By whichever name: it is one account.
  for (let n = 0; n < 31; n++) statuses.push(await attempt(n % 2 === 0 ? erik.handle : erik.did, 'no'))
  expect(statuses).toEqual([...Array.from({ length: 30 }, () => 400), 429])
  expect(await attempt(fred.handle, PASSWORD)).toBe(303)
  // Those of the method are counted with them.
  const input = { identifier: erik.handle, password: 'no' }
  expect((await limited.post('com.atproto.server.createSession', { input })).status).toBe(429)
})
