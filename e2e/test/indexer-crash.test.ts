import { expect, test } from 'vitest'

import { crash } from '../crash/crash.ts'

// `npx pnpm --filter @avocet/e2e crash --kills 100` is the long form.
test(
  'an indexer killed at work, with two relays, two PDSes and a backfill: equal to the repos, record for record',
  { timeout: 400_000 },
  async () => {
    const figures = await crash({ kills: 4, seed: 7, old: 2, oldRecords: 400 })
    expect(figures.kills).toBe(4)
    expect(figures.records).toBeGreaterThan(800)
    expect(figures.resyncs).toBeGreaterThan(1)
    expect(figures.commits).toBeGreaterThan(40)
  },
)
