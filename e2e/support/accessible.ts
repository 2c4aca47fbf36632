// What keeps people out of a page who see, hear or move otherwise, or look at it on a phone.
import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** As far as it is used, in the page. */
interface Axe {
  run(): Promise<{ violations: readonly { id: string; nodes: readonly { html: string }[] }[] }>
}

/** A page on which nobody finds anything. */
export const ACCESSIBLE = { violations: [], tooWide: 0 }

/** What axe finds on the page, and by how many pixels it is wider than its screen. Its context has to bypass the page's policy for scripts. */
export async function judgeAccess(
  page: Page,
): Promise<{ violations: [rule: string, elements: string[]][]; tooWide: number }> {
  await page.addScriptTag({ content: axe.source })
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: Axe }).axe.run())
  return {
    violations: violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
    tooWide: await page.evaluate(() =>
      Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth),
    ),
  }
}
