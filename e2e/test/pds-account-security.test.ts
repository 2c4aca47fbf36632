// What guards accounts, through the pages in a real browser: sign-up by the published client, passkeys of a virtual authenticator,
// codes of an app. axe judges the pages of it that come in between.
import type { NodeOAuthClient } from '@atproto/oauth-client-node'
import { hasChromium, launchChromium, servePages, type PageServer } from '@avocet/testing/chromium'
import { TOTP, URI } from 'otpauth'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ACCESSIBLE, judgeAccess } from '../support/accessible.ts'
import { PASSWORD, startPds, typePassword, type TestPds } from '../support/pds.ts'
import { deviceApp } from '../support/stock-clients/atproto-node.ts'
import { addVirtualAuthenticator } from '../support/virtual-authenticator.ts'

const isHere = hasChromium('sign-up and factors')

const SCOPE = 'atproto'

let server: TestPds
let app: PageServer
let browser: Browser

beforeAll(async () => {
  if (!isHere) return
  server = await startPds({
    termsOfServiceUrl: 'https://example.com/terms',
    privacyPolicyUrl: 'https://example.com/privacy',
  })
  app = await servePages(new Map([['/callback', 'signed in']]))
  browser = await launchChromium()
})
afterAll(async () => {
  if (!isHere) return
  await browser.close()
  await app[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const at = (path: string): string => server.origin + path
const titleOf = (page: Page): Promise<string> => page.getByRole('heading', { level: 1 }).innerText()

const newClient = (): NodeOAuthClient =>
  deviceApp({ redirect: `${app.origin}/callback`, scope: SCOPE, pds: server.origin, plcUrl: server.plc.url })

/** Signs in with the password at a page, as far as that goes. */
async function signIn(page: Page, handle: string): Promise<void> {
  await page.getByLabel('Handle or e-mail address').fill(handle)
  await typePassword(page)
}

/** Types what makes an account, and sends it. */
async function signUp(page: Page, name: string): Promise<void> {
  await page.getByLabel('Handle', { exact: true }).fill(name)
  await page.getByLabel('E-mail address').fill(`${name}@example.com`)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByLabel('I have read these documents').check()
  await page.getByRole('button', { name: 'Create the account' }).click()
}

/** A tab with an authenticator of its own, which says yes to everything. */
async function withAuthenticator(context: BrowserContext) {
  const page = await context.newPage()
  return { page, ...(await addVirtualAuthenticator(page)) }
}

async function addPasskey(page: Page, name: string): Promise<void> {
  await page.locator('#passkey-name').fill(name)
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor()
  await page.getByRole('link', { name: 'I have kept them' }).click()
  await page.getByRole('heading', { name: 'Sign-in security' }).waitFor()
}

describe.skipIf(!isHere)('in a browser', () => {
  test.each([true, false])(
    'scripts allowed: %s. The published client sends somebody to make an account, and gets its session',
    async (javaScriptEnabled) => {
      const name = javaScriptEnabled ? 'made' : 'plainly'
      const context = await browser.newContext({ javaScriptEnabled })
      const client = newClient()
      const page = await context.newPage()
      await page.goto((await client.authorize(server.origin, { scope: SCOPE, prompt: 'create' })).href)
      await expect(titleOf(page)).resolves.toBe('Create an account')
      await signUp(page, name)
      await page.getByRole('button', { name: 'Allow', exact: true }).click()
      await page.waitForURL(/\/callback\?/)
      const { session } = await client.callback(new URL(page.url()).searchParams)
      expect(session.did).toBe((await server.pds.accounts.find(`${name}.test`))!.did)
      const answer = await session.fetchHandler('/xrpc/com.atproto.server.getSession')
      expect([answer.status, ((await answer.json()) as { handle: string }).handle]).toEqual([
        200,
        `${name}.test`,
      ])
      await context.close()
    },
  )

  test.each([true, false])(
    'new functions of WebAuthn there: %s. A passkey is made, lets its owner in alone and beside the password, and is removed',
    async (hasJson) => {
      const handle = `${hasJson ? 'passkeys' : 'olderone'}.test`
      await server.newAccount(hasJson ? 'passkeys' : 'olderone')
      const context = await browser.newContext()
      if (!hasJson) {
        await context.addInitScript(() => {
          const known = PublicKeyCredential as unknown as Record<string, unknown>
          delete known['parseCreationOptionsFromJSON']
          delete known['parseRequestOptionsFromJSON']
          delete (PublicKeyCredential.prototype as unknown as Record<string, unknown>)['toJSON']
        })
      }
      const { page, verify } = await withAuthenticator(context)
      await page.goto(at('/account/factors'))
      await signIn(page, handle)
      await addPasskey(page, 'this browser')
      await expect(page.getByText('this browser', { exact: true }).isVisible()).resolves.toBe(true)
      // The same authenticator makes no second one.
      await page.locator('#passkey-name').fill('once more')
      await page.getByRole('button', { name: 'Add a passkey' }).click()
      await page.getByText('This device has a passkey of your account already.').waitFor()

      await context.clearCookies()
      await page.goto(at('/account'))
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
      await expect(page.getByText(`Signed in as ${handle}`).isVisible()).resolves.toBe(true)

      // A person who does not show who they are gets nowhere, and is told so; the button asks again.
      await context.clearCookies()
      await verify(false)
      await page.goto(at('/account'))
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await page.getByText('No passkey was used.').waitFor()
      await verify(true)
      await page.getByRole('button', { name: 'Use a passkey' }).click()
      await page.getByRole('heading', { name: 'Overview' }).waitFor()

      // Beside the password it is asked for at once, as the account has nothing else.
      await context.clearCookies()
      await page.goto(at('/account/factors'))
      await signIn(page, handle)
      await page.getByRole('heading', { name: 'Sign-in security' }).waitFor()
      await page.getByText('Rename or remove “this browser”').click()
      await page.getByRole('button', { name: 'Remove' }).click()
      await page.getByText('The factor was removed.').waitFor()

      await context.clearCookies()
      await page.goto(at('/account'))
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await page.getByText('This passkey is not good here.').waitFor()
      await signIn(page, handle)
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
      await context.close()
    },
  )

  test('without scripts: an app is added, its codes are asked for, and wrong ones are limited', async () => {
    await server.newAccount('codes')
    const handle = 'codes.test'
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto(at('/account/factors'))
    await expect(page.getByRole('button', { name: 'Sign in with a passkey' }).isVisible()).resolves.toBe(
      false,
    )
    await signIn(page, handle)
    await page.locator('#app-name').fill('phone')
    await page.getByRole('button', { name: 'Add an authenticator app' }).click()
    const uri = await page.getByRole('link', { name: 'Open in an app on this device' }).getAttribute('href')
    const totp = URI.parse(uri!) as TOTP
    const code = (offset: number): string => totp.generate({ timestamp: Date.now() + offset * 30_000 })
    await page.getByLabel('Six digits').fill(code(0))
    await page.getByRole('button', { name: 'Add the app' }).click()
    const codes = await page.locator('main li code').allInnerTexts()
    expect(codes).toHaveLength(10)

    await context.clearCookies()
    await page.goto(at('/account'))
    await signIn(page, handle)
    for (let tries = 0; tries < 5; tries++) {
      await page.getByLabel('Code').fill(code(9))
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.getByRole('alert').getByText('This code is not right.').waitFor()
    }
    await page.getByLabel('Code').fill(code(1))
    const [sixth] = await Promise.all([
      page.waitForResponse(/\/account/),
      page.getByRole('button', { name: 'Continue' }).click(),
    ])
    expect(sixth.status()).toBe(400)
    await expect(page.getByRole('alert').innerText()).resolves.toBe(
      'It took too long, or there were too many tries. Sign in again.',
    )
    await signIn(page, handle)
    await page.getByLabel('Code').fill(code(1))
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    await context.clearCookies()
    await page.goto(at('/account'))
    await signIn(page, handle)
    await page.getByLabel('Code').fill(codes[0]!)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    await context.close()
  })

  test.each([
    [360, 'dark'],
    [1280, 'light'],
  ] as const)(
    'at %i px, %s, axe finds nothing, and no page is wider than the screen',
    async (width, colorScheme) => {
      await server.newAccount(`axe${width}`)
      const viewport = { width, height: 740 }
      // The policy of the pages lets none but their own script in, that of axe neither.
      const context = await browser.newContext({ viewport, colorScheme, bypassCSP: true })
      const { page, verify } = await withAuthenticator(context)
      const seen: string[] = []
      const look = async (): Promise<void> => {
        seen.push(await titleOf(page))
        expect(await judgeAccess(page), seen.at(-1)).toEqual(ACCESSIBLE)
      }
      await page.goto((await newClient().authorize(server.origin, { scope: SCOPE, prompt: 'create' })).href)
      await signUp(page, 'admin')
      await page.getByRole('alert').waitFor()
      await look()
      await page.goto(at('/account/factors'))
      await signIn(page, `axe${width}.test`)
      await page.locator('#app-name').fill('phone')
      await page.getByRole('button', { name: 'Add an authenticator app' }).click()
      await page.getByLabel('Six digits').waitFor()
      await look()
      await page.getByRole('link', { name: 'Cancel' }).click()
      await page.locator('#passkey-name').fill('this browser')
      await page.getByRole('button', { name: 'Add a passkey' }).click()
      await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor()
      await look()
      await page.getByRole('link', { name: 'I have kept them' }).click()
      await page.getByText('Rename or remove “this browser”').click()
      await look()
      await context.clearCookies()
      await verify(false)
      await page.goto(at('/account'))
      await signIn(page, `axe${width}.test`)
      await page.getByText('No passkey was used.').waitFor()
      await look()
      expect(seen).toEqual([
        'Create an account',
        'Add an authenticator app',
        'Your recovery codes',
        'Sign-in security',
        'One more step',
      ])
      await context.close()
    },
  )
})
