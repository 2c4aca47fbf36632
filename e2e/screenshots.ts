// Takes the pictures of the pages that the READMEs of PDS and indexer show, anew:
//   npx pnpm --filter @avocet/e2e screenshots [pds|indexer]
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { hasChromium } from '@avocet/testing/chromium'

import type { Page } from 'playwright-core'

import { toPalette } from './support/palette.ts'
import { POSTS, startIndexerStage } from './support/indexer-stage.ts'
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
const [only] = process.argv.slice(2)
for (const { name: view, width, height, colorScheme } of only === 'indexer' ? [] : VIEWS) {
  await using stage = await startStage({ adminPassword: ADMIN_PASSWORD, serviceName: 'Saltmarsh' })
  const context = await stage.newContext({ viewport: { width, height }, colorScheme })
  const page = await context.newPage()
  const look = async (name: string): Promise<void> => {
    if (SHOWN.includes(name)) await keep(page, `pds-${name}-${view}.png`)
  }
  await walkOwnerPages(stage, page, 'ada', look)
  await walkAdminPages(stage, page, 'ada.good.example.com', look)
}
if (only !== 'pds') await lookAtIndexer()

async function lookAtIndexer(): Promise<void> {
  await using shore = await startIndexerStage(POSTS)
  for (const [index, person] of shore.people.entries()) {
    const friend = shore.people[(index + 1) % shore.people.length]!
    await shore.write(person, 'app.bsky.graph.follow', { subject: friend.did })
    await shore.write(person, 'app.bsky.feed.like', { subject: shore.posts[0] })
  }
  const first = `/#/at/${shore.posts[0]!.uri.slice(5)}`
  const [phone, desk] = VIEWS
  for (const [name, path, { name: view, width, height, colorScheme }] of [
    ['overview', '/', desk],
    ['record', first, phone],
  ] as const) {
    const { page, done } = await shore.open({ viewport: { width, height }, colorScheme }, path)
    // Figures, rates and rows come within the first seconds.
    await page.waitForTimeout(4000)
    await keep(page, `indexer-${name}-${view}.png`)
    await done()
  }
}

async function keep(page: Page, name: string): Promise<void> {
  const path = join(FOLDER, name)
  const picture = toPalette(await page.screenshot({ animations: 'disabled', caret: 'hide' }))
  console.log(`${path} ${picture.length} B`)
  if (picture.length > MAX_BYTES) throw new Error(`a picture of more than ${MAX_BYTES} B: ${path}`)
  writeFileSync(path, picture)
}
