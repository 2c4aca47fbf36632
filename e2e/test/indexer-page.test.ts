// The indexer's page in a real browser, over a real PDS: what it shows is what happened; it works by keyboard, on a phone and in the dark.
// AVOCET_SCREENSHOT=<file.png> keeps a picture of it.
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { createIndexer, type Indexer } from '@avocet/indexer'
import { hasChromium, launchChromium } from '@avocet/testing/chromium'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'

import { type Network, procedure, startNetwork } from '../support/network.ts'

type Account = { did: string; handle: string; token: string }
const POSTS = [
  ['ada.test', 'Forty avocets on the mudflats this morning, sweeping their bills from side to side'],
  ['ben.test', 'Low tide at 6:12. Bring boots.'],
  ['cleo.test', 'Ringed the first chick of the year, three days old and already running'],
  ['dora.test', 'The bill bends upwards. It is not broken, that is how they fish'],
  ['emil.test', 'Counted again, forty-three. Two may be stilts'],
  ['fay.test', 'New hide on the north dyke is open, mind the third step'],
] as const

const MORE = [
  'High water brought them close to the dyke',
  'Thirty-one adults, nine chicks',
  'They mob the harrier every time it passes',
  'Wrong beach, sorry',
  'Ring 4C2 is back, third year in a row',
  'Samphire is up',
  'Two pairs on the old saltpan, which is new',
  'A spoonbill, briefly, far off',
  'A nest is a scrape in the shells and that is all',
]

describe.skipIf(!hasChromium('the page of the indexer'))('the page', () => {
  let network: Network
  let indexer: Indexer
  let browser: Browser
  let hostile: WebSocketServer
  let accounts: Account[]
  const posts: { uri: string; cid: string }[] = []

  beforeAll(async () => {
    network = await startNetwork()
    accounts = []
    for (const [handle] of POSTS) accounts.push(await signUp(handle))
    for (const [index, [, text]] of POSTS.entries())
      posts.push(await write(accounts[index]!, 'app.bsky.feed.post', { text }))
    hostile = await sendDamaged(await firstCommit())
    indexer = await createIndexer({
      dataFolder: null,
      host: '127.0.0.1',
      port: 0,
      sources: [
        { url: network.pds.url.replace('http', 'ws'), kind: 'pds', start: 'oldest' },
        { url: `ws://127.0.0.1:${(hostile.address() as AddressInfo).port}`, kind: 'relay', start: 'live' },
      ],
      plcUrl: network.plc.url,
      collections: null,
      backfill: true,
      repos: [],
      allowLoopback: true,
      logRetentionMs: 3_600_000,
    })
    browser = await launchChromium()
  }, 90_000)

  afterAll(async () => {
    await browser?.close()
    await indexer?.close()
    hostile?.close()
    await network?.stop()
  })

  async function signUp(handle: string): Promise<Account> {
    const { status, body } = await procedure<{ did: string; accessJwt: string }>(
      network.pds.url,
      'com.atproto.server.createAccount',
      { handle, email: `${handle}@example.com`, password: 'correct horse battery' },
    )
    expect(status, JSON.stringify(body)).toBe(200)
    return { did: body.did, handle, token: body.accessJwt }
  }

  async function write(
    account: Account,
    collection: string,
    record: object,
  ): Promise<{ uri: string; cid: string }> {
    const { status, body } = await procedure<{ uri: string; cid: string }>(
      network.pds.url,
      'com.atproto.repo.createRecord',
      {
        repo: account.did,
        collection,
        record: { $type: collection, createdAt: new Date().toISOString(), ...record },
      },
      account,
    )
    expect(status, JSON.stringify(body)).toBe(200)
    return body
  }

  async function remove(account: Account, uri: string): Promise<void> {
    const [, , repo, collection, rkey] = uri.split('/')
    const input = { repo, collection, rkey }
    const { status } = await procedure(network.pds.url, 'com.atproto.repo.deleteRecord', input, account)
    expect(status).toBe(200)
  }

  /** The newest commit on the PDS's stream, as bytes. */
  function firstCommit(): Promise<Buffer> {
    const socket = new WebSocket(
      `${network.pds.url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos?cursor=0`,
    )
    return new Promise((resolve) => {
      socket.on('message', (frame: Buffer) => {
        if (!frame.includes('#commit') || !frame.includes('app.bsky.feed.post')) return
        socket.terminate()
        resolve(frame)
      })
    })
  }

  /** A relay that sends a damaged commit and something that is no frame, then is quiet. */
  async function sendDamaged(frame: Buffer): Promise<WebSocketServer> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    server.on('connection', (socket) => {
      const damaged = Buffer.from(frame)
      damaged[Math.floor(damaged.length / 2)]! ^= 1
      socket.send(damaged)
      socket.send(Buffer.from('not a frame'))
    })
    await new Promise((resolve) => server.once('listening', resolve))
    return server
  }

  /** Opens the page; everything the console complains about is collected. */
  async function open(
    options: BrowserContextOptions = {},
  ): Promise<{ page: Page; complaints: string[]; done: () => Promise<void> }> {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(`${indexer.url}/`)
    return { page, complaints, done: () => context.close() }
  }

  const figure = async (page: Page, id: string): Promise<number> =>
    Number((await page.locator(`#${id}`).innerText()).replaceAll(',', ''))

  test('shows counts, the live stream, sources, failures and coverage', { timeout: 80_000 }, async () => {
    const { page, complaints, done } = await open({ viewport: { width: 1280, height: 900 } })
    await page.getByText('Live', { exact: true }).waitFor()
    await page.locator('#stream li').first().waitFor()
    for (const [index, account] of accounts.entries()) {
      const friend = accounts[(index + 1) % accounts.length]!
      await write(account, 'app.bsky.graph.follow', { subject: friend.did })
      await write(account, 'app.bsky.feed.like', { subject: posts[(index + 2) % posts.length] })
    }
    await write(accounts[0]!, 'app.bsky.feed.post', { text: 'Fifty now. <b>Not bold</b>' })
    await page.getByText('Fifty now. <b>Not bold</b>').waitFor()
    await page.waitForFunction(() => Number(document.getElementById('records')!.textContent) >= 19)

    // The page asks for the status now and then, so it agrees with it a moment later.
    const reasonsShown = async (): Promise<string[]> =>
      (await page.locator('#reasons tbody td:first-child').allInnerTexts()).map((text) => text.split(' ')[0]!)
    await expect
      .poll(
        async () => {
          const { totals, failures } = indexer.status()
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
    await expect.poll(() => figure(page, 'repos'), { timeout: 15_000 }).toBe(accounts.length)
    expect(await figure(page, 'failures')).toBeGreaterThan(0)
    expect(await page.locator('#lag').innerText()).toMatch(/\d+(\.\d+)? (ms|s)/)
    const reasons = await reasonsShown()
    expect(reasons).toContain('frame-malformed')
    await page.getByText('Newest dead letters').click()
    expect(await page.locator('#letters-list li').first().innerText()).toMatch(/^[a-z-]+ \d\d:\d\d:\d\d /)
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
    await write(accounts[1]!, 'app.bsky.feed.post', { text: 'while paused' })
    await page.getByRole('button', { name: 'Resume (1)' }).waitFor()
    expect(await page.locator('#stream li').count()).toBe(before)
    await page.keyboard.press('Enter')
    await page.getByText('while paused').waitFor()

    expect(complaints).toEqual([])
    const shot = process.env['AVOCET_SCREENSHOT']
    if (shot !== undefined) {
      await page.getByRole('button', { name: 'Pause' }).blur()
      for (const [index, text] of MORE.entries()) {
        const account = accounts[index % accounts.length]!
        const { uri } = await write(account, 'app.bsky.feed.post', { text })
        if (index === 3 || index === 6) await remove(account, uri)
        await page.waitForTimeout(1500 + 1500 * Math.random())
      }
      await page.setViewportSize({ width: 1280, height: 960 })
      await page.evaluate(() => window.scrollTo(0, 0))
      await page.waitForTimeout(1200)
      await page.screenshot({ path: shot })
    }
    await done()
  })

  test('the record browser leads from a handle to a record and its links', { timeout: 40_000 }, async () => {
    const { page, complaints, done } = await open()
    await page.getByLabel('Handle, DID or at:// URI').fill('ada.test')
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'app.bsky.feed.like' }).waitFor()
    expect(await page.locator('#browse-view .facts').innerText()).toMatch(
      /Handle\s*ada\.test\s*State\s*synchronized/,
    )
    await page.getByRole('link', { name: 'app.bsky.feed.like' }).click()
    await page.locator('#browse-view .rows a').first().click()
    const json = page.locator('#browse-view pre')
    await json.waitFor()
    const record = JSON.parse(await json.innerText()) as { subject: { uri: string } }
    expect(posts.map(({ uri }) => uri)).toContain(record.subject.uri)
    expect(await page.locator('#browse-view .facts').innerText()).toMatch(
      /Lexicon\s*valid[\s\S]*Proved by\s*a commit of the stream/,
    )
    // From the like to the post it is of.
    await json.getByRole('link').first().click()
    await page.getByText('Links to it').waitFor()
    await page.waitForFunction(
      (uri) => document.querySelector('#browse-view .facts')!.textContent!.includes(uri),
      record.subject.uri,
    )
    expect(await page.locator('#browse-view .facts').innerText()).toMatch(/Links to it\s*1/)
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
  ])('fits %s', { timeout: 30_000 }, async (name, options) => {
    const { page, complaints, done } = await open(options)
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
    const shot = process.env['AVOCET_SCREENSHOT']
    if (shot !== undefined)
      await page.screenshot({
        path: shot.replace('.png', `-${name.replaceAll(' ', '-')}.png`),
        fullPage: true,
      })
    await done()
  })

  test('is readable: contrast, names, landmarks', { timeout: 30_000 }, async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, done } = await open({ colorScheme })
      await page.locator('#stream li').first().waitFor()
      await page.locator('#reasons tbody tr').first().waitFor()
      const faint = await page.evaluate(contrastFaults)
      expect(faint, colorScheme).toEqual([])
      await done()
    }
    const { page, done } = await open()
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
    const { page, done } = await open()
    await page.getByText('Live', { exact: true }).waitFor()
    const { hostname, port } = new URL(indexer.url!)
    await indexer.close()
    await page.getByText('Connection lost, trying again').waitFor({ timeout: 10_000 })
    indexer = await createIndexer({
      dataFolder: null,
      host: hostname,
      port: Number(port),
      sources: [],
      plcUrl: network.plc.url,
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
