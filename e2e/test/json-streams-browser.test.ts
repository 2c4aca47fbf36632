// The clients of Jetstream and Tap in a real browser; and how much of them a bundle holds.
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

import type { V1Event } from '@avocet/jetstream/wire'
import type { TapEvent } from '@avocet/tap/wire'
import { bundle, bundlePage, hasChromium, launchChromium } from '@avocet/testing/chromium'
import { describe, expect, test } from 'vitest'

import type { StreamReport } from '../support/json-streams-page.ts'
import { serveJetstream, serveTap } from '../support/json-streams.ts'

const did = 'did:plc:44ybard66vv44zksje25o7dz'
const start = 1_783_175_888_000_000
test('bundles hold nothing of Node, and little else', async () => {
  const budgets: [string, string, number][] = [
    ['@avocet/jetstream', 'subscribeV1', 8500],
    ['@avocet/jetstream', 'subscribeV2', 9500],
    ['@avocet/jetstream/wire', 'parseV2Frame', 3000],
    ['@avocet/tap', 'openChannel', 7500],
    ['@avocet/tap', 'createReceiver', 3000],
    ['@avocet/tap/webhooks', 'verifyWebhook', 1500],
  ]
  for (const [name, member, budget] of budgets) {
    const [chunk] = await bundle(`import { ${member} } from '${name}'; globalThis.x = ${member}`, {
      folder: import.meta.dirname,
      minify: true,
    })
    const { code } = chunk!
    expect(code, member).not.toMatch(/from\s*["']node:|import\(["'](node:|ws)/)
    const size = gzipSync(code).length
    console.log(`${name} ${member}: ${code.length} B, ${size} B gzipped`)
    expect(size, member).toBeLessThan(budget)
  }
})

describe.skipIf(!hasChromium('the client of JSON streams'))('in Chromium', () => {
  test('a page reads Jetstream over cuts, once each, and acks what it handles of Tap', async () => {
    const record = { $type: 'com.example.note', text: 'x'.repeat(500) }
    const events: V1Event[] = Array.from({ length: 300 }, (_, i) => ({
      did,
      time_us: start + i * 1000,
      kind: 'commit',
      commit: {
        rev: '3mptbypluud2a',
        operation: 'create',
        collection: 'com.example.note',
        rkey: `k${i}`,
        record,
        cid: 'bafyreiguce4jh7kcbmof3pmcvasifqtw24b6isakj5ve5ga2b4z4alpc4i',
      },
    }))
    const identities: TapEvent[] = Array.from({ length: 20 }, (_, i) => ({
      id: i + 1,
      type: 'identity',
      did,
      handle: 'alice.example.com',
      isActive: true,
      status: 'active',
    }))
    await using jetstream = await serveJetstream(events, 120)
    await using tap = await serveTap(identities, new Map(), null)
    await using browser = await launchChromium()
    const page = await browser.newPage()
    await page.addScriptTag({
      content: await bundlePage(fileURLToPath(new URL('../support/json-streams-page.ts', import.meta.url))),
      type: 'module',
    })
    // A module runs after its tag is there.
    await page.waitForFunction(`typeof globalThis.runStreams === 'function'`)
    const given = JSON.stringify([jetstream.url, start, events.length, tap.url, identities.length])
    const report = (await page.evaluate(`globalThis.runStreams(...${given})`)) as StreamReport
    expect(report.times).toEqual(events.map((event) => event.time_us))
    expect(report.received).toBeGreaterThan(events.length)
    expect(report.ids).toEqual(identities.map(({ id }) => id))
    await expect.poll(() => tap.acked).toEqual(report.ids)
  })
})
