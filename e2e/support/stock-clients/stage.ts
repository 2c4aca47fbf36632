// A PDS as people run it, behind TLS and under a name, and what apps and their users need beside it.
import { launchChromium, servePages } from '@avocet/testing/chromium'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'

import { installClock, type Clock } from '../clock.ts'
import { startPds, typePassword, type TestPds } from '../pds.ts'
import { passTo, serveTls, type Passed } from '../tls-hosts.ts'
import type { StockAccount, StockWorld } from './client.ts'

const PDS = 'good.example.com'
const APP = 'other.example.com'
const TYPES: Readonly<Record<string, string>> = { js: 'text/javascript', json: 'application/json' }

/** Where published clients are tested. */
export interface Stage extends AsyncDisposable {
  readonly world: StockWorld
  readonly server: TestPds
  readonly browser: Browser
  readonly clock: Clock
  /** What the PDS was asked, preflights aside. */
  readonly passed: Passed[]
  /** What was asked since the last look, of these paths: the error of the answer, else its status. */
  readonly lately: (...paths: readonly string[]) => string[]
  newAccount(name: string): Promise<StockAccount>
  /** A browser of somebody's own, with the clock of the stage. */
  newContext(options?: BrowserContextOptions): Promise<BrowserContext>
  /** Signs in on the page that the app sent its user to, and comes back. @param untick what is not granted */
  signIn(page: Page, untick?: RegExp): Promise<void>
  /** Waits until the page is the app's. */
  comeBack(page: Page): Promise<void>
}

/** @param options for the PDS, beside its name */
export async function startStage(options: Parameters<typeof startPds>[0] = {}): Promise<Stage> {
  const clock = installClock()
  const passed: Passed[] = []
  const files = new Map<string, string>([['/callback', 'signed in']])
  const hosts = await serveTls({
    [PDS]: passTo(
      () => server.pds.port,
      (one) => one.method !== 'OPTIONS' && passed.push(one),
    ),
    [APP]: (request, response) => {
      const path = request.url!.split('?')[0]!
      const content = files.get(path)
      const type = TYPES[path.split('.')[1] ?? ''] ?? 'text/html'
      response.writeHead(content === undefined ? 404 : 200, { 'content-type': type }).end(content)
    },
  })
  const server = await startPds({ hostname: PDS, devMode: true, fetch: hosts.fetch, ...options })
  // Where apps on a device wait for their users.
  const device = await servePages(new Map([['/callback', 'signed in']]))
  const browser = await launchChromium(hosts.chromiumArgs)
  const world: StockWorld = {
    pds: server.origin,
    plcUrl: server.plc.url,
    fetch: hosts.fetch,
    app: `https://${APP}`,
    files,
    loopback: device.origin,
  }
  const comeBack: Stage['comeBack'] = (page) =>
    page.waitForURL((url) => url.origin === world.app || url.origin === world.loopback)
  return {
    world,
    server,
    browser,
    clock,
    passed,
    lately: (...paths) =>
      passed
        .splice(0)
        .filter(({ path }) => paths.includes(path))
        .map(({ path, status, error }) => `${path} ${error ?? status}`),
    newAccount: async (name) => {
      const { assertDid } = await server.newAccount(name)
      return { did: assertDid as StockAccount['did'], handle: `${name}.${PDS}` }
    },
    newContext: async (more = {}) => {
      const context = await browser.newContext({ ignoreHTTPSErrors: true, ...more })
      await clock.give(context)
      return context
    },
    signIn: async (page, untick) => {
      await page.getByLabel('Keep me signed in').check()
      await typePassword(page)
      if (untick !== undefined) await page.getByRole('checkbox', { name: untick }).uncheck()
      await page.getByRole('button', { name: 'Allow', exact: true }).click()
      await comeBack(page)
    },
    comeBack,
    [Symbol.asyncDispose]: async () => {
      await browser.close()
      await device[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
      await hosts[Symbol.asyncDispose]()
      clock.restore()
    },
  }
}
