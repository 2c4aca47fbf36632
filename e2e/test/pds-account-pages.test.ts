// The pages of an account in a real browser: what owners do there, without scripts, and whether people can use them who see, hear or move
// otherwise.
import { readFile } from 'node:fs/promises'

import { hasChromium, launchChromium } from '@avocet/testing/chromium'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ACCESSIBLE, judgeAccess } from '../support/accessible.ts'
import { PASSWORD, startPds, type TestPds } from '../support/pds.ts'

const isHere = hasChromium('the pages of an account')

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

/** A page on which the owner of a new account is signed in. */
async function openAccount(context: BrowserContext, name: string): Promise<Page> {
  await server.newAccount(name)
  const page = await context.newPage()
  await page.goto(`${server.origin}/account`)
  await page.locator('#identifier').fill(`${name}.test`)
  await page.locator('#password').fill(PASSWORD)
  await page.locator('#password').press('Enter')
  await page.locator('.tabs').waitFor()
  return page
}

const heading = (page: Page): Promise<string> => page.getByRole('heading', { level: 1 }).innerText()

describe.skipIf(!isHere)('in a browser', () => {
  test('without scripts: another password, an app password, a download, and the way out', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, acceptDownloads: true })
    const page = await openAccount(context, 'doris')
    await page.getByRole('link', { name: 'Password', exact: true }).click()
    await page.getByLabel('New password').fill('another and longer horse')
    await page.getByLabel('The same once more').fill('another and longer horse')
    // By keyboard.
    await page.keyboard.press('Enter')
    await page.getByRole('status').getByText('Your password was changed').waitFor()
    // Loading it again changes nothing more.
    await page.reload()
    await page.getByRole('heading', { name: 'Password', exact: true }).waitFor()

    await page.getByRole('link', { name: 'App passwords' }).click()
    await page.getByLabel('Name', { exact: true }).fill('a reader')
    await page.getByRole('button', { name: 'Make an app password' }).click()
    const made = await page.locator('code.secret').innerText()
    expect(made).toMatch(/^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/)
    await page.getByRole('link', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Remove a reader' }).click()
    await page.getByText('You have no app passwords.').waitFor()

    await page.getByRole('link', { name: 'Export' }).click()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download the repository' }).click(),
    ])
    expect(download.suggestedFilename()).toBe('doris.test.car')
    expect((await readFile(await download.path())).length).toBeGreaterThan(100)

    await page.getByRole('link', { name: 'Deactivate or delete' }).click()
    await page.getByRole('button', { name: 'Deactivate the account' }).click()
    await page.getByRole('button', { name: 'Activate the account' }).click()
    await page.getByRole('status').getByText('Your account is active again.').waitFor()
    await page.getByRole('button', { name: 'Sign out of doris.test' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await context.close()
  })

  test.each([
    [360, 'dark', 'de'],
    [1280, 'light', 'en'],
  ] as const)(
    'at %i px, %s, %s: axe finds nothing on any page, and none is wider than the screen',
    async (width, colorScheme, locale) => {
      // The policy of the pages lets the script of axe not in.
      const context = await browser.newContext({
        viewport: { width, height: 740 },
        colorScheme,
        bypassCSP: true,
        locale,
      })
      const page = await openAccount(context, `axe${width}`)
      await expect(page.locator('html').getAttribute('lang')).resolves.toBe(locale)
      const look = async (): Promise<void> => {
        expect(await judgeAccess(page), await heading(page)).toEqual(ACCESSIBLE)
      }
      const links = await page
        .locator('.tabs a')
        .evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href))
      expect(links.length).toBeGreaterThanOrEqual(9)
      const seen = new Set<string>()
      for (const link of links) {
        await page.goto(link)
        await look()
        seen.add(await heading(page))
      }
      expect(seen.size).toBe(links.length)
      // With a problem, too.
      await page.goto(links.find((link) => new URL(link).pathname === '/account/password')!)
      await page.locator('#new').fill('one long horse')
      await page.locator('#again').fill('another long horse')
      await page.locator('#again').press('Enter')
      await page.getByRole('alert').waitFor()
      await look()
      await context.close()
    },
  )
})
