// The pages on which owners sign in and let apps in, as a browser without scripts sees them.
import { createServer, type AddressInfo } from 'node:net'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createBrowser, fieldsOf, type Seen, type TestBrowser } from './browser.ts'
import { startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { createApp, type AppRequest, type TestApp } from './oauth-app.ts'

const PASSWORD = 'correct horse'
const SCOPE = 'atproto repo?collection=com.example.note&action=create blob:image/png'

let net: TestNetwork
let alice: TestAccount
let app: TestApp
/** A port that nobody uses: the issuer of tokens has to be the same after a restart. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

beforeAll(async () => {
  net = await startNetwork({
    config: {
      port: await freePort(),
      inviteRequired: false,
      serviceName: 'A <b>service</b>',
      privacyPolicyUrl: 'https://example.com/privacy?a=1&b="2"',
      primaryColor: '#ffcc00',
    },
  })
  alice = await net.account()
  app = await createApp(origin, SCOPE)
})
afterAll(() => net[Symbol.asyncDispose]())

const origin = (): string => `http://localhost:${net.pds.port}`
const browse = (): TestBrowser => createBrowser(origin)
const typed = (identifier: string, more: Record<string, string> = {}) => ({
  identifier,
  password: PASSWORD,
  ...more,
})
const location = (seen: Seen): URL => new URL(seen.headers['location']!, origin())

/** Signs in up to the page of consent. */
async function toConsent(
  browser: TestBrowser,
  request: AppRequest,
  more: Record<string, string> = {},
): Promise<Seen> {
  const page = await browser.visit(request.url)
  const signedIn = await browser.submit(page, 'sign-in', typed(alice.handle, more))
  expect(signedIn.status).toBe(303)
  return browser.visit(location(signedIn).href)
}

describe('the whole flow', () => {
  test('sign in, consent, code, tokens, a call, renewal, the end', async () => {
    const browser = browse()
    const request = await app.begin()
    const page = await browser.visit(request.url)
    expect([page.status, page.title]).toEqual([200, 'Sign in'])
    expect(page.text).toContain('to continue to an application on your device.')
    const consent = await toConsent(browser, request)
    expect([consent.status, consent.title]).toEqual([200, 'Allow access'])
    expect(consent.text).toContain('Create records of example.com (note) in your public repository.')
    expect(consent.text).toContain('Upload image/png files.')
    const way = await browser.submit(consent, 'consent')
    expect(way.status).toBe(303)
    const back = location(way)
    expect(back.origin + back.pathname).toBe(app.redirectUri)
    expect([...back.searchParams.keys()].toSorted()).toEqual(['code', 'iss', 'state'])
    expect(back.searchParams.get('iss')).toBe(origin())
    const tokens = await request.exchange(back.searchParams.get('code')!)
    expect([tokens.status, tokens.body.sub, tokens.body.scope]).toEqual([200, alice.did, expect.any(String)])
    const note = { $type: 'com.example.note', text: 'from an app' }
    const input = { repo: alice.did, collection: 'com.example.note', record: note, validate: false }
    const token = tokens.body.access_token as string
    const made = await app.call('com.atproto.repo.createRecord', token, input)
    expect([made.status, made.body]).toEqual([200, expect.any(Object)])
    const refused = await app.call('com.atproto.repo.createRecord', token, {
      ...input,
      collection: 'com.example.other',
      record: { $type: 'com.example.other' },
    })
    expect([refused.status, refused.body.error]).toEqual([403, 'ScopeMissingError'])
    const renewed = await app.post('/oauth/token', {
      grant_type: 'refresh_token',
      refresh_token: tokens.body.refresh_token,
    })
    expect([renewed.status, renewed.body.sub]).toEqual([200, alice.did])
    await net.restart()
    const session = await app.call('com.atproto.server.getSession', renewed.body.access_token)
    expect([session.status, session.body.did]).toEqual([200, alice.did])
    expect((await app.post('/oauth/revoke', { token: renewed.body.refresh_token })).status).toBe(200)
    const over = await app.call('com.atproto.server.getSession', renewed.body.access_token)
    expect([over.status, over.body.error]).toEqual([401, 'invalid_token'])
  })

  test('what is unticked is not granted', async () => {
    const browser = browse()
    const request = await app.begin()
    const consent = await toConsent(browser, request)
    const way = await browser.submit(consent, 'consent', { scope: ['blob:image/png'] })
    const tokens = await request.exchange(location(way).searchParams.get('code')!)
    expect(tokens.body.scope).toBe('atproto blob:image/png')
  })

  test('a scope that is written in another way than ours is granted as any other', async () => {
    const browser = browse()
    const request = await app.begin()
    const consent = await toConsent(browser, request)
    expect(fieldsOf(consent, 'consent').filter(([name]) => name === 'scope')).toEqual([
      ['scope', 'repo:com.example.note?action=create'],
      ['scope', 'blob:image/png'],
    ])
    const way = await browser.submit(consent, 'consent')
    const tokens = await request.exchange(location(way).searchParams.get('code')!)
    expect(tokens.body.scope.split(' ')).toHaveLength(3)
  })

  test('who declines goes back with access_denied, and the request is over', async () => {
    const browser = browse()
    const request = await app.begin()
    const consent = await toConsent(browser, request)
    const back = location(await browser.submit(consent, 'deny'))
    expect([back.searchParams.get('error'), back.searchParams.get('state')]).toEqual([
      'access_denied',
      'state',
    ])
    expect((await browser.visit(request.url)).status).toBe(400)
  })
})

describe('who is signed in on a browser', () => {
  test('not remembered: for this request alone', async () => {
    const browser = browse()
    const request = await app.begin()
    const consent = await toConsent(browser, request)
    const other = await browser.visit((await app.begin()).url)
    expect(other.title).toBe('Sign in')
    expect((await browser.submit(consent, 'consent')).status).toBe(303)
    expect((await browser.visit((await app.begin()).url)).title).toBe('Sign in')
  })

  test('remembered: the next request asks for consent at once; the account can be left', async () => {
    const browser = browse()
    await toConsent(browser, await app.begin(), { remember: 'yes' })
    const request = await app.begin()
    const consent = await browser.visit(request.url)
    expect([consent.title, consent.text.includes(alice.handle)]).toEqual(['Allow access', true])
    const choose = await browser.visit(`${request.url}&step=accounts`)
    expect(choose.title).toBe('Choose an account')
    const out = await browser.submit(choose, 'sign-out')
    expect((await browser.visit(location(out).href)).title).toBe('Sign in')
    const late = await browser.submit(consent, 'consent')
    expect([late.status, late.title]).toEqual([403, 'That did not work'])
  })

  test('two accounts: one is chosen', async () => {
    const bert = await net.account()
    const browser = browse()
    const first = await app.begin()
    await toConsent(browser, first, { remember: 'yes' })
    const page = await browser.visit(`${first.url}&step=sign-in`)
    await browser.submit(page, 'sign-in', typed(bert.handle, { remember: 'yes' }))
    const request = await app.begin()
    expect((await browser.visit(request.url)).title).toBe('Choose an account')
    const hinted = await browser.visit((await app.begin({ login_hint: bert.handle })).url)
    expect([hinted.title, hinted.text.includes(bert.handle)]).toEqual(['Allow access', true])
    const consent = await browser.visit(`${request.url}&account=${bert.did}`)
    const way = await browser.submit(consent, 'consent')
    const tokens = await request.exchange(location(way).searchParams.get('code')!)
    expect(tokens.body.sub).toBe(bert.did)
  })

  test.each([
    ['login', 'Sign in'],
    ['select_account', 'Choose an account'],
    ['consent', 'Allow access'],
    ['create', 'Create an account'],
  ])('an app that asks for %s gets the page %s', async (prompt, title) => {
    const browser = browse()
    await toConsent(browser, await app.begin(), { remember: 'yes' })
    const request = await app.begin({ prompt })
    expect((await browser.visit(request.url)).title).toBe(title)
  })

  test('an app that asks for a fresh sign-in gets it, and no consent of somebody who signed in before', async () => {
    const browser = browse()
    const before = await toConsent(browser, await app.begin(), { remember: 'yes' })
    const request = await app.begin({ prompt: 'login' })
    const page = await browser.visit(`${request.url}&account=${alice.did}`)
    expect([page.title, fieldsOf(page, 'sign-in')[4]]).toEqual(['Sign in', ['identifier', alice.handle]])
    const token = fieldsOf(before, 'consent').find(([name]) => name === 'form')!
    const forged = await browser.post(`${origin()}/oauth/authorize`, [
      ...Object.entries(request.parameters),
      token,
      ['do', 'consent'],
      ['account', alice.did],
    ])
    expect(forged.status).toBe(403)
    const consent = await toConsent(browser, request)
    expect(consent.title).toBe('Allow access')
    expect((await browser.submit(consent, 'consent')).status).toBe(303)
  })

  test('a new password ends it, on every browser', async () => {
    const carol = await net.account()
    const browser = browse()
    const page = await browser.visit((await app.begin()).url)
    await browser.submit(page, 'sign-in', typed(carol.handle, { remember: 'yes' }))
    expect((await browser.visit((await app.begin()).url)).title).toBe('Allow access')
    const input = { did: carol.did, password: 'another horse' }
    await net.post('com.atproto.admin.updateAccountPassword', { admin: true, input })
    expect((await browser.visit((await app.begin()).url)).title).toBe('Sign in')
  })
})
