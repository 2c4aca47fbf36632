// The example examples/verify-capture in a real browser: files are dropped on the page, every frame gets its verdict.
import { zstdDecompressSync } from 'node:zlib'

import { buildPage } from '@avocet/example-verify-capture/build'
import { readFixture } from '@avocet/testing'
import { hasChromium, launchChromium, type PageServer, servePages } from '@avocet/testing/chromium'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

const isHere = hasChromium('the verifier')
const compressed = await readFixture('relay-capture/frames.bin.zst')
const documents = await readFixture('relay-capture/did_docs.json.zst')

type Given = { name: string; bytes: Uint8Array }
type Counts = Record<'accepted' | 'desynchronized' | 'refused' | 'ignored', number>

describe.skipIf(!isHere || compressed === null || documents === null)('the page', () => {
  let server: PageServer
  let browser: Browser
  let page: Page
  const faults: string[] = []
  const capture = compressed === null ? Buffer.alloc(0) : zstdDecompressSync(compressed)
  const keys = {
    name: 'did_docs.json',
    bytes: documents === null ? Buffer.alloc(0) : zstdDecompressSync(documents),
  }

  beforeAll(async () => {
    const files = await buildPage()
    server = await servePages(
      new Map([...files].map(([name, content]) => [name === 'index.html' ? '/' : `/${name}`, content])),
    )
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser.close()
    await server[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    faults.length = 0
    page = await browser.newPage()
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    await page.goto(server.origin)
  })
  afterEach(async () => {
    await page.close()
    if (faults.length > 0) throw new Error(faults.join('\n'))
  })

  /** Drops files on the page as a pointer does. */
  async function drop(...files: Given[]): Promise<void> {
    const given = files.map(({ name, bytes }) => ({ name, base64: Buffer.from(bytes).toString('base64') }))
    await page.evaluate((list) => {
      const transfer = new DataTransfer()
      for (const { name, base64 } of list) {
        const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
        transfer.items.add(new File([bytes], name))
      }
      const target = document.querySelector('#drop')!
      for (const type of ['dragover', 'drop']) {
        target.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }))
      }
    }, given)
  }

  const status = (): Promise<string> => page.locator('#status').innerText()
  const finished = (): Promise<void> => expect.poll(status, { timeout: 30_000 }).toMatch(/frames of .* in/)
  const counts = async (): Promise<Counts> => {
    const cells = await page
      .locator('[data-count]')
      .evaluateAll((elements) =>
        elements.map((element) => [element.getAttribute('data-count'), Number(element.textContent)]),
      )
    return Object.fromEntries(cells) as Counts
  }

  test('verifies every commit of a real capture', async () => {
    await drop(keys, { name: 'frames.bin', bytes: capture })
    await finished()
    expect(await counts()).toEqual({ accepted: 150, desynchronized: 0, refused: 0, ignored: 0 })
    expect(await page.locator('tbody tr').count()).toBe(150)
    expect(await page.locator('tbody tr:has-text("#commit")').count()).toBe(148)
    const account = await page.locator('tbody tr').first().locator('td').nth(3).innerText()
    expect(account).toMatch(/did:plc:[a-z2-7]{24}/)
  })

  test('shows what is wrong with a frame that was tampered with', async () => {
    const bytes = new Uint8Array(capture)
    // In the middle of the first frame: inside the CAR of a commit.
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
    bytes[4 + Math.floor(length / 2)]! ^= 1
    await drop({ name: 'frames.bin', bytes }, keys)
    await finished()
    const { accepted, refused, desynchronized } = await counts()
    expect([accepted, refused + desynchronized]).toEqual([149, 1])
    await page.locator('#filter').selectOption('others')
    const visible = page.locator('tbody tr:visible')
    expect(await visible.count()).toBe(1)
    expect(await visible.first().locator('td').nth(5).innerText()).toMatch(/refused|desynchronized/)
    expect((await visible.first().locator('td').last().innerText()).length).toBeGreaterThan(10)
  })

  test('says which accounts it has no document of', async () => {
    await drop({ name: 'frames.bin', bytes: capture })
    await finished()
    expect(await counts()).toMatchObject({ desynchronized: 148, refused: 0 })
    expect(await page.locator('tbody tr').first().innerText()).toContain('identity-unresolved')
    // The documents may come afterwards.
    await drop(keys)
    await expect.poll(async () => (await counts()).accepted, { timeout: 30_000 }).toBe(150)
  })

  test('says what a file is not', async () => {
    await drop({ name: 'photo.png', bytes: Buffer.from('\x89PNG not at all a capture') })
    await expect.poll(status).toMatch(/no capture/)
    await drop({ name: 'frames.bin', bytes: capture.subarray(0, capture.length - 5) })
    await expect.poll(status).toMatch(/ends inside a frame/)
    await drop({ name: 'other.json', bytes: Buffer.from('{"a":1}') })
    await expect.poll(status).toMatch(/ends inside a frame|no DID documents/)
  })

  test('unpacks what the browser can, and works without a pointer', async () => {
    const input = page.locator('#files')
    await input.focus()
    await input.setInputFiles([
      { name: 'frames.bin.zst', mimeType: 'application/zstd', buffer: Buffer.from(compressed ?? []) },
      { name: 'did_docs.json', mimeType: 'application/json', buffer: Buffer.from(keys.bytes) },
    ])
    const canUnpack = await page.evaluate(() => {
      try {
        return 'readable' in new DecompressionStream('zstd' as CompressionFormat)
      } catch {
        return false
      }
    })
    if (canUnpack) await finished()
    else await expect.poll(status).toMatch(/cannot unpack zstd/)
    if (canUnpack) expect((await counts()).accepted).toBe(150)
  })

  test('fits a phone', async () => {
    await page.setViewportSize({ width: 360, height: 740 })
    await drop(keys, { name: 'frames.bin', bytes: capture })
    await finished()
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    )
    expect(overflow).toBe(0)
  })
})
