// The views of the indexer's page in a real browser: the stream with its filters, failures with their frames, why a repo is behind, a
// record by its lexicon; by keyboard, on a phone, for screen readers; and whatever strangers write, it is only ever text.
import { hasChromium } from '@avocet/testing/chromium'
import type { BrowserContextOptions, Page, Route } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { ACCESSIBLE, judgeAccess } from '../support/accessible.ts'
import { type IndexerStage, startIndexerStage } from '../support/indexer-stage.ts'

/** What does something where it is taken for markup, ends an attribute, and turns the direction of what follows. */
const ATTACK = `"'><img src=x onerror="globalThis.attacked=1"><script>globalThis.attacked=1</script>\u202E\u200B{{7*7}}`
const NOTE = 'com.example.note'
const SAID = [
  ['ada.test', 'Forty avocets on the mudflats'],
  ['mal.test', ATTACK],
] as const

describe.skipIf(!hasChromium('the console of the indexer'))('the console', () => {
  let stage: IndexerStage
  let note = ''

  beforeAll(async () => {
    stage = await startIndexerStage(SAID)
    const mal = stage.people[1]!
    await stage.write(
      mal,
      'app.bsky.actor.profile',
      { displayName: ATTACK.slice(0, 60), description: ATTACK },
      'self',
    )
    const { uri } = await stage.write(
      mal,
      NOTE,
      {
        [ATTACK]: { [ATTACK]: ATTACK },
        links: [
          'javascript:alert(1)',
          'https://user:secret@example.com/',
          'data:text/html,<script>alert(1)</script>',
          'https://example.com/a?b=<c>',
          'https://еxample.com/',
          'at://javascript:alert(1)/x',
          stage.people[0]!.did,
        ],
        text: 'x'.repeat(4000),
        ['z'.repeat(2 * ATTACK.length)]: Array.from({ length: 600 }, (_, index) => index),
      },
      'odd:key~1',
    )
    note = uri
    await stage.write(mal, 'app.bsky.graph.follow', { subject: stage.people[0]!.did })
    const isReady = (): boolean => {
      const { totals, failures } = stage.indexer.status()
      return totals.records === 5 && failures.faults > 0
    }
    await vi.waitUntil(isReady, { timeout: 40_000, interval: 100 })
  }, 90_000)
  afterAll(() => stage?.[Symbol.asyncDispose]())

  const placeOf = (uri: string): string =>
    `/#/at/${uri.slice(5).split('/').map(encodeURIComponent).join('/')}`
  const views = (): string[] => [
    '/#/overview',
    '/#/live',
    '/#/records',
    `/#/at/${stage.people[1]!.did}`,
    `/#/at/${stage.people[1]!.did}/app.bsky.feed.post`,
    placeOf(note),
    placeOf(stage.posts[0]!.uri),
    `/#/coverage/${stage.people[1]!.did}`,
    '/#/failures',
    '/#/search/app.bsky.feed.post/avocets',
    `/#/query/app.bsky.feed.post.listRecords/${encodeURIComponent('?order=asc')}`,
    '/#/failures/frame-malformed',
  ]
  /** Waits until a view has what it shows. */
  const settled = async (page: Page): Promise<void> => {
    await page.waitForFunction(() => {
      const view = document.querySelector('main > section:not([hidden])')!
      const content = view.querySelector('[data-content]')
      return content === null
        ? view.querySelectorAll('li').length > 0 || /Connected\.|trying again|Stopped/.test(view.textContent)
        : !content.hasAttribute('aria-busy') &&
            (content.childElementCount > 0 || view.querySelector('select option') !== null)
    })
  }
  const go = async (page: Page, path: string): Promise<void> => {
    await page.evaluate(
      (hash) =>
        new Promise<void>((resolve) => {
          if (location.hash === hash) return resolve()
          window.addEventListener('hashchange', () => resolve(), { once: true })
          location.hash = hash
        }),
      path.slice(1),
    )
    await settled(page)
  }

  test(
    'the stream: replayed, filtered by kind, collection and account, paused without a gap',
    { timeout: 60_000 },
    async () => {
      const { page, complaints, done } = await stage.open({}, '/#/live')
      const rows = page.locator('#live-list li')
      await page.getByLabel('Begin at').fill('0')
      await page.getByRole('textbox', { name: 'Collections' }).fill('app.bsky.feed.*, app.bsky.graph.follow')
      await page.getByRole('textbox', { name: 'Accounts' }).fill('mal.test')
      await page.getByLabel('identities').uncheck()
      await page.getByLabel('accounts', { exact: true }).uncheck()
      await page.getByLabel('syncs').uncheck()
      await page.getByRole('button', { name: 'Start' }).click()
      await expect.poll(() => rows.count()).toBe(2)
      expect(await rows.first().innerText()).toMatch(/created\s*graph\.follow/)
      const request = new URLSearchParams(
        (await page.locator('#live-request').innerText()).replace('GET /stream?', ''),
      )
      expect([...request]).toEqual([
        ['kinds', 'commit'],
        ['collections', 'app.bsky.feed.*'],
        ['collections', 'app.bsky.graph.follow'],
        ['dids', stage.people[1]!.did],
        ['cursor', '0'],
        ['maxMessageSizeBytes', '100000'],
      ])

      await page.getByRole('button', { name: 'Pause' }).click()
      await stage.write(stage.people[0]!, 'app.bsky.feed.post', { text: 'of another' })
      const { uri } = await stage.write(stage.people[1]!, 'app.bsky.feed.post', { text: 'while it paused' })
      await expect.poll(() => stage.indexer.status().totals.records).toBe(7)
      expect(await rows.count()).toBe(2)
      await page.getByRole('button', { name: 'Resume' }).click()
      await page.locator('#live-list').getByText('while it paused').waitFor()
      expect(await rows.count()).toBe(3)
      await stage.remove(stage.people[1]!, uri)
      await expect.poll(() => rows.first().innerText()).toMatch(/deleted\s*feed\.post/)

      // What is refused is said in words, with what to do.
      await page.getByRole('textbox', { name: 'Collections' }).fill('not a collection!')
      await page.getByRole('button', { name: 'Start' }).click()
      expect(await page.getByRole('alert').innerText()).toMatch(
        /InvalidRequest[\s\S]*Check what you asked for/,
      )
      await page.getByRole('textbox', { name: 'Collections' }).fill('')
      await page.getByRole('textbox', { name: 'Accounts' }).fill('nobody.test')
      await page.getByRole('button', { name: 'Start' }).click()
      await expect.poll(() => page.getByRole('alert').innerText()).toContain('nobody.test')
      expect(complaints.filter((text) => !text.includes('status of 400'))).toEqual([])
      await done()
    },
  )

  test('an endless stream takes no more than 200 rows', { timeout: 60_000 }, async () => {
    const { page, done } = await stage.open()
    const event = (seq: number): string =>
      `id: ${seq}\ndata: ${JSON.stringify({
        $type: 'network.bsky.jetstream.subscribeEvents#commit',
        seq,
        did: 'did:web:a.example',
        time: '2026-01-01T00:00:00.000000Z',
        operation: 'delete',
        collection: 'a.b.c',
        rkey: String(seq),
      })}\n\n`
    const body = Array.from({ length: 20_000 }, (_, seq) => event(seq)).join('')
    await page.route('**/stream?*', (route) => route.fulfill({ contentType: 'text/event-stream', body }))
    await go(page, '/#/live')
    await expect.poll(() => page.locator('#live-state').innerText(), { timeout: 20_000 }).toMatch(/again/)
    await page.waitForFunction(() => document.querySelectorAll('#live-list li').length === 200)
    expect(await page.locator('#live-list li a').first().getAttribute('title')).not.toBe('')
    await done()
  })

  test('a failure leads to its frame, by keyboard alone', { timeout: 60_000 }, async () => {
    const { page, complaints, done } = await stage.open()
    const tabTo = async (name: RegExp): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab')
        const text = await page.evaluate(() => document.activeElement?.textContent ?? '')
        if (name.test(text)) return
      }
      throw new Error(`not reached: ${name}`)
    }
    await tabTo(/^Failures$/)
    await page.keyboard.press('Enter')
    // Until the view changes the one before it is settled.
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('failures-title')
    await settled(page)
    expect(await page.title()).toBe('Failures · Avocet indexer')
    await tabTo(/^frame-malformed$/)
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => location.hash !== '#/failures')
    await settled(page)
    await tabTo(/^frame-malformed, \d\d\//)
    await page.keyboard.press('Enter')
    await page.locator('.outline').waitFor()
    expect(await page.locator('.outline').innerText()).toContain('byte')
    await tabTo(/^Its bytes$/)
    await page.keyboard.press('Enter')
    // The frame itself: `<img src=x onerror=document.title=1>`, as numbers and as letters.
    expect(await page.locator('.dump').innerText()).toMatch(
      /^0000 {2}3c 69 6d 67 20 73 72 63 .* <img src=x onerr$/m,
    )
    expect(complaints).toEqual([])
    await done()
  })

  test('the query builder shows the request it makes, and asks it', { timeout: 60_000 }, async () => {
    const { page, complaints, done } = await stage.open({}, '/#/query')
    await settled(page)
    const query = page.locator('#query-name')
    await query.selectOption('app.bsky.feed.post.listRecords')
    await page.locator('#query-author').fill('ada.test\nmal.test')
    await page.locator('#query-order').selectOption('asc')
    await page.locator('#query-limit').fill('1')
    const address = '/xrpc/app.bsky.feed.post.listRecords?author=ada.test&author=mal.test&order=asc&limit=1'
    const shown = page.locator('#query-address')
    const sorted = (text: string): string[] =>
      [...new URLSearchParams(text.split('?')[1])].map(String).toSorted()
    await expect.poll(async () => sorted(await shown.innerText())).toEqual(sorted(address))
    await page.getByRole('button', { name: 'Ask' }).click()
    const rows = page.locator('#query .rows li')
    await expect.poll(() => rows.count()).toBe(1)
    expect(await rows.first().innerText()).toContain('Forty avocets')
    await page.getByRole('button', { name: 'More' }).click()
    await expect.poll(() => rows.count()).toBe(2)
    expect(await rows.nth(1).innerText()).toContain('<img src=x')
    expect(await page.evaluate(() => decodeURIComponent(location.hash))).toContain('?')

    await page.locator('#query-limit').fill('many')
    await page.getByRole('button', { name: 'Ask' }).click()
    expect(await page.locator('#query').getByRole('alert').innerText()).toContain('InvalidRequest')
    await query.selectOption('app.bsky.feed.post.countRecords')
    await page.locator('#query-interval').selectOption('day')
    await page.getByRole('button', { name: 'Ask' }).click()
    await expect
      .poll(() => page.locator('#query [data-content]').innerText())
      .toMatch(/\d records[\s\S]*T00:00:00/)
    expect(complaints.filter((text) => !text.includes('status of 400'))).toEqual([])
    await done()
  })

  test('a search shows the words where they stand', { timeout: 30_000 }, async () => {
    const { page, complaints, done } = await stage.open({}, '/#/search')
    await settled(page)
    await page.getByLabel('Words').fill('avocet*')
    await page.keyboard.press('Enter')
    await page.locator('#search .rows li').waitFor()
    expect(await page.locator('#search .rows').innerText()).toContain('Forty avocets on the mudflats')
    expect(await page.locator('#search mark').allInnerTexts()).toEqual(['avocets'])
    await page.getByLabel('Words').fill('img onerror')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.locator('#search mark').allInnerTexts()).toContain('img')
    expect(await intruders(page)).toEqual([])
    expect(complaints).toEqual([])
    await done()
  })

  test('who links to an account and to a record, with counts', { timeout: 30_000 }, async () => {
    const { page, done } = await stage.open({}, `/#/at/${stage.people[0]!.did}`)
    await settled(page)
    const follows = page.locator('#browse details').filter({ hasText: 'app.bsky.graph.follow.subject' })
    expect(await follows.innerText()).toContain('1 link of 1 account')
    await follows.locator('summary').click()
    await follows.getByRole('link').click()
    await page.waitForFunction(() => location.hash.includes('app.bsky.graph.follow'))
    await settled(page)
    expect(await page.locator('#browse-view').innerText()).toMatch(
      /What it links to\s*did:plc:\w+\s*\.subject/,
    )
    await done()
  })

  test('why a repo is behind', { timeout: 30_000 }, async () => {
    const { page, done } = await stage.open({}, '/#/coverage')
    await settled(page)
    await page.getByLabel('Why is this repo behind?').fill('ada.test')
    await page.keyboard.press('Enter')
    await page.getByText('The repo of ada.test').waitFor()
    expect(await page.locator('#coverage-view .facts').first().innerText()).toMatch(
      /State\s*synchronized[\s\S]*Revision\s*\w{13}/,
    )
    const shown = await page.locator('#coverage-view').innerText()
    expect(shown).toMatch(/Complete\s*2, 100 % of those that can be read/)
    expect(shown).toMatch(
      /Compared with their hosts\s*(The sampled audit is off|Nothing was compared|\d+ of \d+ repo)/,
    )
    await page.getByLabel('Why is this repo behind?').fill('did:web:nobody.example')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.getByRole('alert').innerText()).toMatch(/RepoNotFound[\s\S]*never here/)
    await done()
  })

  test(
    'a record of no lexicon: odd names, links that lead nowhere, and more than is shown',
    { timeout: 30_000 },
    async () => {
      const { page, complaints, done } = await stage.open({}, placeOf(note))
      await settled(page)
      expect(await page.locator('#browse-view .facts').innerText()).toMatch(
        /Lexicon\s*unknown It is not judged: no lexicon for this collection/,
      )
      const links = await page
        .locator('#browse-view .fields a')
        .evaluateAll((found) =>
          found.map((link) => [(link as HTMLAnchorElement).href, link.getAttribute('rel')]),
        )
      const own = `${stage.indexer.url}/#/at`
      expect(links).toEqual([
        ['https://example.com/a?b=%3Cc%3E', 'noopener noreferrer nofollow'],
        ['https://xn--xample-2of.com/', 'noopener noreferrer nofollow'],
        [`${own}/javascript%3Aalert(1)/x`, null],
        [`${own}/${encodeURIComponent(stage.people[0]!.did)}`, null],
      ])
      expect(await page.getByText('(xn--xample-2of.com)').count()).toBe(1)
      expect(await page.locator('#browse-view .fields').innerText()).toContain(
        'the first 3,000 of 4,000 characters',
      )
      expect(await page.locator('#browse-view .hint').innerText()).toContain('These are the first 500 fields')
      expect(await page.locator('#browse-view .fields .unseen').first().innerText()).toBe('U+202E')
      expect(complaints).toEqual([])
      await done()
    },
  )

  test('what strangers write is text', { timeout: 90_000 }, async () => {
    const { page, complaints, done } = await stage.open()
    for (const view of views()) {
      await go(page, view)
      expect(await intruders(page), view).toEqual([])
    }
    await go(page, `/#/at/${encodeURIComponent(ATTACK)}/${encodeURIComponent(ATTACK)}`)
    await go(page, `/#/failures/${encodeURIComponent(ATTACK)}`)
    expect(await intruders(page)).toEqual([])
    expect(complaints.filter((text) => !/status of 40\d/.test(text))).toEqual([])
    await done()
  })

  test('and so is every field of every answer, whatever is in it', { timeout: 90_000 }, async () => {
    const { page, complaints, done } = await stage.open()
    await page.route(
      /\/(status|coverage|failures|repos|accounts|records|links|queries|xrpc\/[\w.]+)(\?|$)/,
      poison,
    )
    await page.route(/\/(events|stream)(\?|$)/, poisonStream)
    await page.reload()
    await page.getByText('<img src=x').first().waitFor()
    expect(await page.locator('#sources').innerText()).toContain('<img src=x')
    for (const view of [...views(), '/#/failures/frame-malformed/1']) {
      await go(page, view)
      const text = await page.locator('main > section:not([hidden])').innerText()
      expect(text, view).toContain('<img src=x')
      expect(await intruders(page), view).toEqual([])
    }
    expect(complaints).toEqual([])
    await done()
  })

  test.each([
    ['a phone', { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }],
    ['a desk in the dark', { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' as const }],
  ])('nobody is kept out on %s', { timeout: 180_000 }, async (_, options: BrowserContextOptions) => {
    // What moves is judged where it is when it has arrived.
    const { page, done } = await stage.open({ ...options, bypassCSP: true, reducedMotion: 'reduce' })
    const letter = '/#/failures/frame-malformed/1'
    // The longest record says nothing that a short one does not, five hundred times.
    for (const view of [...views().filter((place) => place !== placeOf(note)), letter]) {
      await go(page, view)
      for (const summary of await page.locator('main > section:not([hidden]) summary').all())
        await summary.click()
      expect(await judgeAccess(page), view).toEqual(ACCESSIBLE)
    }
    await done()
  })

  test('an indexer that answers errors is told as such', { timeout: 60_000 }, async () => {
    const { page, done } = await stage.open()
    let answers = 0
    await page.route(/\/(failures|repos|accounts|records|xrpc\/[\w.]+)(\?|$)/, (route) => {
      answers++
      const body = JSON.stringify({ error: 'InternalServerError', message: 'it broke' })
      return answers % 2 === 0 ? route.fulfill({ status: 500, body }) : route.abort()
    })
    for (const view of [
      '/#/records',
      `/#/at/${stage.people[0]!.did}`,
      '/#/failures',
      '/#/coverage/ada.test',
    ]) {
      await go(page, view)
      expect(await page.getByRole('alert').innerText(), view).toMatch(/its log says more|then try again/)
    }
    await page.unrouteAll()
    await go(page, '/#/records')
    await page.getByRole('link', { name: 'ada.test' }).waitFor()
    await done()
  })
})

/** What a page would have that took text for markup, or has links that do something else than lead somewhere. */
function intruders(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found = [
      ...document.querySelectorAll(
        'main img, main script, main iframe, main style, [onerror], [style*=":url"]',
      ),
    ].map((element) => element.outerHTML)
    for (const link of document.querySelectorAll('a')) {
      const isOwn = link.origin === location.origin
      const isWeb = ['http:', 'https:'].includes(link.protocol) && link.rel.includes('noopener')
      if (!isOwn && !isWeb) found.push(link.outerHTML)
    }
    // None that turns the direction of its surroundings, or is not seen.
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (texts.nextNode()) {
      if (/[\u202A-\u202E\u2066-\u2069\u200B\u200E\u200F]/.test(texts.currentNode.nodeValue!)) {
        found.push(`unseen: ${texts.currentNode.nodeValue!.slice(0, 80)}`)
      }
    }
    if ('attacked' in globalThis) found.push('it ran')
    return found
  })
}

/** Texts of answers that the page goes by; all others become the attack. */
const KEPT = new Set(['did', 'id', 'cursor', 'uri', 'base64', '$type', 'kind', 'time'])

function poisoned(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return KEPT.has(name) ? value : `${value}${ATTACK}`
  if (Array.isArray(value)) return value.map((item) => poisoned(item, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, poisoned(item, key)]))
}

async function poison(route: Route): Promise<void> {
  const response = await route.fetch()
  await route.fulfill({ response, json: poisoned(await response.json()) })
}

async function poisonStream(route: Route): Promise<void> {
  const did = 'did:web:mal.example'
  const base = { did, handle: ATTACK, collection: ATTACK, rkey: ATTACK, seq: 1, rev: ATTACK, cid: ATTACK }
  const named = (name: string, data: object): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
  const said = (kind: string, data: object): string =>
    `data: ${JSON.stringify({ $type: `${ATTACK}#${kind}`, ...base, time: '2026-01-01T00:00:00Z', ...data })}\n\n`
  if (route.request().url().includes('/events')) {
    const status = await (await fetch(new URL('/status', route.request().url()))).json()
    const record = { ...base, action: 'create', at: 5, validity: 'invalid', reason: ATTACK, text: ATTACK }
    const body = named('record', record) + named('status', poisoned(status) as object)
    return route.fulfill({ contentType: 'text/event-stream', body })
  }
  const body =
    named('info', { message: ATTACK }) +
    said('commit', { operation: ATTACK, record: { [ATTACK]: ATTACK }, validity: 'invalid' }) +
    said('identity', { identity: { handle: ATTACK } }) +
    said('account', { account: { active: false, status: ATTACK } }) +
    said('sync', { sync: { rev: ATTACK } }) +
    said(ATTACK, {}) +
    named('error', { error: ATTACK, message: ATTACK })
  return route.fulfill({ contentType: 'text/event-stream', body })
}
