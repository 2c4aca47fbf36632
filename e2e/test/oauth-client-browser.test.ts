// The OAuth client in a real browser against both PDSes, by their own pages: redirect, window, tabs, restarts of both sides, a clock that is
// wrong, answers that are lost, many calls when the token is over. Never is a session lost, and never are two renewals sent.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import {
  bundlePage,
  hasChromium,
  launchChromium,
  launchProfile,
  servePages,
  type PageServer,
} from '@avocet/testing/chromium'
import type { Browser, BrowserContext, Page, Request } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { giveClock } from '../support/clock.ts'
import { OAUTH_HOSTS } from '../support/oauth-hosts.ts'
import type { OAuthHost } from '../support/reference-oauth.ts'

const HOUR = 3600
const WHOLE = 'createBrowserOAuthClient'
const SMALL = 'createRedirectOAuthClient'

const isHere = hasChromium('the OAuth client')
const script = isHere
  ? await bundlePage(fileURLToPath(new URL('../support/oauth-page.ts', import.meta.url)))
  : ''

describe.skipIf(!isHere).for(OAUTH_HOSTS)('in Chromium, with %s', ([, start, isRepeatable]) => {
  let host: OAuthHost
  let app: PageServer
  let browser: Browser
  beforeAll(async () => {
    host = await start()
    const query = new URLSearchParams({ pds: host.url, plc: host.plcUrl }).toString()
    const html = `<!doctype html><script type="module" src="/page.js?${query}"></script>`
    app = await servePages(
      new Map([
        ['/', html],
        ['/page.js', script],
      ]),
    )
    browser = await launchChromium()
  }, 90_000)
  afterAll(async () => {
    await browser?.close()
    await app?.[Symbol.asyncDispose]()
    await host?.[Symbol.asyncDispose]()
  })

  const ask = (page: Page, call: string): Promise<unknown> => page.evaluate(`globalThis.page.${call}`)
  const open = async (context: BrowserContext, client = WHOLE): Promise<Page> => {
    const page = await context.newPage()
    await page.addInitScript(`globalThis.client = '${client}'`)
    await page.goto(app.origin)
    await page.waitForFunction('globalThis.page !== undefined')
    return page
  }
  const agree = async (page: Page): Promise<void> => {
    await page.locator('input[type=password]').fill(host.password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('button', { name: /^(Allow|Authorize)$/ }).click()
  }
  /** Signs in by a redirect; gives the page that came back. @param isByPage whether the owner agrees in this browser */
  const signIn = async (context: BrowserContext, client = WHOLE, isByPage = false): Promise<Page> => {
    const page = await open(context, client)
    if (!isByPage) {
      await page.route(`${host.url}/oauth/authorize?*`, async (route) => {
        const location = (await host.agree(new URL(route.request().url()))).href
        await route.fulfill({ status: 303, headers: { location } })
      })
    }
    await ask(page, `redirect('draft 7')`)
    if (isByPage) await agree(page)
    // The page may be on its way to another one.
    const begun = async (): Promise<unknown> => ask(page, 'begun()').catch(() => null)
    await expect
      .poll(begun, { timeout: 20_000 })
      .toEqual({ result: { id: expect.any(String), did: host.did, appState: 'draft 7' }, hash: '' })
    return page
  }
  const renewalOf = (request: Request): boolean =>
    request.url().endsWith('/oauth/token') && (request.postData()?.includes('refresh_token=') ?? false)
  /** Counts what the server renewed: a second renewal by the same token it grants too, or takes for a theft that ends the session. */
  const countRenewals = (context: BrowserContext): (() => number) => {
    let count = 0
    context.on('response', (response) => {
      if (renewalOf(response.request()) && response.status() === 200) count += 1
    })
    return () => count
  }

  test('a page signs in by a redirect, and goes on after a reload, a restart of the server, and in a new page', async () => {
    const context = await browser.newContext()
    const page = await signIn(context, WHOLE, true)
    expect(await ask(page, 'extractable()')).toEqual([false])
    await page.reload()
    await page.waitForFunction('globalThis.page !== undefined')
    expect(await ask(page, 'begun()')).toEqual({ result: null, hash: '' })
    expect(await ask(page, 'call()')).toBe(`200 ${host.did}`)
    await host.restart()
    expect(await ask(page, 'call()')).toBe(`200 ${host.did}`)
    await ask(page, 'refresh()')
    await page.close()
    const again = await open(context)
    await ask(again, 'refresh()')
    expect(await ask(again, 'call()')).toBe(`200 ${host.did}`)
    await context.close()
  })

  // With one server: what outlives a browser is the same with any.
  test.each(isRepeatable ? [WHOLE] : [])(
    'a session of %s is there after a restart of the browser',
    async (client) => {
      const folder = mkdtempSync(join(tmpdir(), 'avocet-profile-'))
      const before = await launchProfile(folder)
      await ask(await signIn(before, client), 'refresh()')
      await before.close()
      const after = await launchProfile(folder)
      const page = await open(after, client)
      expect(await ask(page, 'call()')).toBe(`200 ${host.did}`)
      await ask(page, 'refresh()')
      expect(await ask(page, 'call()')).toBe(`200 ${host.did}`)
      await after.close()
      rmSync(folder, { recursive: true, force: true })
    },
  )

  test('a page signs in by a window, which closes', async () => {
    const context = await browser.newContext()
    const page = await open(context)
    const opening = context.waitForEvent('page')
    const signedIn = ask(page, 'popup()')
    const popup = await opening
    await popup.waitForURL(/\/oauth\/authorize/)
    await agree(popup)
    expect(await signedIn).toMatchObject({ did: host.did })
    expect(await ask(page, 'call()')).toBe(`200 ${host.did}`)
    await expect.poll(() => context.pages().length).toBe(1)
    await context.close()
  })

  test('forty calls of three tabs at the end of a token renew once; all hear, or see, that one signed out', async () => {
    const context = await browser.newContext()
    const setAhead = await giveClock(context)
    const small = await signIn(context, SMALL)
    const tabs = [small, await open(context), await open(context)]
    expect(await Promise.all(tabs.map((tab) => ask(tab, 'call()')))).toEqual(
      tabs.map(() => `200 ${host.did}`),
    )
    const renewals = countRenewals(context)
    await setAhead(2 * HOUR)
    const said = await Promise.all(tabs.map((tab, index) => ask(tab, `calls(${[14, 13, 13][index]})`)))
    expect(said).toEqual(tabs.map(() => [`200 ${host.did}`]))
    expect(renewals()).toBe(1)
    const kept = (await ask(small, 'sessions()')) as string[]
    expect(kept).toHaveLength(1)

    await ask(tabs[1]!, 'signOut()')
    await expect.poll(() => ask(tabs[2]!, 'events()')).toContain('session-ended')
    for (const tab of tabs) expect(await ask(tab, 'sessions()')).toEqual([])
    await context.close()
  })

  test.each([-2 * HOUR, 26 * HOUR])(
    'a page whose clock is %d seconds off signs in and renews',
    async (off) => {
      const context = await browser.newContext()
      const setAhead = await giveClock(context)
      await setAhead(off)
      const page = await signIn(context, SMALL)
      expect(await ask(page, 'call()')).toBe(`200 ${host.did}`)
      await ask(page, 'refresh()')
      expect(await ask(page, 'call()')).toBe(`200 ${host.did}`)
      await context.close()
    },
  )

  test('a renewal that did not arrive is sent again; one whose answer was lost too, which some servers take for a theft', async () => {
    const context = await browser.newContext()
    const page = await signIn(context)
    const lost = { before: 0, after: 0 }
    const toLose = { before: 2, after: 0 }
    await context.route(`${host.url}/oauth/token`, async (route) => {
      if (renewalOf(route.request()) && lost.before < toLose.before) {
        lost.before += 1
        return route.abort('connectionreset')
      }
      const response = await route.fetch()
      const isRenewal = renewalOf(route.request()) && response.status() === 200
      if (!isRenewal || lost.after === toLose.after) return route.fulfill({ response })
      lost.after += 1
      return route.abort('connectionreset')
    })
    await ask(page, 'refresh()')
    expect(await ask(page, 'call()')).toBe(`200 ${host.did}`)
    toLose.after = isRepeatable ? 2 : 1
    const refreshed = ask(page, 'refresh()').then(() => 'refreshed', String)
    if (isRepeatable) {
      expect(await refreshed).toBe('refreshed')
      expect(await ask(page, 'call()')).toBe(`200 ${host.did}`)
    } else {
      expect(await refreshed).toContain('session is over')
      expect(await ask(page, 'events()')).toContain('session-ended')
      expect(await ask(page, 'sessions()')).toEqual([])
    }
    expect(lost).toEqual(toLose)
    await context.close()
  })

  test('an answer that nobody asked for is refused, and leaves the URL', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${app.origin}/#state=x&iss=${encodeURIComponent(host.url)}&code=stolen`)
    await page.waitForFunction('globalThis.page !== undefined')
    expect(await ask(page, 'begun()')).toEqual({ result: 'unknown-state', hash: '' })
    await context.close()
  })
})
