// Every page of owners, on a phone and on a desk: axe finds nothing that keeps people out, and no page is wider than its screen.
import { hasChromium } from '@avocet/testing/chromium'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ACCESSIBLE, judgeAccess } from '../support/accessible.ts'
import { walkOwnerPages } from '../support/pds-pages.ts'
import { startStage, type Stage } from '../support/stock-clients/stage.ts'

const isHere = hasChromium('what people see of the PDS')

let stage: Stage
beforeAll(async () => {
  if (isHere) stage = await startStage()
})
afterAll(() => stage?.[Symbol.asyncDispose]())

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
      expect(await judgeAccess(page), name).toEqual(ACCESSIBLE)
    })
    expect(seen).toEqual(
      expect.arrayContaining(['error', 'sign-up', 'reset', 'second-factor', 'sign-in', 'consent', 'account']),
    )
    await page.context().close()
  })
})
