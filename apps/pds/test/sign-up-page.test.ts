// Making an account in the middle of a request of an app, as a browser without scripts sees it: what `createAccount` does, by a form.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openPdsStores, type Stores } from '../src/app.ts'
import { ADMIN_PASSWORD, failure, startNetwork, type TestNetwork } from './network.ts'
import { createBrowser, fieldsOf, type Seen, type TestBrowser } from './browser.ts'
import { createApp, type AppRequest, type TestApp } from './oauth-app.ts'

const PASSWORD = 'correct horse'
let net: TestNetwork
let app: TestApp
const origin = (): string => `http://localhost:${net.pds.port}`
const browse = (): TestBrowser => createBrowser(origin)
const location = (seen: Seen): URL => new URL(seen.headers['location']!, origin())

let names = 0
const form = (more: Record<string, string> = {}): Record<string, string> => {
  const name = `new${++names}`
  return { name, email: `${name}@example.com`, password: PASSWORD, terms: 'yes', ...more }
}
const problemOf = (seen: Seen): [number, string | undefined] => [
  seen.status,
  /role="alert" id="problem">([^<]*)</.exec(seen.text)?.[1],
]
/** The fields that the page calls wrong. */
const wrong = (seen: Seen): string[] =>
  [...seen.text.matchAll(/<input\s([^>]*)>/g)]
    .filter(([, attributes]) => attributes!.includes('aria-invalid'))
    .map(([, attributes]) => /name="([^"]*)"/.exec(attributes!)![1]!)

async function open(more: Record<string, string> = { prompt: 'create' }) {
  const browser = browse()
  const request = await app.begin(more)
  return { browser, request, page: await browser.visit(request.url) }
}
const accountOf = (handle: string) => net.pds.accounts.find(handle)

describe('where everybody may have an account', () => {
  beforeAll(async () => {
    net = await startNetwork({
      config: {
        inviteRequired: false,
        handleDomains: ['.test', '.people.example.com'],
        privacyPolicyUrl: 'https://example.com/privacy',
        termsOfServiceUrl: 'https://example.com/terms',
      },
    })
    app = await createApp(origin, 'atproto')
  })
  afterAll(() => net[Symbol.asyncDispose]())

  test('the new account goes on to consent, and the app gets its session', async () => {
    const { browser, request, page } = await open()
    expect([page.status, page.title]).toEqual([200, 'Create an account'])
    expect(page.text).toContain('href="https://example.com/terms"')
    expect(page.text).toContain('href="https://example.com/privacy"')
    expect(page.text).not.toContain('name="invite"')
    const values = form({ name: ' @Zoe ', domain: '.people.example.com' })
    const made = await browser.submit(page, 'sign-up', values)
    expect(made.status).toBe(303)
    const account = (await accountOf('zoe.people.example.com'))!
    expect(account).toMatchObject({ email: values['email'], deactivatedAt: null })
    expect(net.directory.log(account.did)).toHaveLength(1)
    const consent = await browser.visit(location(made).href)
    expect([consent.title, consent.text.includes('zoe.people.example.com')]).toEqual(['Allow access', true])
    const way = await browser.submit(consent, 'consent')
    const tokens = await request.exchange(location(way).searchParams.get('code')!)
    expect([tokens.status, tokens.body.sub]).toEqual([200, account.did])
    const login = { identifier: 'zoe.people.example.com', password: PASSWORD }
    expect((await net.post('com.atproto.server.createSession', { input: login })).status).toBe(200)
    // Nobody got a session of the kind that createAccount begins.
    const { entries } = await audit(account.did)
    expect(entries.map(({ action, actor, detail }) => [action, actor, detail])).toEqual([
      ['sign-in', 'account', { kind: 'password' }],
      ['account created', 'account', { handle: 'zoe.people.example.com' }],
    ])
  })

  test('from the sign-in there is a way, and one back; a handle may be typed whole', async () => {
    const { browser, page } = await open({})
    expect(page.title).toBe('Sign in')
    const link = /href="([^"]*step=sign-up)"/.exec(page.text)![1]!.replaceAll('&amp;', '&')
    const signUp = await browser.visit(origin() + link)
    expect(signUp.title).toBe('Create an account')
    const back = /href="([^"]*step=sign-in)"/.exec(signUp.text)![1]!.replaceAll('&amp;', '&')
    expect((await browser.visit(origin() + back)).title).toBe('Sign in')
    const values = form({ remember: 'yes', domain: '.test' })
    const made = await browser.submit(signUp, 'sign-up', {
      ...values,
      name: `${values['name']}.people.example.com`,
    })
    expect(made.status).toBe(303)
    expect(await accountOf(`${values['name']}.people.example.com`)).not.toBeNull()
    expect((await browser.visit((await app.begin()).url)).title).toBe('Allow access')
  })

  test('what the app knows of the name is filled in', async () => {
    const { page } = await open({ prompt: 'create', login_hint: 'hinted.people.example.com' })
    expect(fieldsOf(page, 'sign-up')).toContainEqual(['name', 'hinted'])
    expect(page.text).toMatch(/<option value=".people.example.com"\s+selected>/)
  })

  test.each([
    ['a name that is too short', { name: 'ab' }, 'name', /cannot be used/],
    ['a name with a dot', { name: 'a.b.c' }, 'name', /cannot be used/],
    ['a name with markup', { name: '"><script>' }, 'name', /cannot be used/],
    ['no name', { name: '' }, 'name', /cannot be used/],
    ['a name of the operator', { name: 'admin' }, 'name', /is taken/],
    ['no address', { email: '' }, 'email', /address cannot be used/],
    ['an address that is none', { email: 'x,alice@example.com' }, 'email', /address cannot be used/],
    ['an address that is thrown away', { email: 'a@mailinator.com' }, 'email', /address cannot be used/],
    ['a password of 7 characters', { password: '1234567' }, 'password', /needs at least 8/],
    ['a password of 257 characters', { password: 'a'.repeat(257) }, 'password', /256 characters at most/],
    ['no agreement', { terms: 'no' }, 'terms', /needs your agreement/],
  ])('%s: the form again, and no account', async (_what, change, field, message) => {
    const { browser, request, page } = await open()
    const before = await net.pds.accounts.find('alice.test')
    const values = form(change)
    const seen = await browser.submit(page, 'sign-up', values)
    expect(problemOf(seen)).toEqual([400, expect.stringMatching(message)])
    expect([before, wrong(seen), seen.text.includes('<script>')]).toEqual([null, [field], false])
    // What was typed is there again, but for the password.
    const again = new Map(fieldsOf(seen, 'sign-up'))
    expect([again.get('email'), again.get('password')]).toEqual([values['email'], ''])
    expect(await accountOf(`${values['name']}.test`)).toBeNull()
    expect((await browser.visit(request.url)).status).toBe(200)
  })

  test('passwords of 8 and of 256 characters are good', async () => {
    for (const password of ['12345678', 'a'.repeat(256)]) {
      const { browser, page } = await open()
      expect((await browser.submit(page, 'sign-up', form({ password }))).status).toBe(303)
    }
  })

  test('a handle and an address that somebody has', async () => {
    const { browser, page } = await open()
    const values = form()
    expect((await browser.submit(page, 'sign-up', values)).status).toBe(303)
    const second = await open()
    const sameName = form({ name: values['name']! })
    expect(problemOf(await second.browser.submit(second.page, 'sign-up', sameName))).toEqual([
      400,
      'This handle is taken. Choose another one.',
    ])
    const sameAddress = form({ email: values['email']!.toUpperCase() })
    const taken = await second.browser.submit(second.page, 'sign-up', sameAddress)
    expect(problemOf(taken)).toEqual([400, expect.stringContaining('is an account with this e-mail address')])
    expect(await accountOf(`${sameAddress['name']}.test`)).toBeNull()
  })

  test('one handle, two forms at once: one account', async () => {
    const [one, other] = await Promise.all([open(), open()])
    const values = form()
    const answers = await Promise.all([
      one.browser.submit(one.page, 'sign-up', values),
      other.browser.submit(other.page, 'sign-up', { ...values, email: `other-${values['email']}` }),
    ])
    expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(['303', '400'])
  })

  test('a directory that refuses leaves nothing: the same form is good later', async () => {
    const { browser, page } = await open()
    const values = form()
    net.directory.broken = true
    const failed = await browser.submit(page, 'sign-up', values)
    net.directory.broken = false
    expect(problemOf(failed)).toEqual([503, expect.stringContaining('Nothing was done')])
    expect(await accountOf(`${values['name']}.test`)).toBeNull()
    const { entries } = await audit(null)
    expect(entries[0]).toMatchObject({
      action: 'account created',
      actor: 'stranger',
      error: 'UpstreamFailure',
    })
    expect((await browser.submit(failed, 'sign-up', values)).status).toBe(303)
  })

  test.each([
    ['from another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example.com' }],
    ['by a script', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
  ])('a form %s makes no account', async (_how, headers) => {
    const { browser, page } = await open()
    const values = form()
    const fields = [...fieldsOf(page, 'sign-up'), ...Object.entries(values)] as [string, string][]
    const seen = await browser.post(`${origin()}/oauth/authorize`, fields, { headers })
    expect([seen.status, await accountOf(`${values['name']}.test`)]).toEqual([403, null])
  })

  test('without the token of its browser, and without a request, neither', async () => {
    const { browser, page } = await open()
    const values = form()
    const all = [...fieldsOf(page, 'sign-up'), ...Object.entries(values)] as [string, string][]
    const url = `${origin()}/oauth/authorize`
    const bare = await browser.post(
      url,
      all.filter(([name]) => name !== 'form'),
    )
    const lost = await browser.post(
      url,
      all.filter(([name]) => name !== 'request_uri'),
    )
    expect([bare.status, lost.status, await accountOf(`${values['name']}.test`)]).toEqual([403, 400, null])
  })
})

async function audit(did: string | null): Promise<{ entries: Record<string, unknown>[] }> {
  const url = new URL('/audit', net.pds.url)
  if (did !== null) url.searchParams.set('account', did)
  const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
  const response = await fetch(url, { headers: { authorization } })
  return (await response.json()) as { entries: Record<string, unknown>[] }
}

describe('where accounts are by invitation, and limits hold', () => {
  beforeAll(async () => {
    net = await startNetwork({ config: { inviteRequired: true, rateLimitsEnabled: true } })
    app = await createApp(origin, 'atproto')
  })
  afterAll(() => net[Symbol.asyncDispose]())

  const invite = async (useCount = 1): Promise<string> => {
    const answer = await net.post('com.atproto.server.createInviteCode', { admin: true, input: { useCount } })
    return answer.body.code as string
  }
  const post = async (request: AppRequest, browser: TestBrowser, values: Record<string, string>) =>
    browser.submit(await browser.visit(request.url), 'sign-up', values)

  test('a code is good once, and lost by no form that failed', async () => {
    const { browser, request, page } = await open()
    expect([page.text.includes('name="invite"'), page.text.includes('name="terms"')]).toEqual([true, false])
    const code = await invite()
    for (const bad of ['', 'localhost-aaaaa-bbbbb']) {
      const seen = await browser.submit(page, 'sign-up', form({ invite: bad }))
      expect([problemOf(seen), wrong(seen)]).toEqual([
        [400, 'This invite code is not good, or was used already.'],
        ['invite'],
      ])
    }
    expect((await post(request, browser, form({ invite: code, name: 'x' }))).status).toBe(400)
    expect((await post(request, browser, form({ invite: code }))).status).toBe(303)
    const late = await open()
    expect((await late.browser.submit(late.page, 'sign-up', form({ invite: code }))).status).toBe(400)
  })

  test('in German', async () => {
    const page = await browse().visit((await app.begin({ prompt: 'create' })).url, {
      headers: { 'accept-language': 'de' },
    })
    expect([page.title, page.text.includes('Einladungscode')]).toEqual(['Konto anlegen', true])
  })

  test('forms and calls of createAccount share one limit', async () => {
    const { browser, page } = await open()
    const used = 5
    for (let call = used; call < 99; call++) {
      await net.post('com.atproto.server.createAccount', { input: { handle: 'x' } })
    }
    const values = form({ invite: await invite() })
    expect((await browser.submit(page, 'sign-up', form())).status).toBe(400)
    const over = await browser.submit(page, 'sign-up', values)
    expect(problemOf(over)).toEqual([429, 'Too many attempts. Try again in a few minutes.'])
    expect(Number(over.headers['retry-after'])).toBeGreaterThan(0)
    expect(await accountOf(`${values['name']}.test`)).toBeNull()
    const call = await net.post('com.atproto.server.createAccount', { input: { handle: 'x' } })
    expect(failure(call)).toBe('429 RateLimitExceeded')
  })
})

test('no session begins that nobody has: the browser is signed in, no client', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'avocet-sign-up-'))
  await using stores = await openPdsStores({ dataDirectory: folder })
  const kinds: string[] = []
  const watched: Stores = {
    ...stores,
    apply: (change) => {
      kinds.push(...(change.accounts ?? []).map(({ type }) => type))
      return stores.apply(change)
    },
  }
  net = await startNetwork({ folder, config: { inviteRequired: false, stores: watched } })
  app = await createApp(origin, 'atproto')
  const { browser, page } = await open()
  expect((await browser.submit(page, 'sign-up', form())).status).toBe(303)
  expect(kinds).toEqual(['releaseKey', 'createAccount'])
  await net.account()
  expect(kinds.slice(2)).toEqual(['releaseKey', 'createAccount', 'keepSession'])
  await net[Symbol.asyncDispose]()
})
