// Codes of an authenticator app beside the password, at the pages: each is good once, for its account, and guesses have an end.
import { afterAll, beforeAll, expect, test } from 'vitest'

import { addApp } from './authenticator-app.ts'
import { createBrowser, fieldsOf, type Seen, type TestBrowser } from './browser.ts'
import { startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { createApp, type TestApp } from './oauth-app.ts'

let net: TestNetwork
let app: TestApp
beforeAll(async () => {
  net = await startNetwork({ config: { inviteRequired: false } })
  app = await createApp(origin, 'atproto')
})
afterAll(() => net[Symbol.asyncDispose]())

const origin = (): string => `http://localhost:${net.pds.port}`
const WRONG = 'This code is not right.'
const OVER = 'It took too long, or there were too many tries. Sign in again.'
const problemOf = (seen: Seen): [number, string, string | undefined] => [
  seen.status,
  seen.title,
  /role="alert" id="problem">([^<]*)</.exec(seen.text)?.[1],
]
/** Up to the page that asks for a code. */
async function toCode({ handle }: TestAccount, browser: TestBrowser = createBrowser(origin)) {
  const page = await browser.visit((await app.begin()).url)
  const typed = { identifier: handle, password: 'correct horse' }
  return { browser, page: await browser.submit(page, 'sign-in', typed) }
}

test('a code is good once, in whichever browser', async () => {
  const alice = await net.account()
  const { code } = await addApp(net.pds, alice.handle)
  const [first, second] = [await toCode(alice), await toCode(alice)]
  // The code of now was used to add the app.
  const used = await first.browser.submit(first.page, 'factor', { code: code(0) })
  expect(problemOf(used)).toEqual([400, 'One more step', WRONG])
  const next = code(1)
  expect((await first.browser.submit(used, 'factor', { code: next })).status).toBe(303)
  const again = await second.browser.submit(second.page, 'factor', { code: next })
  expect(problemOf(again)).toEqual([400, 'One more step', WRONG])
})

test('the sixth answer is none, right or wrong, and what was begun is over', async () => {
  const bert = await net.account()
  const { code } = await addApp(net.pds, bert.handle)
  const { browser, page } = await toCode(bert)
  let seen = page
  for (let tries = 0; tries < 5; tries++) {
    seen = await browser.submit(seen, 'factor', { code: '000000' })
    expect(problemOf(seen)).toEqual([400, 'One more step', WRONG])
  }
  const sixth = await browser.submit(seen, 'factor', { code: code(1) })
  expect(problemOf(sixth)).toEqual([400, 'Sign in', OVER])
  const seventh = await browser.submit(seen, 'factor', { code: code(1) })
  expect([seventh.status, seventh.headers['location']]).toEqual([400, undefined])
})

test('a code answers what was begun for its account, in the browser that began', async () => {
  const [cora, dora] = [await net.account(), await net.account()]
  const { code } = await addApp(net.pds, cora.handle)
  await addApp(net.pds, dora.handle)
  const mine = await toCode(cora)
  const theirs = await toCode(dora, mine.browser)
  const ticket = fieldsOf(theirs.page, 'factor').find(([name]) => name === 'ticket')![1]
  const crossed = await mine.browser.submit(mine.page, 'factor', { ticket, code: code(1) })
  expect(problemOf(crossed)).toEqual([400, 'One more step', WRONG])
  // The form of a page is for its browser; what was begun is, too, where its number became known.
  const thief = await toCode(dora)
  const url = `${origin()}/oauth/authorize`
  const form = fieldsOf(mine.page, 'factor').map(([name, value]): [string, string] => [
    name,
    name === 'code' ? code(1) : value,
  ])
  expect((await thief.browser.post(url, form)).status).toBe(403)
  const known = fieldsOf(mine.page, 'factor').find(([name]) => name === 'ticket')![1]
  const stolen = await thief.browser.submit(thief.page, 'factor', { ticket: known, code: code(1) })
  expect([stolen.status, stolen.headers['location']]).toEqual([400, undefined])
  expect((await mine.browser.submit(mine.page, 'factor', { code: code(1) })).status).toBe(303)
})
