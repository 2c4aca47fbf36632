// oauth4webapi reads each answer of the PDS: both documents, pushes, the way back, tokens, renewals, revocations, calls, and every refusal.
import { hasChromium, launchChromium } from '@avocet/testing/chromium'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { JUDGED_SCOPE, judge, REDIRECT } from '../support/oauth-judge.ts'
import { PASSWORD, startPds, type TestPds } from '../support/pds.ts'

const isHere = hasChromium('answers of the PDS by the letter of the RFCs')

let server: TestPds
let browser: Browser
beforeAll(async () => {
  if (!isHere) return
  server = await startPds()
  browser = await launchChromium()
})
afterAll(async () => {
  if (!isHere) return
  await browser.close()
  await server[Symbol.asyncDispose]()
})

test.skipIf(!isHere)('every answer of the PDS is as the RFCs have it', async () => {
  const { assertDid: did } = await server.newAccount('alice')
  const tokens = await judge({
    origin: server.origin,
    resource: '/xrpc/com.atproto.server.getSession',
    answer: async (url, agrees) => {
      const context = await browser.newContext()
      const page = await context.newPage()
      // Nobody listens where the app is: the address alone counts.
      await page.route(`${REDIRECT}?*`, (route) => route.fulfill({ body: 'back' }))
      await page.goto(url.href)
      await page.getByLabel('Handle or e-mail address').fill('alice.test')
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await page.getByRole('button', { name: agrees ? 'Allow' : 'Do not allow', exact: true }).click()
      await page.waitForURL(`${REDIRECT}?*`)
      const back = new URL(page.url())
      await context.close()
      return back
    },
  })
  expect(tokens).toMatchObject({ token_type: 'dpop', scope: JUDGED_SCOPE, sub: did, expires_in: 900 })
})
