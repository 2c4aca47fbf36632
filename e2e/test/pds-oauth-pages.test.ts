// The published client and a real browser: an app on a device sends its user to the pages, gets a session, calls, renews it and ends it.
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { AtpAgent } from '@atproto/api'
import { NodeOAuthClient, type NodeSavedSession, type NodeSavedState } from '@atproto/oauth-client-node'
import { createPds, type Pds } from '@avocet/pds'
import { createPlcDirectory, type PlcDirectory } from '@avocet/plc-directory'
import { pdsDatabase } from '@avocet/testing/pds-store'
import axe from 'axe-core'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const places = [
  process.env['CHROMIUM_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
const executablePath = places.find((path) => path !== undefined && existsSync(path))
if (executablePath === undefined)
  console.warn(
    'SKIPPED: no Chromium on this machine; sign-in by apps is not tested in a browser (set CHROMIUM_PATH)',
  )

/** What judges, in the page, whether people can use it who see, hear or move otherwise. */
interface Axe {
  run(): Promise<{ violations: readonly { id: string; nodes: readonly { html: string }[] }[] }>
}

const PASSWORD = 'correct horse'
const SCOPE = 'atproto repo:com.example.note blob:image/png'

let folder: string
let plc: PlcDirectory
let pds: Pds
let app: Server
let arrived: (url: URL) => void
let browser: Browser

const inMemory = <T>() => {
  const values = new Map<string, T>()
  return {
    get: async (key: string): Promise<T | undefined> => values.get(key),
    set: async (key: string, value: T): Promise<void> => void values.set(key, value),
    del: async (key: string): Promise<void> => void values.delete(key),
  }
}

beforeAll(async () => {
  if (executablePath === undefined) return
  folder = await mkdtemp(join(tmpdir(), 'avocet-oauth-pages-'))
  plc = await createPlcDirectory({ port: 0 })
  pds = await createPds({
    dataDirectory: folder,
    port: 0,
    plcUrl: plc.url,
    loginFloorMs: 0,
    inviteRequired: false,
    postgres: pdsDatabase(folder),
  })
  // Where the app waits for its user to come back.
  app = createServer((request, response) => {
    response.end('signed in')
    const url = new URL(request.url!, 'http://127.0.0.1')
    if (url.pathname === '/callback') arrived(url)
  })
  await new Promise<void>((resolve) => void app.listen(0, '127.0.0.1', resolve))
  browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-background-networking'],
  })
})
afterAll(async () => {
  if (executablePath === undefined) return
  await browser.close()
  app.close()
  await pds.close()
  await plc.close()
  await rm(folder, { recursive: true, force: true })
})

const origin = (): string => `http://localhost:${pds.port}`

async function newAccount(name: string): Promise<string> {
  const agent = new AtpAgent({ service: pds.url })
  await agent.createAccount({ handle: `${name}.test`, email: `${name}@example.com`, password: PASSWORD })
  return agent.assertDid
}

function newClient(): NodeOAuthClient {
  const redirect = `http://127.0.0.1:${(app.address() as AddressInfo).port}/callback`
  const query = new URLSearchParams({ redirect_uri: redirect, scope: SCOPE })
  const locks = new Map<string, Promise<unknown>>()
  return new NodeOAuthClient({
    clientMetadata: {
      client_id: `http://localhost?${query.toString()}`,
      redirect_uris: [redirect as `http://127.0.0.1:${number}/callback`],
      scope: SCOPE,
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      dpop_bound_access_tokens: true,
    },
    allowHttp: true,
    plcDirectoryUrl: plc.url,
    handleResolver: origin(),
    stateStore: inMemory<NodeSavedState>(),
    sessionStore: inMemory<NodeSavedSession>(),
    requestLock: async (name, run) => {
      const before = locks.get(name)
      const running = (async () => {
        await before?.catch(() => undefined)
        return run()
      })()
      locks.set(name, running)
      return running
    },
  })
}

/** Sends the user of a client to the pages, and waits for the way back. */
async function send(
  client: NodeOAuthClient,
  handle: string,
  context: BrowserContext,
  act: (page: Page) => Promise<void>,
): Promise<URL> {
  const back = new Promise<URL>((resolve) => (arrived = resolve))
  const page = await context.newPage()
  await page.goto((await client.authorize(handle, { scope: SCOPE })).href)
  await act(page)
  const url = await back
  await page.waitForURL(/\/callback\?/)
  await page.close()
  return url
}

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

describe.skipIf(executablePath === undefined)('in a browser', () => {
  test.each([true, false])(
    'scripts allowed: %s. Sign in, consent, call, renew, end',
    async (javaScriptEnabled) => {
      const name = javaScriptEnabled ? 'scripts' : 'noscripts'
      const did = await newAccount(name)
      const context = await browser.newContext({ javaScriptEnabled })
      const client = newClient()
      const back = await send(client, `${name}.test`, context, async (page) => {
        // The app said who it is about.
        await expect(page.getByLabel('Handle or e-mail address').inputValue()).resolves.toBe(`${name}.test`)
        await signIn(page)
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
      const before = await session.getTokenInfo(false)
      const after = await session.getTokenInfo(true)
      expect(after.expiresAt!.getTime()).toBeGreaterThanOrEqual(before.expiresAt!.getTime())
      expect(await write('com.example.note')).toBe(200)
      await session.signOut()
      await expect(client.restore(did)).rejects.toThrow('The session was deleted by another process')
      await context.close()
    },
  )

  test('what is unticked is not granted; the keyboard is enough', async () => {
    const did = await newAccount('keys')
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
    await newAccount('decline')
    const context = await browser.newContext()
    const client = newClient()
    const back = await send(client, 'decline.test', context, async (page) => {
      await signIn(page)
      await page.getByRole('button', { name: 'Do not allow' }).click()
    })
    expect(back.searchParams.get('error')).toBe('access_denied')
    await expect(client.callback(back.searchParams)).rejects.toThrow('The request was declined')
    await context.close()
  })

  test.each([
    [360, 'light'],
    [360, 'dark'],
    [1280, 'light'],
  ] as const)(
    'at %i px, %s, axe finds nothing, and no page is wider than the screen',
    async (width, colorScheme) => {
      const name = `axe${width}${colorScheme}`
      await newAccount(name)
      // The policy of the pages lets no script in, that of axe neither.
      const context = await browser.newContext({
        viewport: { width, height: 740 },
        colorScheme,
        bypassCSP: true,
      })
      const client = newClient()
      const seen: string[] = []
      const look = async (page: Page): Promise<void> => {
        seen.push(await page.getByRole('heading', { level: 1 }).innerText())
        await page.addScriptTag({ content: axe.source })
        const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: Axe }).axe.run())
        expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([])
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
      }
      await send(client, `${name}.test`, context, async (page) => {
        await look(page)
        await page.getByLabel('Password', { exact: true }).fill('wrong')
        await page.getByRole('button', { name: 'Sign in' }).click()
        await page.getByRole('alert').waitFor()
        await look(page)
        await page.getByLabel('Keep me signed in').check()
        await signIn(page)
        await page.getByRole('heading', { name: 'Allow access' }).waitFor()
        await look(page)
        await page.getByRole('link', { name: 'Use another account' }).click()
        await page.getByRole('heading', { name: 'Choose an account' }).waitFor()
        await look(page)
        const other = await context.newPage()
        await other.goto(`${origin()}/oauth/authorize`)
        await look(other)
        await other.close()
        await page.getByRole('button', { name: 'Cancel and go back' }).click()
      })
      expect(seen).toEqual(['Sign in', 'Sign in', 'Allow access', 'Choose an account', 'That did not work'])
      await context.close()
    },
  )

  test('a page inside another one stays empty', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`http://127.0.0.1:${(app.address() as AddressInfo).port}/`)
    const [answer] = await Promise.all([
      page.waitForResponse(/\/oauth\/authorize/),
      page.evaluate((src) => {
        const frame = document.createElement('iframe')
        frame.src = src
        document.body.append(frame)
      }, `${origin()}/oauth/authorize`),
    ])
    expect(answer.status()).toBe(403)
    await context.close()
  })
})
