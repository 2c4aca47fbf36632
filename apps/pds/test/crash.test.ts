import { expect, test } from 'vitest'

import { crash } from './crash/crash.ts'

// `npx pnpm --filter @avocet/pds crash --kills 100` is the long form.
test('kill -9 at work: all that was acknowledged is there, with its event, and nothing half done', async () => {
  const figures = await crash({ kills: 3, seed: 7, writers: 1, movers: 1 })
  expect(figures.kills).toBe(3)
  expect(figures.events).toBeGreaterThan(10)
}, 240_000)
