// Every page of owners, on a phone and on a desk: axe finds nothing that keeps people out, and no page is wider than its screen.
import { hasChromium } from '@avocet/testing/chromium'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { walkOwnerPages } from '../support/pds-pages.ts'
import { startStage, type Stage } from '../support/stock-clients/stage.ts'

/** What judges, in the page, whether people can use it who see, hear or move otherwise. */
interface Axe {
  run(): Promise<{ violations: readonly { id: string; nodes: readonly { html: string }[] }[] }>
}

const isHere = hasChromium('what people see of the PDS')

let stage: Stage
beforeAll(async () => {
  if (isHere) stage = await startStage()
})
afterAll(() => stage?.[Symbol.asyncDispose]())

async function judge(page: Page, name: string, width: number): Promise<void> {
  await page.addScriptTag({ content: axe.source })
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: Axe }).axe.run())
  expect(
    violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
    name,
  ).toEqual([])
  expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(width)
}

describe.skipIf(!isHere).each([
  [360, 'light'],
  [1280, 'dark'],
] as const)('at %i px, %s', (width, colorScheme) => {
  const newPage = async (): Promise<Page> => {
    // The policy of the pages lets no script in, that of axe neither.
    const context = await stage.newContext({
      viewport: { width, height: 740 },
      colorScheme,
      bypassCSP: true,
      serviceWorkers: 'block',
    })
    return context.newPage()
  }

  test('the pages of owners', async () => {
    const page = await newPage()
    const seen: string[] = []
    await walkOwnerPages(stage, page, `owner-${colorScheme}`, async (name) => {
      seen.push(name)
      await judge(page, name, width)
    })
    expect(seen).toEqual(
      expect.arrayContaining(['error', 'sign-up', 'reset', 'second-factor', 'sign-in', 'consent', 'account']),
    )
    await page.context().close()
  })
})
