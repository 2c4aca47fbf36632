// The indexer's page in a real browser, over a real PDS: what it shows is what happened; it works by keyboard, on a phone and in the dark.
import { isDeepStrictEqual } from 'node:util'
import { createIndexer } from '@avocet/indexer'
import { hasChromium } from '@avocet/testing/chromium'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type IndexerStage, POSTS, startIndexerStage } from '../support/indexer-stage.ts'

describe.skipIf(!hasChromium('the page of the indexer'))('the page', () => {
  let stage: IndexerStage
  beforeAll(async () => {
    stage = await startIndexerStage(POSTS)
  }, 90_000)
  afterAll(() => stage?.[Symbol.asyncDispose]())

  const figure = async (page: Page, id: string): Promise<number> =>
    Number((await page.locator(`#${id}`).innerText()).replaceAll(',', ''))

  test('shows counts, the live stream, sources, failures and coverage', { timeout: 80_000 }, async () => {
    const { page, complaints, done } = await stage.open({ viewport: { width: 1280, height: 900 } })
    await page.getByText('Live', { exact: true }).waitFor()
    await page.locator('#stream li').first().waitFor()
    for (const [index, account] of stage.people.entries()) {
      const friend = stage.people[(index + 1) % stage.people.length]!
      await stage.write(account, 'app.bsky.graph.follow', { subject: friend.did })
      await stage.write(account, 'app.bsky.feed.like', {
        subject: stage.posts[(index + 2) % stage.posts.length],
      })
    }
    await stage.write(stage.people[0]!, 'app.bsky.feed.post', { text: 'Fifty now. <b>Not bold</b>' })
    await page.getByText('Fifty now. <b>Not bold</b>').waitFor()
    await page.waitForFunction(() => Number(document.getElementById('records')!.textContent) >= 19)

    // The page asks for the status now and then, so it agrees with it a moment later.
    const reasonsShown = async (): Promise<string[]> =>
      (await page.locator('#reasons tbody td:first-child').allInnerTexts()).map((text) => text.split(' ')[0]!)
    await expect
      .poll(
        async () => {
          const { totals, failures } = stage.indexer.status()
          const status = {
            records: totals.records,
            commits: totals.commits,
            // The damaged commit is a repetition besides: when the real one came first it is dropped unread.
            failures: failures.faults,
            reasons: failures.byReason.map(({ reason }) => reason).toSorted(),
          }
          const shown = {
            records: await figure(page, 'records'),
            commits: await figure(page, 'commits'),
            failures: await figure(page, 'failures'),
            reasons: (await reasonsShown()).toSorted(),
          }
          return isDeepStrictEqual(shown, status) ? 'the same' : { shown, status }
        },
        { timeout: 15_000 },
      )
      .toBe('the same')
    // Repos are counted once in a while.
    await expect.poll(() => figure(page, 'repos'), { timeout: 15_000 }).toBe(stage.people.length)
    expect(await figure(page, 'failures')).toBeGreaterThan(0)
    expect(await page.locator('#lag').innerText()).toMatch(/\d+(\.\d+)? (ms|s)/)
    const reasons = await reasonsShown()
    expect(reasons).toContain('frame-malformed')
    await page.locator('#coverage dd').first().waitFor()
    await expect
      .poll(() => page.locator('#coverage').innerText(), { timeout: 15_000 })
      .toMatch(/Synchronized\s*6/)
    // What is followed is not what was shown to be the newest: the figure says within which time it was.
    await expect
      .poll(() => page.locator('#repos-note').innerText(), { timeout: 15_000 })
      .toBe('100 % confirmed within 13 h')
    expect(await page.locator('#sources li').count()).toBe(2)

    // New at the top, named by handle once the handle is verified.
    const firstRow = page.locator('#stream li').first()
    expect(await firstRow.innerText()).toMatch(/created[\s\S]*feed\.post[\s\S]*ada\.test/)

    const filter = page.getByPlaceholder('Filter by collection')
    await filter.fill('graph')
    await page.waitForFunction(() => document.querySelectorAll('#stream li').length === 6)
    await filter.fill('')

    const pause = page.getByRole('button', { name: 'Pause' })
    await pause.focus()
    await page.keyboard.press('Enter')
    const before = await page.locator('#stream li').count()
    await stage.write(stage.people[1]!, 'app.bsky.feed.post', { text: 'while paused' })
    await page.getByRole('button', { name: 'Resume (1)' }).waitFor()
    expect(await page.locator('#stream li').count()).toBe(before)
    await page.keyboard.press('Enter')
    await page.getByText('while paused').waitFor()

    expect(complaints).toEqual([])
    await done()
  })

  test('the record browser leads from a handle to a record and its links', { timeout: 40_000 }, async () => {
    const { page, complaints, done } = await stage.open({}, '/#/records')
    await page.getByLabel('Handle, DID or at:// URI').fill('ada.test')
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'app.bsky.feed.like' }).waitFor()
    expect(await page.locator('#browse-view').innerText()).toMatch(
      /Handle\s*ada\.test\s*State\s*synchronized/,
    )
    await page.getByRole('link', { name: 'app.bsky.feed.like' }).click()
    await page.locator('#browse-view .rows a').first().click()
    const row = (name: string) =>
      page.locator('#browse-view .fields tr').filter({ has: page.getByRole('rowheader', { name }) })
    await row('createdAt').waitFor()
    expect(await row('subject').first().getByRole('rowheader').innerText()).toMatch(
      /subject\s*object · com\.atproto\.repo\.strongRef/,
    )
    expect(await row('createdAt').innerText()).toMatch(
      /string · datetime\s*\d{4}-[\s\S]* \d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d here/,
    )
    const facts = page.locator('#browse-view .facts')
    expect(await facts.innerText()).toMatch(/Lexicon\s*valid[\s\S]*Proved by\s*a commit of the stream/)
    await page.locator('summary', { hasText: 'As JSON' }).click()
    const json = page.locator('#browse-view pre')
    await json.waitFor()
    const record = JSON.parse(await json.innerText()) as { subject: { uri: string } }
    expect(stage.posts.map(({ uri }) => uri)).toContain(record.subject.uri)
    // From the like to the post it is of.
    await row('uri string · at-uri').getByRole('link').click()
    await page.waitForFunction(
      (uri) => document.querySelector('#browse-view .facts')!.textContent!.includes(uri),
      record.subject.uri,
    )
    expect(await facts.innerText()).toMatch(/Links to it\s*1/)
    await page.goBack()
    await page.waitForFunction(() => location.hash.includes('app.bsky.feed.like'))

    await page.getByLabel('Handle, DID or at:// URI').fill('nobody.test')
    await page.keyboard.press('Enter')
    await page.locator('#browse-view .error').waitFor()
    // The one failed request is the browser's own note of a 400.
    expect(complaints.filter((text) => !text.includes('status of 400'))).toEqual([])
    await done()
  })

  test.each([
    [
      'a phone',
      { viewport: { width: 375, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
    ],
    [
      'a narrow phone in the dark',
      { viewport: { width: 320, height: 640 }, isMobile: true, colorScheme: 'dark' as const },
    ],
    ['a tablet', { viewport: { width: 820, height: 1100 } }],
  ])('fits %s', { timeout: 30_000 }, async (_, options) => {
    const { page, complaints, done } = await stage.open(options)
    await page.locator('#stream li').first().waitFor()
    await page.locator('#sources li').first().waitFor()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
      options.viewport.width,
    )
    // Nothing sticks out, and what is to be touched is large enough to hit.
    const cut = await page.evaluate(
      () =>
        [...document.querySelectorAll('.tile *, .card, .card-head *, footer')].filter(
          (element) => element.getBoundingClientRect().right > window.innerWidth + 1,
        ).length,
    )
    expect(cut).toBe(0)
    if (options.viewport.width < 600) {
      for (const button of await page.getByRole('button').all()) {
        expect((await button.boundingBox())!.height).toBeGreaterThanOrEqual(44)
      }
    }
    expect(complaints).toEqual([])
    await done()
  })

  test('is readable: contrast, names, landmarks', { timeout: 30_000 }, async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, done } = await stage.open({ colorScheme })
      await page.locator('#stream li').first().waitFor()
      await page.locator('#reasons tbody tr').first().waitFor()
      const faint = await page.evaluate(contrastFaults)
      expect(faint, colorScheme).toEqual([])
      await done()
    }
    const { page, done } = await stage.open({}, '/#/records')
    for (const role of ['banner', 'main', 'contentinfo', 'search'] as const) {
      expect(await page.getByRole(role).count(), role).toBe(1)
    }
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain('Avocet')
    // Every field and button says what it is.
    const unnamed = await page.evaluate(
      () =>
        [...document.querySelectorAll<HTMLInputElement>('input, button')].filter(
          (field) => !(field.labels?.[0]?.textContent ?? field.textContent ?? '').trim(),
        ).length,
    )
    expect(unnamed).toBe(0)
    expect(await page.locator('html').getAttribute('lang')).toBe('en')
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Skip')
    await done()
  })

  test('says so when the indexer is gone, and comes back', { timeout: 30_000 }, async () => {
    const { page, done } = await stage.open()
    await page.getByText('Live', { exact: true }).waitFor()
    const { hostname, port } = new URL(stage.indexer.url!)
    await stage.indexer.close()
    await page.getByText('Connection lost, trying again').waitFor({ timeout: 10_000 })
    stage.indexer = await createIndexer({
      dataFolder: null,
      host: hostname,
      port: Number(port),
      sources: [],
      plcUrl: stage.network.plc.url,
      collections: null,
      backfill: false,
      repos: [],
      allowLoopback: true,
      logRetentionMs: 3_600_000,
    })
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 15_000 })
    expect(await page.locator('#state').getAttribute('class')).toBe('state live')
    await done()
  })
})

/** Runs in the page: texts whose contrast with what is behind them is below WCAG AA. */
function contrastFaults(): string[] {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!
  const rgba = (color: string): number[] => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = color
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const luminance = (color: string): number => {
    const [r, g, b] = rgba(color)
      .slice(0, 3)
      .map((value) => {
        const part = value / 255
        return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
      })
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
  }
  const background = (element: Element | null): string => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor
      if (rgba(color)[3] === 255) return color
    }
    return 'white'
  }
  const faults: string[] = []
  for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.textContent!.trim(),
    )
    if (!hasText || element.getClientRects().length === 0 || element.classList.contains('visually-hidden'))
      continue
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(background(element))]
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < 4.5) faults.push(`${element.tagName}.${element.className}: ${ratio.toFixed(2)}`)
  }
  return [...new Set(faults)]
}
