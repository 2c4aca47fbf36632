// Signing in with passkeys at the pages: an authenticator in software answers what the script of the page would ask a real one.
import { createHash } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { addApp } from './authenticator-app.ts'
import { createPasskey, type Odd, type Passkey } from './authenticator.ts'
import { createBrowser, passkeyOptions, type Seen, type TestBrowser } from './browser.ts'
import { ADMIN_PASSWORD, startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { createApp, type TestApp } from './oauth-app.ts'

const PASSWORD = 'correct horse'
const VISITOR = { address: '127.0.0.1', binding: 'the browser it was made in' }
const WRONG = 'This passkey is not good here. Take another one, or another way.'
const OVER = 'It took too long, or there were too many tries. Sign in again.'

let net: TestNetwork
let app: TestApp
beforeAll(async () => {
  net = await startNetwork({ config: { inviteRequired: false, rateLimitsEnabled: true } })
  app = await createApp(origin, 'atproto')
})
afterAll(() => net[Symbol.asyncDispose]())

const origin = (): string => `http://localhost:${net.pds.port}`
const browse = (): TestBrowser => createBrowser(origin)
const location = (seen: Seen): URL => new URL(seen.headers['location']!, origin())
const problemOf = (seen: Seen): [number, string, string | undefined] => [
  seen.status,
  seen.title,
  /role="alert" id="problem">([^<]*)</.exec(seen.text)?.[1],
]
const isAuto = (seen: Seen): boolean => /<form[^>]*data-auto/.test(seen.text)

async function addPasskey(account: TestAccount): Promise<{ passkey: Passkey; id: string }> {
  const passkey = createPasskey()
  const owner = (await net.pds.accounts.find(account.handle))!
  const { ticket, options } = await net.pds.factors.beginPasskey(owner, VISITOR)
  const response = passkey.create(options, { origin: origin() })
  const { factor } = await net.pds.factors.finishPasskey(
    owner.did,
    { ticket, response, name: 'laptop' },
    VISITOR,
  )
  return { passkey, id: factor.id }
}
/** What the passkey says to the form of a page. */
const answer = (page: Seen, act: string, passkey: Passkey, odd: Odd = {}) => ({
  passkey: JSON.stringify(passkey.get(passkeyOptions(page, act), { origin: origin(), ...odd })),
})
/** Up to the page that asks for whichever passkey. */
async function toPasskey(browser: TestBrowser, more: Record<string, string> = {}) {
  const request = await app.begin()
  const signIn = await browser.visit(request.url)
  const page = await browser.submit(signIn, 'sign-in', {
    identifier: '',
    password: '',
    with: 'passkey',
    ...more,
  })
  expect([page.status, page.title, isAuto(page)]).toEqual([200, 'Sign in with a passkey', true])
  return { request, page }
}
/** Up to the page that asks for a factor beside the password. */
async function toFactor(browser: TestBrowser, { handle }: TestAccount): Promise<Seen> {
  const signIn = await browser.visit((await app.begin()).url)
  return browser.submit(signIn, 'sign-in', { identifier: handle, password: PASSWORD })
}
const signedIn = async (browser: TestBrowser, seen: Seen): Promise<string> =>
  (await browser.visit(location(seen).href)).title

describe('in the place of a name and a password', () => {
  test('the app gets its session; the browser is remembered where that was ticked', async () => {
    const alice = await net.account()
    const { passkey } = await addPasskey(alice)
    const browser = browse()
    const { request, page } = await toPasskey(browser, { remember: 'yes' })
    const seen = await browser.submit(page, 'passkey', answer(page, 'passkey', passkey))
    expect(seen.status).toBe(303)
    const consent = await browser.visit(location(seen).href)
    expect([consent.title, consent.text.includes(alice.handle)]).toEqual(['Allow access', true])
    const way = await browser.submit(consent, 'consent')
    const tokens = await request.exchange(location(way).searchParams.get('code')!)
    expect([tokens.status, tokens.body.sub]).toEqual([200, alice.did])
    expect((await browser.visit((await app.begin()).url)).title).toBe('Allow access')
    expect((await audit(alice.did))[0]).toMatchObject({ action: 'sign-in', detail: { kind: 'passkey' } })
  })

  test('not remembered where it was not ticked', async () => {
    const { passkey } = await addPasskey(await net.account())
    const browser = browse()
    const { page } = await toPasskey(browser)
    expect(
      await signedIn(browser, await browser.submit(page, 'passkey', answer(page, 'passkey', passkey))),
    ).toBe('Allow access')
    expect((await browser.visit((await app.begin()).url)).title).toBe('Sign in')
  })

  test.each<[string, Odd]>([
    ['made for another origin', { origin: 'https://evil.example.com' }],
    ['made for another server', { rpId: 'evil.example.com' }],
    ['of another challenge', { challenge: 'AAAA' }],
    ['without its person', { flags: 0x01 }],
    ['that does not say whose it is', { userHandle: null }],
    ['inside a page of others', { crossOrigin: true }],
  ])('an answer %s lets nobody in', async (_what, odd) => {
    const { passkey } = await addPasskey(await net.account())
    const browser = browse()
    const { page } = await toPasskey(browser)
    const seen = await browser.submit(page, 'passkey', answer(page, 'passkey', passkey, odd))
    expect(problemOf(seen)).toEqual([400, 'Sign in', WRONG])
    // One answer was looked at: what was begun is over.
    const good = await browser.submit(page, 'passkey', answer(page, 'passkey', passkey))
    expect(problemOf(good)).toEqual([400, 'Sign in', OVER])
  })

  test.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['something else', '{"id":1}'],
    ['more than anybody sends', JSON.stringify({ id: 'a'.repeat(17_000) })],
  ])('%s lets nobody in', async (_what, passkey) => {
    const browser = browse()
    const { page } = await toPasskey(browser)
    expect(problemOf(await browser.submit(page, 'passkey', { passkey }))).toEqual([400, 'Sign in', WRONG])
  })

  test('an answer is good once, and in the browser that was asked', async () => {
    const { passkey } = await addPasskey(await net.account())
    const [browser, other] = [browse(), browse()]
    const { page } = await toPasskey(browser)
    const said = answer(page, 'passkey', passkey)
    const { page: theirs } = await toPasskey(other)
    const ticket = /name="ticket" value="([^"]*)"/.exec(page.text)![1]!
    const stolen = await other.submit(theirs, 'passkey', { ...said, ticket })
    expect(problemOf(stolen)).toEqual([400, 'Sign in', OVER])
    expect((await browser.submit(page, 'passkey', said)).status).toBe(303)
    expect(problemOf(await browser.submit(page, 'passkey', said))).toEqual([400, 'Sign in', OVER])
  })

  test('a passkey that was removed lets nobody in', async () => {
    const bert = await net.account()
    const { passkey, id } = await addPasskey(bert)
    const browser = browse()
    const { page } = await toPasskey(browser)
    await net.pds.factors.remove((await net.pds.accounts.find(bert.handle))!.did, id, VISITOR)
    const seen = await browser.submit(page, 'passkey', answer(page, 'passkey', passkey))
    expect(problemOf(seen)).toEqual([400, 'Sign in', WRONG])
  })

  test('an account that was taken down is told so', async () => {
    const carol = await net.account()
    const { passkey } = await addPasskey(carol)
    const browser = browse()
    const { page } = await toPasskey(browser)
    const subject = { $type: 'com.atproto.admin.defs#repoRef', did: carol.did }
    const input = { subject, takedown: { applied: true } }
    await net.post('com.atproto.admin.updateSubjectStatus', { admin: true, input })
    const seen = await browser.submit(page, 'passkey', answer(page, 'passkey', passkey))
    expect(problemOf(seen)).toEqual([403, 'Sign in', 'This account has been taken down.'])
  })
})

describe('beside the password', () => {
  test('the page asks for it, and says how to do without', async () => {
    const dora = await net.account()
    const { passkey } = await addPasskey(dora)
    const browser = browse()
    const page = await toFactor(browser, dora)
    expect([page.title, isAuto(page)]).toEqual(['One more step', true])
    expect(page.text).toContain('Without it, type one of your recovery codes.')
    expect(passkeyOptions(page, 'factor-passkey').allowCredentials).toMatchObject([{ id: passkey.id }])
    const seen = await browser.submit(page, 'factor-passkey', answer(page, 'factor-passkey', passkey))
    expect(await signedIn(browser, seen)).toBe('Allow access')
    expect((await audit(dora.did))[0]).toMatchObject({ detail: { kind: 'password, and passkey' } })
  })

  test('where there are other factors nobody is asked at once', async () => {
    const emma = await net.account()
    const { passkey } = await addPasskey(emma)
    const { code } = await addApp(net.pds, emma.handle)
    const browser = browse()
    const page = await toFactor(browser, emma)
    expect([isAuto(page), page.text.includes('data-passkey="get"')]).toEqual([false, true])
    // A wrong code leaves the passkey good, and a wrong passkey the code.
    const again = await browser.submit(page, 'factor', { code: '000000' })
    expect(problemOf(again)).toEqual([400, 'One more step', 'This code is not right.'])
    const other = answer(again, 'factor-passkey', createPasskey())
    const wrong = await browser.submit(again, 'factor-passkey', other)
    expect([problemOf(wrong), isAuto(wrong)]).toEqual([[400, 'One more step', WRONG], false])
    const good = await browser.submit(wrong, 'factor', { code: code(1) })
    expect(await signedIn(browser, good)).toBe('Allow access')
    const late = await browser.submit(wrong, 'factor-passkey', answer(wrong, 'factor-passkey', passkey))
    expect(problemOf(late)).toEqual([400, 'Sign in', OVER])
  })

  test('a passkey of somebody else lets nobody in; the sixth answer neither', async () => {
    const [fred, gina] = [await net.account(), await net.account()]
    const { passkey } = await addPasskey(fred)
    const { passkey: theirs } = await addPasskey(gina)
    const browser = browse()
    let page = await toFactor(browser, fred)
    for (let tries = 0; tries < 5; tries++) {
      page = await browser.submit(page, 'factor-passkey', answer(page, 'factor-passkey', theirs))
      expect(problemOf(page)).toEqual([400, 'One more step', WRONG])
    }
    const sixth = await browser.submit(page, 'factor-passkey', answer(page, 'factor-passkey', passkey))
    expect(problemOf(sixth)).toEqual([400, 'Sign in', OVER])
  })
})

describe('the script of the pages', () => {
  const policyOf = ({ headers }: Seen): string => headers['content-security-policy']!

  test('is the only one that may run, and only where passkeys are used', async () => {
    const browser = browse()
    const { request, page } = await toPasskey(browser)
    for (const seen of [page, await browser.visit(request.url)]) {
      const scripts = [...seen.text.matchAll(/<script>(.*?)<\/script>/gs)]
      expect(scripts).toHaveLength(1)
      const hash = createHash('sha256').update(scripts[0]![1]!).digest('base64')
      expect(policyOf(seen)).toContain(`default-src 'none'`)
      expect(policyOf(seen)).toMatch(new RegExp(`; script-src 'sha256-${hash.replaceAll('+', '\\+')}';`))
      expect(policyOf(seen)).not.toContain('unsafe')
    }
    const plain = await browser.visit(`${request.url}&step=sign-up`)
    expect([policyOf(plain).includes('script-src'), plain.text.includes('<script')]).toEqual([false, false])
  })

  test('what needs it is hidden without it', async () => {
    const signIn = await browse().visit((await app.begin()).url)
    expect(/<button[^>]*value="passkey"[^>]*>/.exec(signIn.text)![0]).toContain('hidden')
  })
})

test('what one network begins is limited', async () => {
  const signIn = await browse().visit((await app.begin()).url)
  const browser = browse()
  const page = await browser.visit((await app.begin()).url)
  expect(signIn.status).toBe(200)
  let seen = page
  let begun = 0
  do {
    seen = await browser.submit(page, 'sign-in', { with: 'passkey' })
    begun += 1
  } while (seen.status === 200 && begun < 70)
  expect(problemOf(seen)).toEqual([429, 'Sign in', 'Too many attempts. Try again in a few minutes.'])
})

async function audit(did: string): Promise<Record<string, unknown>[]> {
  const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
  const response = await fetch(`${net.pds.url}/audit?account=${did}`, { headers: { authorization } })
  return ((await response.json()) as { entries: Record<string, unknown>[] }).entries
}
