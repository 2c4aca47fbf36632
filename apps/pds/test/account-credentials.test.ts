// Address, password and handle at the pages of an account: the same as by the methods, and who may do it.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { actsOf, alertOf, createOwner, noticeOf, PASSWORD, type TestOwner } from './account-browser.ts'
import { mailedCode, mails } from './mail.ts'
import { failure, newHandle, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

const MINUTE_MS = 60_000

let net: TestNetwork
/** DNS records by name. */
const records = new Map<string, string>()

beforeAll(async () => {
  net = await startNetwork({
    lookupTxt: (name) => Promise.resolve({ ok: true, value: records.has(name) ? [records.get(name)!] : [] }),
  })
})
afterAll(() => net[Symbol.asyncDispose]())

const emailOf = ({ handle }: TestAccount): string => `${handle.split('.')[0]}@example.com`
const session = async (who: TestAccount) =>
  (await net.get('com.atproto.server.getSession', { token: who.accessJwt })).body
async function owner(): Promise<TestOwner> {
  return createOwner(net, await net.account())
}
/** One whose address is confirmed. */
async function confirmed(): Promise<TestOwner> {
  const one = await owner()
  await one.submit('email', 'ask-confirm')
  const confirmCode = await mailedCode(net, emailOf(one.account), 'Confirm')
  await one.follow('email', 'confirm', { confirmCode })
  return one
}

describe('grave pages', () => {
  test.each(['email', 'password', 'handle', 'app-passwords', 'leaving'])(
    'ten minutes after signing in, %s asks who it is; the password once more opens it',
    async (page) => {
      const one = await owner()
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * MINUTE_MS - 2000 })
      try {
        expect((await one.visit(page)).title).not.toBe('Is it you?')
        vi.setSystemTime(Date.now() + 3000)
        expect((await one.visit('')).title).toBe('Overview')
        const asked = await one.visit(page)
        expect([asked.status, asked.title]).toEqual([200, 'Is it you?'])
        const wrong = await one.browser.submit(asked, 'sign-in', { password: 'wrong' })
        expect([wrong.status, wrong.title]).toEqual([400, 'Is it you?'])
        const way = await one.browser.submit(asked, 'sign-in', { password: PASSWORD })
        const path = `/account/${page}?account=${encodeURIComponent(one.account.did)}`
        expect([way.status, way.headers['location']]).toEqual([303, path])
        expect((await one.visit(page)).title).not.toBe('Is it you?')
        // What was remembered of the browser is: it is signed in a day later.
        vi.setSystemTime(Date.now() + 24 * 60 * MINUTE_MS)
        expect((await one.visit('')).title).toBe('Overview')
      } finally {
        vi.useRealTimers()
      }
    },
  )

  test('a form of a page that was opened before does nothing any more', async () => {
    const one = await owner()
    const page = await one.visit('password')
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * MINUTE_MS + 1000 })
    try {
      const late = await one.browser.submit(page, 'change', { new: 'another horse', again: 'another horse' })
      expect([late.status, late.title]).toEqual([403, 'Is it you?'])
      expect(alertOf(late)).toContain('Nothing was done')
    } finally {
      vi.useRealTimers()
    }
    expect((await one.signIn()).status).toBe(303)
  })
})

describe('the address', () => {
  test('is confirmed by the code that is mailed to it', async () => {
    const one = await owner()
    expect((await one.visit('email')).text).toContain('It is not confirmed yet.')
    expect(noticeOf(await one.follow('email', 'ask-confirm'))).toBe('A code is on its way to you.')
    const wrong = await one.submit('email', 'confirm', { confirmCode: 'AAAAA-BBBBB' })
    expect([wrong.status, alertOf(wrong)]).toEqual([400, 'This code is not right, or was used already.'])
    const confirmCode = await mailedCode(net, emailOf(one.account), 'Confirm')
    const done = await one.follow('email', 'confirm', { confirmCode: ` ${confirmCode.toLowerCase()} ` })
    expect(noticeOf(done)).toBe('Your address is confirmed.')
    expect((await session(one.account)).emailConfirmed).toBe(true)
  })

  test('that is confirmed changes with a code mailed to it, and its owner is told there', async () => {
    const one = await confirmed()
    const [before, email] = [emailOf(one.account), `new-${emailOf(one.account)}`]
    const without = await one.submit('email', 'change', { email, code: '' })
    expect([without.status, alertOf(without)]).toEqual([400, 'This code is not right, or was used already.'])
    const wrong = await one.submit('email', 'change', { email, code: 'AAAAA-BBBBB' })
    expect(wrong.status).toBe(400)
    expect(wrong.text).toContain(`value="${email}"`)
    await one.follow('email', 'ask-change')
    const code = await mailedCode(net, before, 'Change your email')
    const done = await one.follow('email', 'change', { email: email.toUpperCase(), code })
    expect(noticeOf(done)).toContain('Your address was changed.')
    expect(await session(one.account)).toMatchObject({ email, emailConfirmed: false })
    await vi.waitFor(async () => {
      const told = (await mails(net)).filter((mail) => mail.includes(`To: ${before}\n`))
      expect(told.some((mail) => mail.includes('Subject: Your email address was changed'))).toBe(true)
    })
  })

  test('is not filled in by a URL, which anybody could send', async () => {
    const one = await owner()
    const url = new URL(`http://localhost:${net.pds.port}/account/email`)
    url.search = new URLSearchParams({ account: one.account.did, email: 'thief@example.com' }).toString()
    const page = await one.browser.visit(url.href)
    expect([page.title, page.text.includes('thief')]).toEqual(['E-mail', false])
  })

  test('that is not confirmed changes without; one that cannot be used is told', async () => {
    const [one, other] = [await owner(), await owner()]
    for (const [email, alert] of [
      [emailOf(one.account), 'This is the address that you have already.'],
      [emailOf(other.account), 'Another account has this e-mail address.'],
      ['nothing', 'This is not an e-mail address that can be used.'],
    ] as const) {
      const refused = await one.submit('email', 'change', { email })
      expect([refused.status, alertOf(refused)]).toEqual([400, alert])
    }
    const email = `other-${emailOf(one.account)}`
    expect(noticeOf(await one.follow('email', 'change', { email }))).toContain('changed')
    expect((await session(one.account)).email).toBe(email)
  })

  test('changes, and with it the codes to sign in: the owner stays signed in here', async () => {
    const one = await confirmed()
    const input = { email: emailOf(one.account), emailAuthFactor: true }
    await net.post('com.atproto.server.updateEmail', { token: one.account.accessJwt, input })
    // Another factor ends every sign-in, this one too, as it was turned on elsewhere.
    expect((await one.visit('email')).title).toBe('Sign in')
    const asked = await one.browser.submit(await one.visit('email'), 'sign-in', {
      identifier: one.account.handle,
      password: PASSWORD,
    })
    const signInCode = await mailedCode(net, emailOf(one.account), 'Sign in')
    expect((await one.browser.submit(asked, 'factor', { code: signInCode })).status).toBe(303)
    await one.follow('email', 'ask-change')
    const code = await mailedCode(net, emailOf(one.account), 'Change your email')
    const email = `later-${emailOf(one.account)}`
    expect(noticeOf(await one.follow('email', 'change', { email, code }))).toContain('changed')
    expect(await session(one.account)).toMatchObject({ email, emailAuthFactor: false })
  })
})

describe('the password', () => {
  test('that is changed ends everything else, and the owner is told by mail', async () => {
    const account = await net.account()
    const [one, elsewhere] = [await createOwner(net, account), await createOwner(net, account)]
    const chosen = 'a new and longer horse'
    const done = await one.follow('password', 'change', { new: chosen, again: chosen })
    expect(noticeOf(done)).toContain('Your password was changed')
    expect((await one.visit('')).title).toBe('Overview')
    expect((await elsewhere.visit('')).title).toBe('Sign in')
    const refreshed = await net.post('com.atproto.server.refreshSession', { token: account.refreshJwt })
    expect(failure(refreshed)).toBe('400 ExpiredToken')
    expect((await elsewhere.signIn()).status).toBe(400)
    expect((await elsewhere.signIn(chosen)).status).toBe(303)
    await vi.waitFor(async () => {
      const told = (await mails(net)).filter((mail) => mail.includes(`To: ${emailOf(account)}\n`))
      expect(told.some((mail) => mail.includes('Subject: Your password was changed'))).toBe(true)
    })
  })

  test.each([
    ['7 chars', 'one two', 'one two', 400],
    ['8 chars', 'one two!', 'one two!', 303],
    ['256 chars', 'x'.repeat(256), 'x'.repeat(256), 303],
    ['257 chars', 'x'.repeat(257), 'x'.repeat(257), 400],
    ['two that differ', 'one two three', 'one two threE', 400],
  ])('%s', async (_name, chosen, again, status) => {
    const one = await owner()
    expect((await one.submit('password', 'change', { new: chosen, again })).status).toBe(status)
    expect((await one.signIn(status === 303 ? chosen : PASSWORD)).status).toBe(303)
  })
})

test('what is done is in the audit log in the words of the methods, and what was tried in vain', async () => {
  const one = await confirmed()
  await one.submit('email', 'change', { email: 'x@example.com', code: 'AAAAA-BBBBB' })
  await one.submit('password', 'change', { new: 'a longer horse', again: 'a longer horse' })
  await one.submit('handle', 'local', { name: newHandle().split('.')[0]! })
  expect(await actsOf(net, one.account)).toEqual([
    ['account', 'e-mail address confirmed', null],
    ['account', 'e-mail address changed', 'InvalidToken'],
    ['account', 'password changed', null],
    ['account', 'handle changed', null],
  ])
})

describe('the handle', () => {
  test('becomes another name of this server', async () => {
    const one = await owner()
    const name = newHandle().split('.')[0]!
    const done = await one.follow('handle', 'local', { name: `@${name.toUpperCase()}` })
    expect(noticeOf(done)).toBe('Your handle was changed.')
    expect((await session(one.account)).handle).toBe(`${name}.test`)
  })

  test('of somebody else, or in a form that is none, is not to be had', async () => {
    const [one, other] = [await owner(), await owner()]
    for (const [name, alert] of [
      [other.account.handle.split('.')[0]!, 'This handle is not to be had.'],
      ['a', 'This is not a handle that can be used here.'],
      ['two.labels', 'This is not a handle that can be used here.'],
      ['admin', 'This handle is not to be had.'],
    ] as const) {
      const refused = await one.submit('handle', 'local', { name })
      expect([name, refused.status, alertOf(refused)]).toEqual([name, 400, alert])
    }
  })

  test('becomes a domain of its own once that leads to the account', async () => {
    const one = await owner()
    const own = 'alice.example.org'
    const page = await one.visit('handle')
    expect(page.text).toContain(`did=${one.account.did}`)
    const early = await one.submit('handle', 'own', { own })
    expect([early.status, alertOf(early)]).toEqual([
      400,
      expect.stringContaining('does not lead to your identifier yet'),
    ])
    expect(early.text).toContain(`_atproto.${own}`)
    expect(early.text).toContain(`https://${own}/.well-known/atproto-did`)
    records.set(`_atproto.${own}`, `did=${one.account.did}`)
    expect(noticeOf(await one.follow('handle', 'own', { own: ` ${own} ` }))).toBe('Your handle was changed.')
    expect((await session(one.account)).handle).toBe(own)
  })
})
