// The OAuth client in a real browser: redirect, window, two tabs; and how much of it a bundle holds.
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

import { bundle, bundlePage, hasChromium, launchChromium } from '@avocet/testing/chromium'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ACCOUNT, startOAuthNetwork, type OAuthNetwork } from '../support/oauth-network.ts'

test('a bundle holds nothing of Node, and little else', async () => {
  const budgets: [string, number][] = [
    ['createBrowserOAuthClient', 10_000],
    ['createRedirectOAuthClient', 9_500],
    ['createBrowserOAuthClient, createBrowserResolver', 14_000],
  ]
  for (const [members, budget] of budgets) {
    const [chunk] = await bundle(
      `import { ${members} } from '@avocet/oauth-client/browser'; globalThis.x = [${members}]`,
      { folder: import.meta.dirname, minify: true },
    )
    const { code } = chunk!
    expect(code, members).not.toMatch(/from\s*["']node:|import\(["']node:/)
    const size = gzipSync(code).length
    console.log(`@avocet/oauth-client/browser ${members}: ${code.length} B, ${size} B gzipped`)
    expect(size, members).toBeLessThan(budget)
  }
})

describe.skipIf(!hasChromium('the OAuth client'))('in Chromium', () => {
  let network: OAuthNetwork
  let browser: Browser
  beforeAll(async () => {
    const page = fileURLToPath(new URL('../support/oauth-page.ts', import.meta.url))
    network = await startOAuthNetwork(await bundlePage(page))
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser.close()
    await network[Symbol.asyncDispose]()
  })

  const ask = (page: Page, call: string): Promise<unknown> => page.evaluate(`globalThis.page.${call}`)
  const open = async (context: BrowserContext): Promise<Page> => {
    const page = await context.newPage()
    await page.goto(network.app)
    await page.waitForFunction('globalThis.page !== undefined')
    return page
  }
  /** Signs in by a redirect; gives the page that came back. `isSmall`: with the client that can do nothing else. */
  const signIn = async (context: BrowserContext, appState = 'here', isSmall = false): Promise<Page> => {
    const page = await open(context)
    if (isSmall) {
      await page.evaluate(`sessionStorage.setItem('small', '')`)
      await page.reload()
      await page.waitForFunction('globalThis.page !== undefined')
    }
    await ask(page, `redirect(${JSON.stringify(appState)})`)
    await expect
      .poll(async () => {
        // The page may be on its way to another one.
        const begun = await ask(page, 'begun()').catch(() => null)
        return (begun as { result: unknown } | null)?.result ?? null
      })
      .not.toBeNull()
    return page
  }

  test.for([
    ['createBrowserOAuthClient', false],
    ['createRedirectOAuthClient', true],
  ] as const)(
    'a page signs in by a redirect, and finds its session after a reload: %s',
    async ([, isSmall]) => {
      const context = await browser.newContext()
      const page = await signIn(context, 'draft 7', isSmall)
      expect(await ask(page, 'begun()')).toEqual({
        result: { id: expect.any(String), did: ACCOUNT, appState: 'draft 7' },
        hash: '',
      })
      expect(await ask(page, 'call()')).toEqual([200, { did: ACCOUNT }])
      expect(await ask(page, 'extractable()')).toEqual([false])
      await page.reload()
      await page.waitForFunction('globalThis.page !== undefined')
      expect(await ask(page, 'begun()')).toEqual({ result: null, hash: '' })
      expect(await ask(page, 'call()')).toEqual([200, { did: ACCOUNT }])
      await context.close()
    },
  )

  test('a page signs in by a window, which closes', async () => {
    const context = await browser.newContext()
    const page = await open(context)
    expect(await ask(page, 'popup()')).toMatchObject({ did: ACCOUNT })
    expect(await ask(page, 'call()')).toEqual([200, { did: ACCOUNT }])
    await expect.poll(() => context.pages().length).toBe(1)
    await context.close()
  })

  test('tabs with the one and with the other client renew once, and share their sessions', async () => {
    const context = await browser.newContext()
    const small = await signIn(context, 'here', true)
    const whole = await open(context)
    expect(await ask(whole, 'sessions()')).toEqual(await ask(small, 'sessions()'))
    const generation = (): number =>
      Math.max(...network.store.sessions.list(ACCOUNT).map((row) => row.generation))
    const before = generation()
    await Promise.all([ask(small, 'refresh()'), ask(whole, 'refresh()')])
    expect(generation()).toBe(before + 1)
    await ask(small, 'signOut()')
    expect(await ask(whole, 'sessions()')).toEqual([])
    await context.close()
  })

  test('two tabs renew once, and one hears that the other signed out', async () => {
    const context = await browser.newContext()
    const first = await signIn(context)
    const [id] = (await ask(first, 'sessions()')) as string[]
    const second = await open(context)
    expect(await ask(second, 'sessions()')).toEqual([id])
    const generation = (): number =>
      Math.max(...network.store.sessions.list(ACCOUNT).map((row) => row.generation))
    const before = generation()
    await Promise.all([ask(first, 'refresh()'), ask(second, 'refresh()')])
    expect(generation()).toBe(before + 1)
    expect(await ask(first, 'call()')).toEqual([200, { did: ACCOUNT }])
    expect(await ask(second, 'call()')).toEqual([200, { did: ACCOUNT }])
    const count = network.store.sessions.list(ACCOUNT).length
    await ask(second, 'signOut()')
    await expect.poll(() => ask(first, 'events()')).toContain('session-ended')
    expect(network.store.sessions.list(ACCOUNT)).toHaveLength(count - 1)
    expect(await ask(first, 'sessions()')).toEqual([])
    await context.close()
  })

  test('an answer that nobody asked for is refused, and leaves the URL', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${network.app}/#state=x&iss=${encodeURIComponent(network.pds)}&code=stolen`)
    await page.waitForFunction('globalThis.page !== undefined')
    expect(await ask(page, 'begun()')).toEqual({ result: 'unknown-state', hash: '' })
    await context.close()
  })
})
