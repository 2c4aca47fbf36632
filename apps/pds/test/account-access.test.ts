// App passwords, connected apps, devices, exports and the end, at the pages of an account.
import { readCar } from '@avocet/car'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { browserName } from '../src/pages/views/account/browser-name.ts'
import { bytes } from '../src/pages/views/account/units.ts'
import { actsOf, alertOf, createOwner, noticeOf, PASSWORD, type TestOwner } from './account-browser.ts'
import { fieldsOf } from './browser.ts'
import { mailedCode, mails } from './mail.ts'
import { failure, newHandle, post, startNetwork, type TestNetwork } from './network.ts'
import { createApp, type TestApp } from './oauth-app.ts'

const SCOPE = 'atproto repo:com.example.note blob:image/png'
const DAY_MS = 24 * 60 * 60 * 1000

let net: TestNetwork
beforeAll(async () => {
  net = await startNetwork()
})
afterAll(() => net[Symbol.asyncDispose]())

const origin = (): string => `http://localhost:${net.pds.port}`
const owner = async (): Promise<TestOwner> => createOwner(net, await net.account())
const session = (token: string) => net.get('com.atproto.server.getSession', { token })
const signInTo = (identifier: string, password: string) =>
  net.post('com.atproto.server.createSession', { input: { identifier, password } })
/** Lets an app in, in the browser of an owner. */
async function connect({ browser }: TestOwner, app: TestApp): Promise<string> {
  const request = await app.begin()
  const consent = await browser.visit(request.url)
  const way = await browser.submit(consent, 'consent')
  const tokens = await request.exchange(new URL(way.headers['location']!).searchParams.get('code')!)
  return tokens.body.access_token as string
}
const hidden = (seen: { text: string }, name: string): string[] =>
  [...seen.text.matchAll(new RegExp(`name="${name}" value="([^"]*)"`, 'g'))].map(([, value]) => value!)

describe('app passwords', () => {
  test('are made, shown this once, listed and removed', async () => {
    const one = await owner()
    const made = await one.submit('app-passwords', 'create', { name: 'An <b>app</b>', privileged: 'yes' })
    expect([made.status, made.title]).toEqual([200, 'Your new app password'])
    const password = /class="secret">([a-z2-7-]{19})</.exec(made.text)![1]!
    const signedIn = await signInTo(one.account.handle, password)
    expect(signedIn.status).toBe(200)
    const list = await one.visit('app-passwords')
    expect(list.text).not.toContain(password)
    expect(list.text).toContain('An &lt;b&gt;app&lt;/b&gt;')
    expect(list.text).toContain('may read and send private messages')
    const { body } = await net.get('com.atproto.server.listAppPasswords', { token: one.account.accessJwt })
    expect(body.passwords).toMatchObject([{ name: 'An <b>app</b>', privileged: true }])
    const again = await one.submit('app-passwords', 'create', { name: 'An <b>app</b>' })
    expect([again.status, alertOf(again)]).toEqual([400, 'You have an app password of this name already.'])
    const done = await one.follow('app-passwords', 'revoke')
    expect(noticeOf(done)).toContain('was removed')
    expect(failure(await signInTo(one.account.handle, password))).toBe('401 AuthenticationRequired')
    const refreshed = await net.post('com.atproto.server.refreshSession', { token: signedIn.body.refreshJwt })
    expect(failure(refreshed)).toBe('400 ExpiredToken')
    expect(await actsOf(net, one.account)).toEqual([
      ['account', 'app password created', null],
      ['account', 'app password revoked', null],
    ])
  })

  test.each([
    ['', 400],
    ['x'.repeat(64), 200],
    ['x'.repeat(65), 400],
    ['two\nlines', 400],
  ])('with the name %j', async (name, status) => {
    expect((await (await owner()).submit('app-passwords', 'create', { name })).status).toBe(status)
  })

  test('of another account cannot be removed', async () => {
    const [one, other] = [await owner(), await owner()]
    const made = await other.submit('app-passwords', 'create', { name: 'of the other' })
    const password = /class="secret">([a-z2-7-]{19})</.exec(made.text)![1]!
    await one.forge('app-passwords', { do: 'revoke', account: one.account.did, name: 'of the other' })
    expect((await signInTo(other.account.handle, password)).status).toBe(200)
  })
})

describe('connected apps', () => {
  test('are named as on the page of consent, with what they may do; ending their access ends their tokens', async () => {
    const [one, other] = [await owner(), await owner()]
    const app = await createApp(origin, SCOPE)
    expect((await one.visit('apps')).text).toContain('No app is connected to your account.')
    const [token, otherToken] = [await connect(one, app), await connect(other, app)]
    const page = await one.visit('apps')
    expect(page.text).toContain('An application on one of your devices')
    expect(page.text).toContain('example.com (note) in your public repository.')
    expect(page.text).toContain('Upload image/png files.')
    expect((await app.call('com.atproto.server.getSession', token)).status).toBe(200)
    const foreign = await one.forge('apps', {
      do: 'end',
      account: one.account.did,
      client: 'https://app.example/c',
    })
    expect([foreign.status, alertOf(foreign)]).toEqual([400, 'What you chose is not there any more.'])
    expect(noticeOf(await one.follow('apps', 'end'))).toBe('The app has no access any more.')
    expect((await app.call('com.atproto.server.getSession', token)).status).toBe(401)
    expect((await app.call('com.atproto.server.getSession', otherToken)).status).toBe(200)
    expect((await one.visit('apps')).text).toContain('No app is connected to your account.')
    expect(await actsOf(net, one.account)).toEqual([['account', 'app access ended', null]])
  })

  test('a code that an app has not used yet ends with its access, and that of another app does not', async () => {
    const one = await owner()
    const [app, other] = [await createApp(origin, SCOPE), await createApp(origin, 'atproto')]
    await connect(one, app)
    const toCode = async (of: TestApp) => {
      const request = await of.begin()
      const way = await one.browser.submit(await one.browser.visit(request.url), 'consent')
      const code = new URL(way.headers['location']!).searchParams.get('code')!
      return () => request.exchange(code)
    }
    const [exchange, exchangeOther] = [await toCode(app), await toCode(other)]
    expect(noticeOf(await one.follow('apps', 'end'))).toBe('The app has no access any more.')
    expect(await exchange()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await exchangeOther()).status).toBe(200)
  })
})

describe('devices', () => {
  test('a browser is signed out from another one; no other account is', async () => {
    const account = await net.account()
    const [one, two] = [await createOwner(net, account), await createOwner(net, account)]
    const foreign = await owner()
    const page = await one.visit('sessions')
    expect(page.text).toContain('this browser')
    const [first, second] = hidden(page, 'device')
    const here = /this browser.*?name="device" value="([^"]*)"/s.exec(page.text)![1]!
    const elsewhere = first === here ? second! : first!
    const [ofForeign] = hidden(await foreign.visit('sessions'), 'device')
    const form = { do: 'end-browser', account: account.did }
    const refused = await one.forge('sessions', { ...form, device: ofForeign! })
    expect([refused.status, alertOf(refused)]).toEqual([400, 'What you chose is not there any more.'])
    expect((await foreign.visit('')).title).toBe('Overview')
    const way = await one.forge('sessions', { ...form, device: elsewhere })
    expect(way.status).toBe(303)
    expect((await two.visit('')).title).toBe('Sign in')
    expect((await one.visit('')).title).toBe('Overview')
    expect((await one.forge('sessions', { ...form, device: here })).headers['location']).toBe('/account')
    expect((await one.visit('')).title).toBe('Sign in')
  })

  test('a session of an app is ended, of the own account alone', async () => {
    const [one, other] = [await owner(), await owner()]
    await one.submit('app-passwords', 'create', { name: 'reader' })
    const page = await one.visit('sessions')
    expect(page.text).toContain('With your password')
    const [id] = hidden(page, 'session')
    const form = { do: 'end-session', account: other.account.did, session: id! }
    expect((await other.forge('sessions', form)).status).toBe(400)
    const refresh = () => net.post('com.atproto.server.refreshSession', { token: one.account.refreshJwt })
    // Renewed after the owner opened the page: the session is the same to them.
    const renewed = await refresh()
    expect(renewed.status).toBe(200)
    expect((await one.browser.submit(page, 'end-session')).status).toBe(303)
    const again = await net.post('com.atproto.server.refreshSession', { token: renewed.body.refreshJwt })
    expect([failure(again), failure(await refresh())]).toEqual(['400 ExpiredToken', '400 ExpiredToken'])
    expect(await actsOf(net, one.account)).toContainEqual(['account', 'sign-out', null])
  })

  test('everything else ends at once: browsers, sessions, connected apps; not this browser, not another account', async () => {
    const account = await net.account()
    const [one, two, other] = [
      await createOwner(net, account),
      await createOwner(net, account),
      await owner(),
    ]
    const app = await createApp(origin, SCOPE)
    const [token, otherToken] = [await connect(one, app), await connect(other, app)]
    const done = await one.follow('sessions', 'end-elsewhere')
    expect(noticeOf(done)).toBe('Everything else is signed out.')
    expect(hidden(done, 'device')).toHaveLength(1)
    expect(hidden(done, 'session')).toEqual([])
    expect((await two.visit('')).title).toBe('Sign in')
    expect((await app.call('com.atproto.server.getSession', token)).status).toBe(401)
    const refreshed = await net.post('com.atproto.server.refreshSession', { token: account.refreshJwt })
    expect(failure(refreshed)).toBe('400 ExpiredToken')
    expect((await app.call('com.atproto.server.getSession', otherToken)).status).toBe(200)
    expect((await other.visit('')).title).toBe('Overview')
  })
})

describe('export', () => {
  test('gives the repository as a CAR, and a list of files, also of an account that is deactivated', async () => {
    const one = await owner()
    const { accessJwt: token, did } = one.account
    const uploaded = await net.post('com.atproto.repo.uploadBlob', {
      token,
      bytes: new Uint8Array([1, 2, 3]),
      type: 'application/octet-stream',
    })
    const record = { $type: 'com.example.file', file: uploaded.body.blob }
    const input = { repo: did, collection: 'com.example.file', record, validate: false }
    expect((await net.post('com.atproto.repo.createRecord', { token, input })).status).toBe(200)
    await net.post('com.atproto.repo.createRecord', {
      token,
      input: { repo: did, collection: 'app.bsky.feed.post', record: post('hello') },
    })
    await net.post('com.atproto.server.deactivateAccount', { token, input: {} })
    const car = await one.submit('export', 'repo')
    expect([car.status, car.headers['content-type'], car.headers['content-disposition']]).toEqual([
      200,
      'application/vnd.ipld.car',
      `attachment; filename="${one.account.handle}.car"`,
    ])
    const { roots, blocks } = readCar(car.bytes)
    expect([roots.length, blocks.length > 2]).toEqual([1, true])
    const list = await one.submit('export', 'files')
    const cid = uploaded.body.blob.ref.$link as string
    expect(list.text).toBe(
      `${origin()}/xrpc/com.atproto.sync.getBlob?did=${encodeURIComponent(did)}&cid=${cid}\n`,
    )
  })

  test('twenty in an hour for one account', async () => {
    const limited = await startNetwork({ config: { rateLimitsEnabled: true } })
    try {
      const one = await createOwner(limited, await limited.account())
      const page = await one.visit('export')
      for (let count = 0; count < 20; count++) {
        expect((await one.browser.submit(page, 'files')).status).toBe(200)
      }
      const refused = await one.browser.submit(page, 'files')
      expect([refused.status, Number(refused.headers['retry-after']) > 3000]).toEqual([429, true])
    } finally {
      await limited[Symbol.asyncDispose]()
    }
  })
})

describe('the end', () => {
  test('an account is deactivated, and activated again', async () => {
    const one = await owner()
    expect(noticeOf(await one.follow('leaving', 'deactivate'))).toBe('Your account is deactivated.')
    expect((await session(one.account.accessJwt)).body).toMatchObject({
      active: false,
      status: 'deactivated',
    })
    expect((await one.visit('')).text).toContain('Your account is deactivated: nobody can see it.')
    expect(noticeOf(await one.follow('leaving', 'activate'))).toBe('Your account is active again.')
    expect((await session(one.account.accessJwt)).body.active).toBe(true)
    expect(await actsOf(net, one.account)).toEqual([
      ['account', 'account deactivated', null],
      ['account', 'account activated', null],
    ])
  })

  test('a deletion takes the mailed code, waits for thirty days, and can be taken back', async () => {
    const one = await owner()
    const email = `${one.account.handle.split('.')[0]}@example.com`
    const early = await one.submit('leaving', 'delete', { code: '' })
    expect([early.status, alertOf(early)]).toEqual([400, 'This code is not right, or was used already.'])
    await one.follow('leaving', 'ask')
    const code = await mailedCode(net, email, 'Delete your account')
    expect((await one.submit('leaving', 'delete', { code: 'AAAAA-BBBBB' })).status).toBe(400)
    expect((await session(one.account.accessJwt)).body.active).toBe(true)
    const planned = await one.follow('leaving', 'delete', { code })
    expect(noticeOf(planned)).toContain('is going to be deleted')
    const day = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeZone: 'UTC' }).format(
      Date.now() + 30 * DAY_MS,
    )
    expect(planned.text).toContain(`It is going to be deleted with everything in it on ${day}.`)
    await vi.waitFor(async () => {
      const told = (await mails(net)).filter((mail) => mail.includes(`To: ${email}\n`))
      expect(told.some((mail) => mail.includes('Subject: Your account is going to be deleted'))).toBe(true)
    })
    // The same code plans nothing more.
    const kept = await one.follow('leaving', 'deactivate')
    expect(kept.text).not.toContain('It is going to be deleted')
    expect((await one.submit('leaving', 'delete', { code })).status).toBe(400)
    expect(noticeOf(await one.follow('leaving', 'activate'))).toBe('Your account is active again.')
    expect((await session(one.account.accessJwt)).body.active).toBe(true)
  })

  test('an account without an address needs no code', async () => {
    const application = { handle: newHandle(), email: null, password: PASSWORD, byOperator: true }
    const { account, tokens } = await net.pds.accounts.create(application)
    const { did, handle } = account
    const one = await createOwner(net, { did, handle: handle!, ...tokens })
    const page = await one.visit('leaving')
    expect(page.text).not.toContain('value="ask"')
    expect(noticeOf(await one.follow('leaving', 'delete'))).toContain('is going to be deleted')
    expect((await session(tokens.accessJwt)).body.active).toBe(false)
  })

  test('a code of another account, or for something else, deletes nothing', async () => {
    const [one, other] = [await owner(), await owner()]
    await other.follow('leaving', 'ask')
    await one.follow('email', 'ask-confirm')
    const foreign = await mailedCode(net, `${other.account.handle.split('.')[0]}@example.com`, 'Delete')
    const another = await mailedCode(net, `${one.account.handle.split('.')[0]}@example.com`, 'Confirm')
    for (const code of [foreign, another]) {
      expect((await one.submit('leaving', 'delete', { code })).status).toBe(400)
    }
    expect((await session(one.account.accessJwt)).body.active).toBe(true)
  })
})

describe('limits', () => {
  test('letters and forms of one account are counted, letters with those of the methods', async () => {
    const limited = await startNetwork({ config: { rateLimitsEnabled: true } })
    try {
      const account = await limited.account()
      const one = await createOwner(limited, account)
      const ask = 'com.atproto.server.requestEmailConfirmation'
      expect((await limited.post(ask, { token: account.accessJwt })).status).toBe(200)
      const page = await one.visit('email')
      for (let count = 0; count < 4; count++) {
        expect((await one.browser.submit(page, 'ask-confirm')).status).toBe(303)
      }
      const refused = await one.browser.submit(page, 'ask-confirm')
      expect([refused.status, alertOf(refused)]).toEqual([
        429,
        'Too many attempts. Try again in a few minutes.',
      ])
      expect(failure(await limited.post(ask, { token: account.accessJwt }))).toBe('429 RateLimitExceeded')
      const typed = { confirmCode: 'AAAAA-BBBBB' }
      // Five forms were counted, of sixty.
      for (let count = 0; count < 55; count++) {
        expect((await one.browser.submit(page, 'confirm', typed)).status).toBe(400)
      }
      expect((await one.browser.submit(page, 'confirm', typed)).status).toBe(429)
    } finally {
      await limited[Symbol.asyncDispose]()
    }
  })
})

describe('a form of one account in the hands of another', () => {
  let one: TestOwner
  let victim: TestOwner
  beforeAll(async () => {
    one = await owner()
    victim = await owner()
  })

  test.each([
    ['email', { do: 'change', email: 'thief@example.com' }],
    ['password', { do: 'change', new: 'thief thief', again: 'thief thief' }],
    ['handle', { do: 'local', name: 'thief' }],
    ['app-passwords', { do: 'create', name: 'thief' }],
    ['apps', { do: 'end', client: 'x' }],
    ['sessions', { do: 'end-elsewhere' }],
    ['export', { do: 'repo' }],
    ['leaving', { do: 'deactivate' }],
  ])('%s does nothing', async (page, fields) => {
    for (const account of [victim.account.did, 'did:plc:nobody', '']) {
      const refused = await one.forge(page, { ...fields, account } as unknown as Record<string, string>)
      expect(refused.status).toBe(403)
    }
    expect(await actsOf(net, victim.account)).toEqual([])
    expect(await actsOf(net, one.account)).toEqual([])
    const seen = await one.visit(page)
    const crossSite = await one.browser.post(
      `${origin()}/account/${page}`,
      [...fieldsOf(seen, 'sign-out').filter(([name]) => name !== 'do'), ...Object.entries(fields)],
      { headers: { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' } },
    )
    expect(crossSite.status).toBe(403)
    expect(await actsOf(net, one.account)).toEqual([])
    expect((await signInTo(one.account.handle, PASSWORD)).status).toBe(200)
  })
})

describe('what is shown', () => {
  test.each([
    [null, null],
    ['', null],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox, Linux'],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0',
      'Edge, Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile Safari/604.1',
      'Safari, iPhone',
    ],
    ['curl/8', 'curl/8'],
    ['x'.repeat(300), 'x'.repeat(60)],
  ])('%s', (userAgent, name) => expect(browserName(userAgent)).toBe(name))

  test('sizes', () => {
    const en = { language: 'en' }
    expect([0, 999, 1000, 1_500_000, 2e18].map((size) => bytes(en, size))).toEqual([
      '0 byte',
      '999 byte',
      '1 kB',
      '1.5 MB',
      '2,000,000 TB',
    ])
  })
})
