// Choosing a new password for one that was forgotten, as a browser without scripts sees it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { addApp } from './authenticator-app.ts'
import { createBrowser, fieldsOf, type Seen, type TestBrowser } from './browser.ts'
import { mailedCode, mails } from './mail.ts'
import { ADMIN_PASSWORD, failure, startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { createApp, type TestApp } from './oauth-app.ts'

let net: TestNetwork
let app: TestApp
beforeAll(async () => {
  net = await startNetwork({ config: { inviteRequired: false, rateLimitsEnabled: true } })
  app = await createApp(origin, 'atproto')
})
afterAll(() => net[Symbol.asyncDispose]())

const origin = (): string => `http://localhost:${net.pds.port}`
const reset = (query = ''): string => `${origin()}/account/reset-password${query}`
const browse = (): TestBrowser => createBrowser(origin)
const emailOf = ({ handle }: TestAccount): string => `${handle.split('.')[0]}@example.com`
const location = (seen: Seen): URL => new URL(seen.headers['location']!, origin())
const problemOf = (seen: Seen): [number, string | undefined] => [
  seen.status,
  /role="alert" id="problem">([^<]*)</.exec(seen.text)?.[1],
]
const WRONG = 'This code is not right, or it is over. Check it, or ask for another one.'
const login = ({ handle }: TestAccount, password: string) =>
  net.post('com.atproto.server.createSession', { input: { identifier: handle, password } })
/** A page without what differs with each browser. */
const shown = ({ status, text }: Seen): [number, string] => [
  status,
  text.replaceAll(/name="form" value="[^"]*"/g, ''),
]

/** Asks for a code, and gives the page that takes it. */
async function ask(browser: TestBrowser, email: string, query = ''): Promise<Seen> {
  const page = await browser.visit(reset(query))
  expect([page.status, page.title]).toEqual([200, 'Reset your password'])
  return browser.submit(page, 'ask', { email })
}

describe('a new password', () => {
  test('by the code that was mailed: everybody is signed out, and the owner is told', async () => {
    const alice = await net.account()
    const browser = browse()
    const page = await ask(browser, ` ${emailOf(alice).toUpperCase()} `)
    expect([page.status, page.text.includes('If there is an account')]).toEqual([200, true])
    const code = await mailedCode(net, emailOf(alice), 'Reset your password')
    const letter = (await mails(net)).findLast((text) => text.includes(code))!
    expect(letter).toContain(reset('?step=code'))
    // By the link of the letter, in any browser.
    const other = browse()
    const linked = await other.visit(reset('?step=code'))
    const done = await other.submit(linked, 'reset', {
      code: ` ${code.toLowerCase()} `,
      password: 'another horse',
    })
    expect([done.status, done.title]).toEqual([200, 'Your password was changed'])
    expect(done.text).toContain('href="/account"')
    expect(failure(await login(alice, 'correct horse'))).toBe('401 AuthenticationRequired')
    expect((await login(alice, 'another horse')).status).toBe(200)
    const renewed = await net.post('com.atproto.server.refreshSession', { token: alice.refreshJwt })
    expect(failure(renewed)).toBe('400 ExpiredToken')
    await waitFor(async () => (await mails(net)).some((text) => text.includes('Your password was changed')))
    // The code was good once.
    const again = await other.submit(linked, 'reset', { code, password: 'a third horse' })
    expect(problemOf(again)).toEqual([400, WRONG])
    const { entries } = await audit(alice.did)
    expect(entries.map(({ action, actor, error }) => [action, actor, error])).toEqual([
      ['sign-in', 'account', null],
      ['sign-in', 'stranger', 'AuthenticationRequired'],
      ['password reset', 'account', null],
      ['password reset asked for', 'account', null],
      ['account created', 'account', null],
    ])
  })

  test('in the middle of a request of an app: it goes on there', async () => {
    const bert = await net.account()
    const browser = browse()
    const request = await app.begin({ login_hint: bert.handle })
    const signIn = await browser.visit(request.url)
    const link = /href="(\/account\/reset-password[^"]*)"/.exec(signIn.text)![1]!.replaceAll('&amp;', '&')
    const asked = await browser.submit(await browser.visit(origin() + link), 'ask', { email: emailOf(bert) })
    const code = await mailedCode(net, emailOf(bert), 'Reset your password')
    const done = await browser.submit(asked, 'reset', { code, password: 'another horse' })
    const next = /class="button" href="([^"]*)"/.exec(done.text)![1]!.replaceAll('&amp;', '&')
    const page = await browser.visit(origin() + next)
    const typed = { identifier: bert.handle, password: 'another horse' }
    const consent = await browser.visit(location(await browser.submit(page, 'sign-in', typed)).href)
    const way = await browser.submit(consent, 'consent')
    const tokens = await request.exchange(location(way).searchParams.get('code')!)
    expect([tokens.status, tokens.body.sub]).toEqual([200, bert.did])
    // Where it leads is no choice of whoever made the link.
    const forged = await browser.visit(
      reset('?client_id=https://evil.example.com&request_uri=//evil.example.com'),
    )
    expect(forged.text).not.toMatch(/(href|action)="(https:)?\/\/evil/)
  })

  test('a second factor is asked for all the same', async () => {
    const carol = await net.account()
    await addApp(net.pds, carol.handle)
    const browser = browse()
    const page = await ask(browser, emailOf(carol))
    const code = await mailedCode(net, emailOf(carol), 'Reset your password')
    expect((await browser.submit(page, 'reset', { code, password: 'another horse' })).status).toBe(200)
    expect(failure(await login(carol, 'another horse'))).toBe('401 AuthFactorTokenRequired')
  })

  test.each([
    ['a code that is none', 'AAAAA-AAAAA', 'another horse', WRONG],
    ['no code', '', 'another horse', WRONG],
    ['a password of 7 characters', null, '1234567', 'The password needs at least 8 characters.'],
    ['one of 257', null, 'a'.repeat(257), 'This password cannot be used. It has 256 characters at most.'],
  ])('%s changes nothing, and a good code stays good', async (_what, wrong, password, problem) => {
    const dora = await net.account()
    const browser = browse()
    const page = await ask(browser, emailOf(dora))
    const code = await mailedCode(net, emailOf(dora), 'Reset your password')
    const seen = await browser.submit(page, 'reset', { code: wrong ?? code, password })
    expect(problemOf(seen)).toEqual([400, problem])
    expect((await login(dora, 'correct horse')).status).toBe(200)
    expect((await browser.submit(seen, 'reset', { code, password: '12345678' })).status).toBe(200)
    expect((await login(dora, '12345678')).status).toBe(200)
  })
})

describe('what strangers learn', () => {
  test('the same page for an address that nobody has, and for one that somebody has', async () => {
    const emma = await net.account()
    const [known, unknown] = [await ask(browse(), emailOf(emma)), await ask(browse(), 'nobody@example.com')]
    expect(shown(known)).toEqual(shown(unknown))
    await mailedCode(net, emailOf(emma), 'Reset your password')
    expect((await mails(net)).some((text) => text.includes('To: nobody@example.com'))).toBe(false)
  })

  test('the same limit for both, shared with requestPasswordReset', async () => {
    const fred = await net.account()
    const outcomes = []
    for (const email of [emailOf(fred), 'no.one@example.com']) {
      for (let call = 0; call < 3; call++) {
        const answer = await net.post('com.atproto.server.requestPasswordReset', { input: { email } })
        expect(answer.status).toBe(200)
      }
      const seen = [await ask(browse(), email), await ask(browse(), email), await ask(browse(), email)]
      outcomes.push(seen.map((page) => problemOf(page)))
      expect(Number(seen[2]!.headers['retry-after'])).toBeGreaterThan(0)
      const over = await net.post('com.atproto.server.requestPasswordReset', { input: { email } })
      expect(failure(over)).toBe('429 RateLimitExceeded')
    }
    const limited = [429, 'Too many attempts. Try again in a few minutes.']
    expect(outcomes[0]).toEqual([[200, undefined], [200, undefined], limited])
    expect(outcomes[1]).toEqual(outcomes[0])
  })

  test.each([
    'alice',
    'alice.test',
    '',
    'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
    'a b@example.com',
    `${'a'.repeat(512)}@b.c`,
  ])('what is no address is refused before anything is looked up (%#)', async (email) => {
    const seen = await ask(browse(), email)
    expect(problemOf(seen)).toEqual([400, 'This is no e-mail address.'])
  })

  test('guesses at codes are limited, together with resetPassword', async () => {
    const browser = browse()
    const page = await browser.visit(reset('?step=code'))
    const input = { token: 'AAAAA-AAAAA', password: 'another horse' }
    let left = 60
    while (failure(await net.post('com.atproto.server.resetPassword', { input })) === '400 InvalidToken')
      left -= 1
    expect(left).toBeGreaterThan(0)
    const seen = await browser.submit(page, 'reset', { code: 'AAAAA-AAAAA', password: 'another horse' })
    expect(problemOf(seen)).toEqual([429, 'Too many attempts. Try again in a few minutes.'])
  })
})

describe('forms of others do nothing', () => {
  test.each([
    ['from another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example.com' }],
    ['by a script', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
  ])('%s', async (_how, headers) => {
    const gina = await net.account()
    const browser = browse()
    const page = await browser.visit(reset())
    const fields: [string, string][] = [...fieldsOf(page, 'ask'), ['email', emailOf(gina)]]
    expect((await browser.post(reset(), fields, { headers })).status).toBe(403)
    expect(
      (
        await browser.post(
          reset(),
          fields.filter(([name]) => name !== 'form'),
        )
      ).status,
    ).toBe(403)
    expect(
      (await browser.post(reset(), [...fields.filter(([name]) => name !== 'do'), ['do', 'x']])).status,
    ).toBe(400)
    const { entries } = await audit(gina.did)
    expect(entries.map(({ action }) => action)).toEqual(['account created'])
  })
})

describe('well-known places', () => {
  const get = (path: string, host = `localhost:${net.pds.port}`) =>
    browse().visit(origin() + path, { headers: { host } })

  test('password managers find the pages', async () => {
    const change = await get('/.well-known/change-password')
    expect([change.status, change.headers['location']]).toEqual([303, '/account/password'])
    const passkeys = await get('/.well-known/passkey-endpoints')
    expect(passkeys.headers['content-type']).toContain('application/json')
    const page = `${origin()}/account/factors`
    expect(JSON.parse(passkeys.text)).toEqual({ enroll: page, manage: page })
  })

  test.each(['/.well-known/change-password', '/.well-known/passkey-endpoints', '/account/reset-password'])(
    '%s is not on the host of a handle',
    async (path) => {
      expect((await get(path, `alice.test:${net.pds.port}`)).status).toBe(404)
    },
  )
})

async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('it does not hold')
}

async function audit(did: string): Promise<{ entries: Record<string, unknown>[] }> {
  const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
  const response = await fetch(`${net.pds.url}/audit?account=${did}`, { headers: { authorization } })
  return (await response.json()) as { entries: Record<string, unknown>[] }
}
