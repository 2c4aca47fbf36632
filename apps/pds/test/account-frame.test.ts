// The frame of the pages of an account, as a browser without scripts sees it: signing in there, several accounts, proving oneself again.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { createNotices } from '../src/pages/account/notices.ts'
import { actsOf } from './account-browser.ts'
import { createBrowser, fieldsOf, type Seen, type TestBrowser } from './browser.ts'
import { startNetwork, type TestAccount, type TestNetwork } from './network.ts'

const PASSWORD = 'correct horse'

let net: TestNetwork
let alice: TestAccount
let bob: TestAccount

beforeAll(async () => {
  net = await startNetwork()
  alice = await net.account()
  bob = await net.account()
})
afterAll(() => net[Symbol.asyncDispose]())

const origin = (): string => `http://localhost:${net.pds.port}`
const browse = (): TestBrowser => createBrowser(origin)
const at = (path: string): string => origin() + path
const account = (who: TestAccount, path = '/account'): string =>
  at(`${path}?${new URLSearchParams({ account: who.did })}`)

async function signIn(browser: TestBrowser, who: TestAccount, remember = true): Promise<Seen> {
  const page = await browser.visit(at('/account?step=sign-in'))
  const typed = { identifier: who.handle, password: PASSWORD, ...(remember ? { remember: 'yes' } : {}) }
  return browser.submit(page, 'sign-in', typed)
}

describe('signing in without an app', () => {
  test('leads to the overview of the account, and signing out away from it', async () => {
    const browser = browse()
    const page = await browser.visit(at('/account'))
    expect([page.status, page.title]).toEqual([200, 'Sign in'])
    expect(page.text).toContain('to see and change your account.')
    expect(page.text).not.toContain('value="deny"')
    const way = await browser.submit(page, 'sign-in', { identifier: alice.handle, password: PASSWORD })
    expect([way.status, way.headers['location']]).toEqual([
      303,
      `/account?account=${encodeURIComponent(alice.did)}`,
    ])
    const overview = await browser.visit(at('/account'))
    expect([overview.status, overview.title]).toEqual([200, 'Overview'])
    for (const text of [alice.did, alice.handle, 'not confirmed yet', origin()])
      expect(overview.text).toContain(text)
    expect(overview.headers['content-security-policy']).toContain(`form-action 'self'`)
    expect([overview.headers['cache-control'], overview.headers['access-control-allow-origin']]).toEqual([
      'no-store',
      undefined,
    ])
    const out = await browser.submit(overview, 'sign-out')
    expect([out.status, out.headers['location']]).toEqual([303, '/account'])
    expect((await browser.visit(at('/account'))).title).toBe('Sign in')
    expect(await actsOf(net, alice)).toEqual([['account', 'sign-out', null]])
  })

  test('a wrong password is told on the same page, and nobody is signed in', async () => {
    const browser = browse()
    const page = await browser.visit(at('/account'))
    const again = await browser.submit(page, 'sign-in', { identifier: alice.handle, password: 'wrong' })
    expect([again.status, again.title]).toEqual([400, 'Sign in'])
    expect(again.text).toContain('role="alert"')
    expect((await browser.visit(at('/account'))).title).toBe('Sign in')
  })

  test('an app password lets nobody in', async () => {
    const made = await net.post('com.atproto.server.createAppPassword', {
      token: alice.accessJwt,
      input: { name: 'an app' },
    })
    const browser = browse()
    const page = await browser.visit(at('/account'))
    const again = await browser.submit(page, 'sign-in', {
      identifier: alice.handle,
      password: made.body.password,
    })
    expect([again.status, again.title]).toEqual([400, 'Sign in'])
  })

  test('not remembered it counts for a quarter of an hour, remembered for a week', async () => {
    const [passing, kept] = [browse(), browse()]
    await signIn(passing, alice, false)
    await signIn(kept, alice)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 14 * 60_000 })
    try {
      expect((await passing.visit(at('/account'))).title).toBe('Overview')
      vi.setSystemTime(Date.now() + 2 * 60_000)
      expect((await passing.visit(at('/account'))).title).toBe('Sign in')
      expect((await kept.visit(at('/account'))).title).toBe('Overview')
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('several accounts in one browser', () => {
  test('are chosen among; a URL names the one it is about', async () => {
    const browser = browse()
    await signIn(browser, alice)
    await signIn(browser, bob)
    const choice = await browser.visit(at('/account'))
    expect(choice.title).toBe('Choose an account')
    expect(choice.text).toContain(`Continue as ${alice.handle}`)
    expect(choice.text).toContain(`Continue as ${bob.handle}`)
    expect((await browser.visit(account(alice))).text).toContain(alice.did)
    const ofBob = await browser.visit(account(bob))
    expect(ofBob.text).not.toContain(alice.did)
    const out = await browser.submit(ofBob, 'sign-out')
    expect(out.headers['location']).toBe('/account?step=accounts')
    expect((await browser.visit(at('/account'))).text).toContain(alice.did)
    // No account of this browser: those that are there are offered, and nothing of it is shown.
    const foreign = await browser.visit(account(bob))
    expect([foreign.title, foreign.text.includes(bob.did)]).toEqual(['Choose an account', false])
  })

  test('a wrong password for another account is told where it was typed', async () => {
    const browser = browse()
    await signIn(browser, alice)
    const page = await browser.visit(at('/account?step=sign-in'))
    const again = await browser.submit(page, 'sign-in', { identifier: bob.handle, password: 'wrong' })
    expect([again.status, again.title]).toEqual([400, 'Sign in'])
    expect(again.text).toContain(`value="${bob.handle}"`)
  })
})

describe('who may ask', () => {
  test('pages are for people who go there, on the main host; forms from our own pages alone', async () => {
    const browser = browse()
    await signIn(browser, alice)
    const overview = await browser.visit(at('/account'))
    const fields = fieldsOf(overview, 'sign-out')
    const crossSite = await browser.post(at('/account'), fields, {
      headers: { 'sec-fetch-site': 'cross-site' },
    })
    expect(crossSite.status).toBe(403)
    const fromScript = await browser.visit(at('/account'), { headers: { 'sec-fetch-mode': 'cors' } })
    expect(fromScript.status).toBe(403)
    const named = await browser.visit(at('/account'), {
      headers: { host: `${alice.handle}:${net.pds.port}` },
    })
    expect(named.status).toBe(404)
    const withoutToken = fields.filter(([name]) => name !== 'form')
    expect((await browser.post(at('/account'), withoutToken)).status).toBe(403)
    const foreign = await browse().post(at('/account'), fields)
    expect(foreign.status).toBe(403)
    expect((await browser.visit(at('/account'))).title).toBe('Overview')
  })

  test('a form of an account that is not signed in here, or of none, does nothing', async () => {
    const browser = browse()
    await signIn(browser, alice)
    const overview = await browser.visit(at('/account'))
    const form = fieldsOf(overview, 'sign-out').filter(([name]) => name === 'form')
    for (const more of [[], [['account', bob.did]]] as const) {
      const refused = await browser.post(at('/account'), [...form, ['do', 'anything'], ...more])
      expect(refused.status).toBe(403)
      expect(refused.text).toContain('not signed in on this device')
    }
    const unknown = await browser.post(at('/account'), [...form, ['do', 'anything'], ['account', alice.did]])
    expect([unknown.status, unknown.text.includes('cannot be used')]).toEqual([400, true])
  })

  test('other methods and paths', async () => {
    const browser = browse()
    expect((await browser.visit(at('/account'), { method: 'DELETE' })).status).toBe(405)
    const missing = await browser.visit(at('/account/nothing'))
    expect([missing.status, missing.headers['access-control-allow-origin']]).toEqual([404, undefined])
  })
})

describe('what was done is said in a URL', () => {
  const browser = { key: 'of a browser' }
  const start = Date.UTC(2026, 0, 1)
  const write = (now = start): string =>
    createNotices('secret', () => now).write(browser, 'a page', 'changed')
  const read = (text: string | null, now = start, from = browser, page = 'a page', secret = 'secret') =>
    createNotices(secret, () => now).read(from, page, text)

  test('that nobody else can make', () => {
    expect(read(write())).toBe('changed')
    expect(read(write(), start, { key: 'of another' })).toBeNull()
    expect(read(write(), start, browser, 'another page')).toBeNull()
    expect(read(write(), start, browser, 'a page', 'another secret')).toBeNull()
    expect(read(write().replace('changed', 'removed'))).toBeNull()
    for (const text of [null, '', '..', 'changed', 'changed.0.', `${write()}.`, 'x'.repeat(300)]) {
      expect(read(text)).toBeNull()
    }
  })

  test('for five minutes', () => {
    expect(read(write(), start + 5 * 60_000 - 1)).toBe('changed')
    expect(read(write(), start + 5 * 60_000)).toBeNull()
    expect(read(write(), start - 1)).toBeNull()
  })
})
