// Takes the pictures of the PDS's pages that its README shows, anew:
//   npx pnpm --filter @avocet/e2e screenshots
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { hasChromium } from '@avocet/testing/chromium'

import { toPalette } from './support/palette.ts'
import { ADMIN_PASSWORD, walkAdminPages, walkOwnerPages } from './support/pds-pages.ts'
import { startStage } from './support/stock-clients/stage.ts'

const FOLDER = join(import.meta.dirname, '../docs/images')
const SHOWN = ['sign-in', 'second-factor', 'consent', 'accounts', 'account-apps', 'account-factors', 'admin']
const VIEWS = [
  { name: 'phone', width: 360, height: 740, colorScheme: 'light' },
  { name: 'desk', width: 1280, height: 800, colorScheme: 'dark' },
] as const
const MAX_BYTES = 60_000

if (!hasChromium('what the README shows')) process.exit(1)
mkdirSync(FOLDER, { recursive: true })
for (const { name: view, width, height, colorScheme } of VIEWS) {
  await using stage = await startStage({ adminPassword: ADMIN_PASSWORD, serviceName: 'Saltmarsh' })
  const context = await stage.newContext({ viewport: { width, height }, colorScheme })
  const page = await context.newPage()
  const look = async (name: string): Promise<void> => {
    if (!SHOWN.includes(name)) return
    const path = join(FOLDER, `pds-${name}-${view}.png`)
    const picture = toPalette(await page.screenshot({ animations: 'disabled', caret: 'hide' }))
    console.log(`${path} ${picture.length} B`)
    if (picture.length > MAX_BYTES) throw new Error(`a picture of more than ${MAX_BYTES} B: ${path}`)
    writeFileSync(path, picture)
  }
  await walkOwnerPages(stage, page, 'ada', look)
  await walkAdminPages(stage, page, 'ada.good.example.com', look)
}
