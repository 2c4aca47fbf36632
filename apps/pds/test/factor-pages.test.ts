// The page on which owners manage what guards their password, as a browser sees it whose passkeys are made in software.
import { decodeQR } from 'qr/decode.js'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { totpCode, totpStep } from '../src/factors/totp.ts'
import { addApp, fromBase32 } from './authenticator-app.ts'
import { createPasskey, type Passkey } from './authenticator.ts'
import { createBrowser, fieldsOf, passkeyOptions, type Seen, type TestBrowser } from './browser.ts'
import { mailedCode, mails } from './mail.ts'
import { ADMIN_PASSWORD, failure, startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { createApp } from './oauth-app.ts'

const PASSWORD = 'correct horse'
const PATH = '/account/factors'

let net: TestNetwork
beforeAll(async () => {
  net = await startNetwork({ config: { inviteRequired: false, rateLimitsEnabled: true } })
})
afterAll(() => net[Symbol.asyncDispose]())

const origin = (): string => `http://localhost:${net.pds.port}`
const browse = (): TestBrowser => createBrowser(origin)
const emailOf = ({ handle }: TestAccount): string => `${handle.split('.')[0]}@example.com`
const url = ({ did }: TestAccount): string =>
  `${origin()}${PATH}?${new URLSearchParams({ account: did }).toString()}`
const follow = (browser: TestBrowser, seen: Seen): Promise<Seen> =>
  browser.visit(new URL(seen.headers['location']!, origin()).href)
const problemOf = (seen: Seen): [number, string | undefined] => [
  seen.status,
  /role="alert" id="problem">([^<]*)</.exec(seen.text)?.[1],
]
const noticeOf = ({ text }: Seen): string | undefined => /class="done" role="status">([^<]*)</.exec(text)?.[1]
const recoveryCodes = ({ text }: Seen): string[] =>
  [...text.matchAll(/<li>\s*<code>([^<]*)<\/code>/g)].map(([, code]) => code!)
const login = ({ handle }: TestAccount, authFactorToken?: string) =>
  net.post('com.atproto.server.createSession', {
    input: { identifier: handle, password: PASSWORD, ...(authFactorToken && { authFactorToken }) },
  })
const subjects = async (to: string): Promise<string[]> =>
  (await mails(net))
    .filter((text) => text.includes(`To: ${to}\n`))
    .map((text) => /^Subject: (.*) \(localhost\)$/m.exec(text)![1]!)

/** An owner at the page. */
async function enter(who?: TestAccount) {
  const account = who ?? (await net.account())
  const browser = browse()
  const signIn = await browser.visit(url(account))
  const typed = { identifier: account.handle, password: PASSWORD, remember: 'yes' }
  const page = await follow(browser, await browser.submit(signIn, 'sign-in', typed))
  expect([page.status, page.title]).toEqual([200, 'Sign-in security'])
  return { account, browser, page }
}
async function addPasskey(browser: TestBrowser, page: Seen, name = 'laptop') {
  const passkey = createPasskey()
  const asked = await browser.submit(page, 'add-passkey', { name })
  expect([asked.title, asked.text.includes('data-auto')]).toEqual(['Add a passkey', true])
  const made = passkey.create(passkeyOptions(asked, 'finish-passkey'), { origin: origin() })
  const seen = await browser.submit(asked, 'finish-passkey', { passkey: JSON.stringify(made) })
  return { passkey, asked, made, seen }
}
const keyOf = ({ text }: Seen): Uint8Array =>
  fromBase32(/Key:\s*<code>([^<]*)<\/code>/.exec(text)![1]!.replaceAll(' ', ''))
const codeOf = (secret: Uint8Array, offset = 0): string => totpCode(secret, totpStep(Date.now()) + offset)

describe('passkeys', () => {
  test('made, seen, named anew, removed; recovery codes come with the first', async () => {
    const { account, browser, page } = await enter()
    const { passkey, seen, made, asked } = await addPasskey(browser, page, ' my laptop ')
    expect([seen.status, seen.title, recoveryCodes(seen)]).toEqual([
      200,
      'Your recovery codes',
      expect.any(Array),
    ])
    expect(new Set(recoveryCodes(seen)).size).toBe(10)
    // The browser stays signed in.
    const list = await browser.visit(url(account))
    expect([list.title, list.text.includes('my laptop'), list.text.includes('10 codes are left.')]).toEqual([
      'Sign-in security',
      true,
      true,
    ])
    expect(list.text).not.toContain(recoveryCodes(seen)[0])
    // What was begun is over, and the same authenticator is told that it is known.
    const twice = await browser.submit(asked, 'finish-passkey', { passkey: JSON.stringify(made) })
    expect(problemOf(twice)).toEqual([400, 'It took too long, or there were too many tries. Begin again.'])
    const second = await addPasskey(browser, list)
    expect(passkeyOptions(second.asked, 'finish-passkey').excludeCredentials).toMatchObject([
      { id: passkey.id },
    ])
    const after = await follow(browser, second.seen)
    expect(noticeOf(after)).toBe('The factor was added. It is asked for from now on.')
    const renamed = await follow(
      browser,
      await browser.submit(after, 'rename', { id: passkey.id, name: 'old one' }),
    )
    expect([noticeOf(renamed), renamed.text.includes('old one'), renamed.text.includes('my laptop')]).toEqual(
      ['The name was changed.', true, false],
    )
    expect(failure(await login(account))).toBe('401 AuthFactorTokenRequired')
    const removed = await follow(browser, await browser.submit(renamed, 'remove', { id: passkey.id }))
    expect([noticeOf(removed), removed.text.includes('old one')]).toEqual(['The factor was removed.', false])
    expect(fieldsOf(removed, 'remove').filter(([name]) => name === 'id')).toEqual([['id', second.passkey.id]])
    await expect
      .poll(() => subjects(emailOf(account)))
      .toEqual(['A way to sign in was added', 'A way to sign in was added', 'A way to sign in was removed'])
  })

  test.each<[string, (passkey: Passkey, options: any) => unknown]>([
    [
      'made for another origin',
      (passkey, options) => passkey.create(options, { origin: 'https://evil.example.com' }),
    ],
    ['without its person', (passkey, options) => passkey.create(options, { origin: origin(), flags: 0x01 })],
    ['that is none', () => ({ id: 'x' })],
  ])('one %s is not kept', async (_what, make) => {
    const { account, browser, page } = await enter()
    const asked = await browser.submit(page, 'add-passkey', { name: 'laptop' })
    const made = make(createPasskey(), passkeyOptions(asked, 'finish-passkey'))
    const seen = await browser.submit(asked, 'finish-passkey', { passkey: JSON.stringify(made) })
    expect(problemOf(seen)).toEqual([400, 'The passkey could not be checked. Begin again.'])
    expect((await login(account)).status).toBe(200)
  })

  test('one that a browser was asked for is not added to another account', async () => {
    const [alice, bert] = [await enter(), await enter()]
    const asked = await alice.browser.submit(alice.page, 'add-passkey', { name: 'laptop' })
    const made = createPasskey().create(passkeyOptions(asked, 'finish-passkey'), { origin: origin() })
    const fields = fieldsOf(asked, 'finish-passkey').filter(
      ([name]) => !['passkey', 'form', 'account'].includes(name),
    )
    const own = fieldsOf(bert.page, 'add-passkey').filter(([name]) => ['form', 'account'].includes(name))
    const seen = await bert.browser.post(origin() + PATH, [
      ...fields,
      ...own,
      ['passkey', JSON.stringify(made)],
    ])
    expect(problemOf(seen)[0]).toBe(400)
    expect((await login(bert.account)).status).toBe(200)
  })
})

describe('authenticator apps', () => {
  test('the picture, the link and the key are one secret; a code of it adds the app', async () => {
    const { account, browser, page } = await enter()
    const asked = await browser.submit(page, 'add-app', { name: 'phone' })
    const secret = keyOf(asked)
    const uri = /href="(otpauth:[^"]*)"/.exec(asked.text)![1]!.replaceAll('&amp;', '&')
    expect(readQr(asked)).toBe(uri)
    expect(fromBase32(new URL(uri).searchParams.get('secret')!)).toEqual(secret)
    // A wrong code shows the same once more.
    const wrong = await browser.submit(asked, 'finish-app', { code: '000000' })
    expect([problemOf(wrong), wrong.title, keyOf(wrong)]).toEqual([
      [400, 'This code is not right.'],
      'Add an authenticator app',
      secret,
    ])
    const seen = await browser.submit(wrong, 'finish-app', { code: codeOf(secret) })
    expect([seen.title, recoveryCodes(seen).length]).toEqual(['Your recovery codes', 10])
    expect(failure(await login(account, '000000'))).toBe('400 InvalidToken')
    expect((await login(account, codeOf(secret, 1))).status).toBe(200)
    expect((await login(account, recoveryCodes(seen)[0])).status).toBe(200)
    const list = await browser.visit(url(account))
    expect([list.text.includes('9 codes are left.'), list.text.includes('phone')]).toEqual([true, true])
  })

  test('after five wrong codes it begins again; a third app is refused', async () => {
    const { account, browser, page } = await enter()
    let asked = await browser.submit(page, 'add-app', { name: 'phone' })
    const secret = keyOf(asked)
    for (let tries = 0; tries < 5; tries++) {
      asked = await browser.submit(asked, 'finish-app', { code: '000000' })
      expect(problemOf(asked)).toEqual([400, 'This code is not right.'])
    }
    const over = await browser.submit(asked, 'finish-app', { code: codeOf(secret) })
    expect([problemOf(over), over.title]).toEqual([
      [400, 'It took too long, or there were too many tries. Begin again.'],
      'Sign-in security',
    ])
    expect((await login(account)).status).toBe(200)
    for (let app = 0; app < 3; app++) {
      const begun = await browser.submit(over, 'add-app', { name: `phone ${app}` })
      const added = await browser.submit(begun, 'finish-app', { code: codeOf(keyOf(begun)) })
      if (app < 2) expect(added.status).toBe(app === 0 ? 200 : 303)
      else
        expect(problemOf(added)).toEqual([400, 'There are too many of this kind already. Remove one first.'])
    }
  })

  test.each(['', ' ', 'a'.repeat(65), 'a\u202eb'])('a name that is none is refused (%#)', async (name) => {
    const { browser, page } = await enter()
    for (const act of ['add-app', 'add-passkey']) {
      expect(problemOf(await browser.submit(page, act, { name }))).toEqual([
        400,
        'A name has 1 to 64 characters.',
      ])
    }
  })

  test('a name is text on the page', async () => {
    const { account, browser, page } = await enter()
    const begun = await browser.submit(page, 'add-app', { name: '"><script>x</script>' })
    await browser.submit(begun, 'finish-app', { code: codeOf(keyOf(begun)) })
    const { text } = await browser.visit(url(account))
    expect(text).toContain('&lt;script&gt;x&lt;/script&gt;')
    expect(text.match(/<script/g)).toHaveLength(1)
  })
})

describe('codes by e-mail', () => {
  test('a confirmed address turns them on; a code turns them off', async () => {
    const { account, browser, page } = await enter()
    const email = emailOf(account)
    expect(page.text).toContain('Confirm your e-mail address first')
    const forged = await browser.post(origin() + PATH, [
      ...fieldsOf(page, 'add-app').filter(([name]) => ['form', 'account'].includes(name)),
      ['do', 'email-on'],
    ])
    expect(problemOf(forged)[0]).toBe(400)
    await net.post('com.atproto.server.requestEmailConfirmation', { token: account.accessJwt })
    const token = await mailedCode(net, email, 'Confirm')
    await net.post('com.atproto.server.confirmEmail', { token: account.accessJwt, input: { email, token } })
    const confirmed = await browser.visit(url(account))
    const on = await follow(browser, await browser.submit(confirmed, 'email-on'))
    expect(noticeOf(on)).toBe('Codes by e-mail are on.')
    expect(failure(await login(account))).toBe('401 AuthFactorTokenRequired')
    const wrong = await browser.submit(on, 'email-off', { code: 'AAAAA-AAAAA' })
    expect(problemOf(wrong)).toEqual([400, 'This code is not right, or was used already.'])
    const asked = await follow(browser, await browser.submit(on, 'ask-email-off'))
    expect(noticeOf(asked)).toBe('A code is on its way to your e-mail address.')
    const code = await mailedCode(net, email, 'Change your email address')
    const off = await follow(browser, await browser.submit(asked, 'email-off', { code }))
    expect(noticeOf(off)).toBe('Codes by e-mail are off.')
    expect((await login(account)).status).toBe(200)
    await expect
      .poll(() => subjects(email))
      .toEqual(expect.arrayContaining(['Sign-in codes are on', 'Sign-in codes are off']))
  })
})

describe('recovery codes', () => {
  test('made anew those before are over; without a factor there are none', async () => {
    const { account, browser, page } = await enter()
    expect(page.text).not.toContain('Recovery codes')
    const none = await browser.post(origin() + PATH, [
      ...fieldsOf(page, 'add-app').filter(([name]) => ['form', 'account'].includes(name)),
      ['do', 'renew-codes'],
    ])
    expect(none.status).toBe(400)
    const { seen } = await addPasskey(browser, page)
    const list = await browser.visit(url(account))
    const renewed = await browser.submit(list, 'renew-codes')
    expect([renewed.title, recoveryCodes(renewed).length]).toEqual(['Your recovery codes', 10])
    expect(failure(await login(account, recoveryCodes(seen)[0]))).toBe('400 InvalidToken')
    expect((await login(account, recoveryCodes(renewed)[0])).status).toBe(200)
    await expect.poll(() => subjects(emailOf(account))).toContain('You have new recovery codes')
  })
})

describe('what a change ends', () => {
  test('other browsers and sessions of the password; apps once a factor is removed', async () => {
    const { account, browser, page } = await enter()
    const other = await enter(account)
    const app = await createApp(origin, 'atproto')
    const request = await app.begin()
    const consent = await browser.visit(`${request.url}&account=${account.did}`)
    const way = await browser.submit(consent, 'consent')
    const code = new URL(way.headers['location']!).searchParams.get('code')!
    const tokens = (await request.exchange(code)).body
    const appStands = async (): Promise<number> =>
      (await app.call('com.atproto.server.getSession', tokens.access_token)).status
    expect(await appStands()).toBe(200)
    const { passkey } = await addPasskey(browser, page)
    expect((await other.browser.visit(url(account))).title).toBe('Sign in')
    const refresh = { token: account.refreshJwt }
    expect(failure(await net.post('com.atproto.server.refreshSession', refresh))).toBe('400 ExpiredToken')
    expect(await appStands()).toBe(200)
    const list = await browser.visit(url(account))
    await browser.submit(list, 'remove', { id: passkey.id })
    expect(await appStands()).toBe(401)
    const renewal = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
    expect((await app.post('/oauth/token', renewal)).body.error).toBe('invalid_grant')
    expect((await browser.visit(url(account))).title).toBe('Sign-in security')
  })
})

describe('who may do it', () => {
  test('nobody who signed in more than ten minutes ago; a passkey is proof', async () => {
    const { account, browser, page } = await enter()
    const { passkey } = await addPasskey(browser, page)
    const list = await browser.visit(url(account))
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * 60_000 })
    try {
      const refused = await browser.submit(list, 'remove', { id: passkey.id })
      expect([refused.status, refused.title]).toEqual([403, 'Is it you?'])
      const asked = await browser.submit(refused, 'sign-in', { password: '', with: 'passkey' })
      const said = passkey.get(passkeyOptions(asked, 'passkey'), { origin: origin() })
      const seen = await browser.submit(asked, 'passkey', { passkey: JSON.stringify(said) })
      const again = await follow(browser, seen)
      expect(again.title).toBe('Sign-in security')
      expect((await browser.submit(again, 'remove', { id: passkey.id })).status).toBe(303)
    } finally {
      vi.useRealTimers()
    }
  })

  test('the factor of another account is not there', async () => {
    const [alice, bert] = [await enter(), await enter()]
    const { id } = await addApp(net.pds, bert.account.handle)
    const { seen } = await addPasskey(alice.browser, alice.page)
    expect(seen.status).toBe(200)
    const list = await alice.browser.visit(url(alice.account))
    for (const act of ['remove', 'rename']) {
      const refused = await alice.browser.submit(list, act, { id, name: 'mine' })
      expect(problemOf(refused)).toEqual([400, 'What you chose is not there any more.'])
    }
    expect(failure(await login(bert.account))).toBe('401 AuthFactorTokenRequired')
  })

  test.each([
    ['from another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example.com' }],
    ['by a script', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
  ])('a form %s does nothing', async (_how, headers) => {
    const { account, browser, page } = await enter()
    const { passkey } = await addPasskey(browser, page)
    const list = await browser.visit(url(account))
    const fields = fieldsOf(list, 'remove')
    expect(fields).toContainEqual(['id', passkey.id])
    expect((await browser.post(origin() + PATH, fields, { headers })).status).toBe(403)
    const bare = fields.filter(([name]) => name !== 'form')
    expect((await browser.post(origin() + PATH, bare)).status).toBe(403)
    expect(failure(await login(account))).toBe('401 AuthFactorTokenRequired')
  })

  test('what was done is in the audit log', async () => {
    const { account, browser, page } = await enter()
    await addPasskey(browser, page)
    const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
    const response = await fetch(`${net.pds.url}/audit?account=${account.did}`, {
      headers: { authorization },
    })
    const { entries } = (await response.json()) as { entries: Record<string, unknown>[] }
    expect(entries[0]).toMatchObject({
      action: 'passkey added',
      actor: 'account',
      detail: { name: 'laptop' },
    })
  })
})

/** What a reader sees in the picture of a page. */
function readQr({ text }: Seen): string {
  const [, side] = /class="qr"[^>]*viewBox="0 0 (\d+) \d+"/s.exec(text)!
  const size = Number(side)
  const scale = 4
  const width = size * scale
  const data = new Uint8Array(width * width * 4).fill(255)
  for (const [, x, y] of text.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
    for (let dy = 0; dy < scale; dy++) {
      for (let dx = 0; dx < scale; dx++) {
        const at = ((Number(y) * scale + dy) * width + Number(x) * scale + dx) * 4
        data.fill(0, at, at + 3)
      }
    }
  }
  return decodeQR({ width, height: width, data })
}
