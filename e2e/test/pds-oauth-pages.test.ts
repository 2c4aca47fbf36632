// The published client and a real browser: an app on a device sends its user to the pages, gets a session, calls, renews it and ends it.
import type { NodeOAuthClient, NodeSavedSession } from '@atproto/oauth-client-node'
import { hasChromium, launchChromium, servePages, type PageServer } from '@avocet/testing/chromium'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PASSWORD, startPds, typePassword, type TestPds } from '../support/pds.ts'
import { deviceApp, inMemory } from '../support/stock-clients/atproto-node.ts'

const isHere = hasChromium('sign-in by apps')

const SCOPE = 'atproto repo:com.example.note blob:image/png'

let server: TestPds
let app: PageServer
let browser: Browser

beforeAll(async () => {
  if (!isHere) return
  server = await startPds()
  // Where the app waits for its user to come back.
  app = await servePages(new Map([['/callback', 'signed in']]))
  browser = await launchChromium()
})
afterAll(async () => {
  if (!isHere) return
  await browser.close()
  await app[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const newClient = (sessions = inMemory<NodeSavedSession>()): NodeOAuthClient =>
  deviceApp({
    redirect: `${app.origin}/callback`,
    scope: SCOPE,
    pds: server.origin,
    plcUrl: server.plc.url,
    sessions,
  })

/** Sends the user of a client to the pages, and waits for the way back. */
async function send(
  client: NodeOAuthClient,
  handle: string,
  context: BrowserContext,
  act: (page: Page) => Promise<void>,
): Promise<URL> {
  const page = await context.newPage()
  await page.goto((await client.authorize(handle, { scope: SCOPE })).href)
  await act(page)
  await page.waitForURL(/\/callback\?/)
  const url = new URL(page.url())
  await page.close()
  return url
}

describe.skipIf(!isHere)('in a browser', () => {
  test.each([true, false])(
    'scripts allowed: %s. Sign in, consent, call, renew, end',
    async (javaScriptEnabled) => {
      const name = javaScriptEnabled ? 'scripts' : 'noscripts'
      const { assertDid: did } = await server.newAccount(name)
      const context = await browser.newContext({ javaScriptEnabled })
      const sessions = inMemory<NodeSavedSession>()
      const client = newClient(sessions)
      const back = await send(client, `${name}.test`, context, async (page) => {
        // The app said who it is about.
        await expect(page.getByLabel('Handle or e-mail address').inputValue()).resolves.toBe(`${name}.test`)
        await typePassword(page)
        await page.getByText('Upload image/png files.').waitFor()
        await page.getByRole('button', { name: 'Allow', exact: true }).click()
      })
      const { session } = await client.callback(back.searchParams)
      expect(session.did).toBe(did)
      const write = async (collection: string): Promise<number> => {
        const response = await session.fetchHandler('/xrpc/com.atproto.repo.createRecord', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            repo: did,
            collection,
            record: { $type: collection, text: 'from an app' },
            validate: false,
          }),
        })
        return response.status
      }
      expect(await write('com.example.note')).toBe(200)
      expect(await write('com.example.other')).toBe(403)
      const token = (): string => sessions.values.get(did)!.tokenSet.access_token
      const before = token()
      await session.getTokenInfo(true)
      expect(token()).not.toBe(before)
      expect(await write('com.example.note')).toBe(200)
      await session.signOut()
      await expect(client.restore(did)).rejects.toThrow('The session was deleted by another process')
      await context.close()
    },
  )

  test('what is unticked is not granted; the keyboard is enough', async () => {
    const { assertDid: did } = await server.newAccount('keys')
    const context = await browser.newContext()
    const client = newClient()
    const back = await send(client, 'keys.test', context, async (page) => {
      // The password has the focus: the handle is filled in.
      await page.keyboard.type(PASSWORD)
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'Allow access' }).waitFor()
      const box = page.getByRole('checkbox', { name: /image\/png/ })
      await box.focus()
      await page.keyboard.press('Space')
      await expect(box.isChecked()).resolves.toBe(false)
      await page.getByRole('button', { name: 'Allow', exact: true }).focus()
      await page.keyboard.press('Enter')
    })
    const { session } = await client.callback(back.searchParams)
    expect(session.did).toBe(did)
    expect((await session.getTokenInfo(false)).scope).toBe('atproto repo:com.example.note')
    await context.close()
  })

  test('who declines comes back to the app with access_denied', async () => {
    await server.newAccount('decline')
    const context = await browser.newContext()
    const client = newClient()
    const back = await send(client, 'decline.test', context, async (page) => {
      await typePassword(page)
      await page.getByRole('button', { name: 'Do not allow' }).click()
    })
    expect(back.searchParams.get('error')).toBe('access_denied')
    await expect(client.callback(back.searchParams)).rejects.toThrow('The request was declined')
    await context.close()
  })

  test('a page inside another one stays empty', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(app.origin)
    const [answer] = await Promise.all([
      page.waitForResponse(/\/oauth\/authorize/),
      page.evaluate((src) => {
        const frame = document.createElement('iframe')
        frame.src = src
        document.body.append(frame)
      }, `${server.origin}/oauth/authorize`),
    ])
    expect(answer.status()).toBe(403)
    await context.close()
  })
})
