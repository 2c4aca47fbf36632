// The operator's page in a real browser: signing in, each act, by keyboard, on a phone, for screen readers; and nobody else gets anything.
import { openChannel } from '@avocet/tap'
import { hasChromium } from '@avocet/testing/chromium'
import type { BrowserContextOptions, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { ACCESSIBLE, judgeAccess } from '../support/accessible.ts'
import { type IndexerStage, startIndexerStage, type Opened } from '../support/indexer-stage.ts'

const TOKEN = 'a-token-of-the-operator'
const SAID = [
  ['ada.test', 'Forty avocets on the mudflats'],
  ['mal.test', `"'><img src=x onerror="globalThis.attacked=1">`],
] as const
const VIEWS = [
  'overview',
  'collections',
  'repos',
  'coverage/mal.test',
  'failures',
  'consumers',
  'consumers/tap%2Fslow',
]

describe.skipIf(!hasChromium('the page of the indexer’s operator'))('the operator’s page', () => {
  let stage: IndexerStage

  beforeAll(async () => {
    stage = await startIndexerStage(SAID, {
      collections: ['app.bsky.feed.post', 'app.bsky.graph.follow'],
      indexes: [],
      searches: [],
      admin: { host: '127.0.0.1', port: 0, token: TOKEN },
      tap: { password: null, ackMs: 60, tries: 1 },
    })
    // A consumer that takes what is not of ada, and refuses the rest until it is given up.
    const ada = stage.people[0]!.did
    const left = new AbortController()
    const channel = openChannel({
      service: stage.indexer.url!,
      group: 'slow',
      signal: left.signal,
      onEvent(event) {
        if (event.did === ada) throw new Error('not this one')
      },
      onFailure: () => undefined,
    })
    const isReady = (): boolean => {
      const { totals, failures, consumers } = stage.indexer.status()
      return totals.records === 2 && failures.faults > 0 && (consumers[0]?.deadLetters ?? 0) > 0
    }
    await vi.waitUntil(isReady, { timeout: 40_000, interval: 100 })
    left.abort()
    await channel
  }, 90_000)
  afterAll(() => stage?.[Symbol.asyncDispose]())

  const open = async (options: BrowserContextOptions = {}, hash = ''): Promise<Opened> =>
    stage.open(options, `${stage.indexer.adminUrl}/${hash}`)
  const signIn = async (page: Page, token = TOKEN): Promise<void> => {
    await page.getByLabel('Admin token').fill(token)
    await page.keyboard.press('Enter')
  }
  const section = (page: Page): Locator => page.locator('main > section:not([hidden])')
  const go = async (page: Page, view: string): Promise<void> => {
    await page.evaluate((hash) => void (location.hash = hash), `/${view}`)
    await page.waitForFunction(() => {
      const content = document.querySelector('main > section:not([hidden]) [data-content]')
      return content !== null && !content.hasAttribute('aria-busy') && content.childElementCount > 0
    })
  }
  const said = (page: Page): Promise<string> => page.locator('#said').innerText()
  const sure = (page: Page, answer: 'Yes' | 'No'): Promise<void> =>
    page.getByRole('dialog').getByRole('button', { name: answer }).click()

  test(
    'nothing is there without the token, and nothing of it is left behind',
    { timeout: 30_000 },
    async () => {
      const { page, complaints, done } = await open({}, '#/failures')
      expect(await page.locator('nav#views').isVisible()).toBe(false)
      expect(await section(page).count()).toBe(1)
      await signIn(page, 'a-token-of-somebody')
      expect(await page.getByRole('alert').innerText()).toContain('not the one the indexer was started with')
      await signIn(page)
      await page.getByText('frame-malformed').first().waitFor()
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('failures-title')
      expect(
        await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]),
      ).toEqual([0, 0, ''])
      // It is in no address, and gone with the page.
      expect(page.url()).not.toContain(TOKEN)
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByLabel('Admin token').waitFor()
      expect(await page.getByLabel('Admin token').inputValue()).toBe('')
      expect(complaints.filter((text) => !text.includes('status of 401'))).toEqual([])
      await done()
      // Everybody's page has nothing of it.
      for (const path of ['/page/operator/main.js', '/page/operator/index.html', '/admin/status'])
        expect((await fetch(`${stage.indexer.url}${path}`)).status).toBe(404)
      const policy = (await fetch(stage.indexer.adminUrl!)).headers.get('content-security-policy')!
      for (const part of [
        "default-src 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "trusted-types 'none'",
      ])
        expect(policy).toContain(part)
    },
  )

  test(
    'a page of another origin can do nothing through the browser of an operator who is signed in',
    { timeout: 30_000 },
    async () => {
      const { page, done } = await open()
      await signIn(page)
      await section(page).getByText('Sources').waitFor()
      const other = await page.context().newPage()
      await other.goto(stage.indexer.url!)
      const url = `${stage.indexer.adminUrl}/admin/collections/remove`
      const tried = await other.evaluate(async (address) => {
        const body = JSON.stringify({ collections: ['app.bsky.feed.post'] })
        const outcomes: string[] = []
        for (const type of ['text/plain', 'application/json'])
          for (const mode of ['cors', 'no-cors'] as const)
            outcomes.push(
              await fetch(address, {
                method: 'POST',
                body,
                mode,
                credentials: 'include',
                headers: { 'content-type': type },
              }).then(
                ({ status, type: kind }) => `${kind} ${status}`,
                () => 'failed',
              ),
            )
        return outcomes
      }, url)
      expect(tried.every((outcome) => outcome === 'failed' || outcome === 'opaque 0')).toBe(true)
      expect(stage.indexer.collections.list()).toContain('app.bsky.feed.post')
      await done()
    },
  )

  test(
    'collections and repos: added, read anew, removed, each asked for once more where something goes',
    { timeout: 60_000 },
    async () => {
      const { page, complaints, done } = await open()
      await signIn(page)
      await go(page, 'collections')
      await page.getByLabel('Collections to add').fill('com.example.note, com.example.more.*')
      await page.keyboard.press('Enter')
      await expect.poll(() => said(page)).toContain('2 collections added')
      await section(page).getByText('com.example.more.*').waitFor()
      await page.getByRole('button', { name: 'Remove com.example.note' }).click()
      await sure(page, 'No')
      expect(stage.indexer.collections.list()).toContain('com.example.note')
      await page.getByRole('button', { name: 'Remove com.example.note' }).click()
      await page.keyboard.press('Escape')
      expect(stage.indexer.collections.list()).toContain('com.example.note')
      await page.getByRole('button', { name: 'Remove com.example.note' }).click()
      await sure(page, 'Yes')
      await expect.poll(() => said(page)).toContain('com.example.note is not indexed any more')
      expect(stage.indexer.collections.list()).not.toContain('com.example.note')
      await page.getByLabel('Collections to add').fill('no')
      await page.keyboard.press('Enter')
      expect(await page.getByRole('alert').innerText()).toContain('not a collection: no')

      const [ada] = stage.people
      await go(page, 'repos')
      await page.getByLabel('DIDs').fill(ada!.did)
      await page.getByRole('button', { name: 'Add', exact: true }).click()
      await expect.poll(() => said(page)).toContain('1 repo added')
      await section(page).locator('.rows').getByText(ada!.did).waitFor()
      expect(await section(page).locator('.rows').innerText()).toContain('synchronized')
      const { resyncs } = stage.indexer.status().totals
      await page.getByRole('button', { name: `Read anew: ${ada!.did}` }).click()
      await expect.poll(() => said(page)).toContain('1 repo is read anew')
      await expect.poll(() => stage.indexer.status().totals.resyncs).toBeGreaterThan(resyncs)

      // Why it is behind, with what can be done about it at hand.
      await section(page).getByRole('link', { name: ada!.did }).click()
      await section(page).getByText(`The repo of ${ada!.did}`).waitFor()
      expect(await section(page).locator('.facts').first().innerText()).toMatch(/State\s*synchronized/)
      expect(await page.getByRole('button', { name: `Remove ${ada!.did}` }).count()).toBe(1)
      expect(complaints.filter((text) => !text.includes('status of 400'))).toEqual([])
      await done()
    },
  )

  test('lexicons are read anew, and what they say is said', { timeout: 30_000 }, async () => {
    const { page, complaints, done } = await open()
    await signIn(page)
    await page.getByRole('button', { name: 'Read lexicons anew' }).click()
    await expect.poll(() => said(page)).toBe('0 lexicons in force.')
    expect(stage.indexer.lexicons.status().edition).toBe(1)
    expect(complaints).toEqual([])
    await done()
  })

  test('dead letters, of the index and of a consumer, by keyboard alone', { timeout: 60_000 }, async () => {
    const { page, complaints, done } = await open()
    const tabTo = async (name: RegExp): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab')
        const text = await page.evaluate(() => {
          const { activeElement } = document
          return activeElement?.getAttribute('aria-label') ?? activeElement?.textContent ?? ''
        })
        if (name.test(text)) return
      }
      throw new Error(`not reached: ${name}`)
    }
    await page.getByLabel('Admin token').focus()
    await page.keyboard.type(TOKEN)
    await page.keyboard.press('Enter')
    await tabTo(/^Failures$/)
    await page.keyboard.press('Enter')
    await page.getByText('Newest dead letters').waitFor()
    await tabTo(/^frame-malformed, \d\d\//)
    await page.keyboard.press('Enter')
    await page.locator('.outline').waitFor()
    await tabTo(/^Dismiss letter \d+, frame-malformed$/)
    await page.keyboard.press('Enter')
    await expect.poll(() => said(page)).toBe('1 letter dismissed.')
    await page.getByRole('alert').waitFor()
    expect(await page.getByRole('alert').innerText()).toContain('not kept any more')

    await tabTo(/^Consumers$/)
    await page.keyboard.press('Enter')
    await tabTo(/^tap\/slow$/)
    await page.keyboard.press('Enter')
    await page.getByText('Dead letters', { exact: true }).waitFor()
    expect(await section(page).innerText()).toMatch(/not acknowledged in time/)
    const before = stage.indexer.status().consumers[0]!.deadLetters
    await tabTo(/^Dismiss \d+$/)
    await page.keyboard.press('Enter')
    await expect.poll(() => said(page)).toBe('1 letter dismissed.')
    expect(stage.indexer.status().consumers[0]!.deadLetters).toBe(before - 1)
    await tabTo(/^Give the whole index to tap\/slow$/)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await tabTo(/^Yes$/)
    await page.keyboard.press('Enter')
    await expect.poll(() => said(page)).toBe('tap/slow is given the whole index.')
    expect(stage.indexer.status().consumers[0]!.snapshot).toBe(0)
    expect(complaints.filter((text) => !text.includes('status of 404'))).toEqual([])
    await done()
  })

  test.each([
    ['a phone', { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }],
    ['a desk in the dark', { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' as const }],
  ])('nobody is kept out on %s', { timeout: 120_000 }, async (_, options: BrowserContextOptions) => {
    const { page, done } = await open({ ...options, bypassCSP: true, reducedMotion: 'reduce' })
    expect(await judgeAccess(page), 'signing in').toEqual(ACCESSIBLE)
    await signIn(page)
    await page.locator('nav#views').waitFor()
    for (const view of VIEWS) {
      await go(page, view)
      expect(await judgeAccess(page), view).toEqual(ACCESSIBLE)
    }
    await go(page, 'consumers/tap%2Fslow')
    await page.getByRole('button', { name: 'Remove tap/slow' }).click()
    expect(await judgeAccess(page), 'a question').toEqual(ACCESSIBLE)
    await sure(page, 'No')
    expect(await page.evaluate(() => 'attacked' in globalThis)).toBe(false)
    await done()
  })
})
