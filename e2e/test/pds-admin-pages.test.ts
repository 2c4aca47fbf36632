// The operator's page in a real browser: every page judged by axe, on a phone and on a desk, light and dark; an act done by keyboard alone.
import { hasChromium, launchChromium } from '@avocet/testing/chromium'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ACCESSIBLE, judgeAccess } from '../support/accessible.ts'
import { startPds, type TestPds } from '../support/pds.ts'

const isHere = hasChromium("the operator's page")
const OPERATOR = 'the password of the operator'
const PAGES = ['', '/accounts', '/invites', '/storage', '/stream', '/limits', '/errors', '/mail', '/audit']

const SCREENS = [
  [360, 'light'],
  [1280, 'dark'],
] as const

let server: TestPds
let browser: Browser
let did: string

beforeAll(async () => {
  if (!isHere) return
  server = await startPds({ adminPassword: OPERATOR, crawlers: ['http://127.0.0.1:9'] })
  did = (await server.newAccount('shown')).assertDid
  browser = await launchChromium()
})
afterAll(async () => {
  if (!isHere) return
  await browser.close()
  await server[Symbol.asyncDispose]()
})

const signIn = async (page: Page): Promise<void> => {
  await page.goto(`${server.origin}/admin`)
  await page.getByLabel("Operator's password").fill(OPERATOR)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: "Operator's page" }).waitFor()
}

describe.skipIf(!isHere)('in a browser', () => {
  test('on a phone and on a desk, light and dark: axe finds nothing, and no page is wider than the screen', async () => {
    // The policy of the pages lets no script in, that of axe neither.
    const context = await browser.newContext({ bypassCSP: true })
    const page = await context.newPage()
    const look = async (): Promise<void> => {
      const where = new URL(page.url()).pathname
      for (const [width, colorScheme] of SCREENS) {
        await page.setViewportSize({ width, height: 740 })
        await page.emulateMedia({ colorScheme })
        expect(await judgeAccess(page), `${where} at ${width} px`).toEqual(ACCESSIBLE)
      }
    }
    await page.goto(`${server.origin}/admin`)
    await look()
    await page.getByLabel("Operator's password").fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
    await look()
    await signIn(page)
    await page.goto(`${server.origin}/admin/invites`)
    await page.getByRole('button', { name: 'Make', exact: true }).click()
    await page.getByRole('heading', { name: 'Made now' }).waitFor()
    await look()
    for (const path of PAGES) {
      await page.goto(`${server.origin}/admin${path}`)
      await look()
    }
    await page.goto(`${server.origin}/admin/account?account=${did}`)
    await look()
    await page.getByRole('button', { name: 'Plan the deletion' }).scrollIntoViewIfNeeded()
    await page.getByLabel(/^To go on, type/).fill('not its handle')
    await page.getByRole('button', { name: 'Plan the deletion' }).click()
    await page.getByRole('alert').first().waitFor()
    await look()
    await context.close()
  })

  test('by keyboard alone, without scripts: found, taken down, put back, signed out', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await signIn(page)
    await page.getByRole('link', { name: 'Accounts' }).press('Enter')
    await page.getByLabel(/^Beginning of a handle/).fill('show')
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'shown.test' }).press('Enter')
    await page.getByRole('button', { name: 'Take down' }).press('Enter')
    await page.getByRole('status').getByText('The account was taken down.').waitFor()
    await page.getByRole('button', { name: 'Put back' }).press('Enter')
    await page.getByRole('status').getByText('The account was put back.').waitFor()
    await page.getByRole('button', { name: 'Sign out', exact: true }).press('Enter')
    await page.getByLabel("Operator's password").waitFor()
    await page.goBack()
    await page.reload()
    await page.getByLabel("Operator's password").waitFor()
    expect(await page.getByRole('button', { name: 'Sign out', exact: true }).count()).toBe(0)
    await context.close()
  })
})
