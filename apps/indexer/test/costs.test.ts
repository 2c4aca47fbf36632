// No frame, export or request costs more than a quarter of a second of the event loop, 64 MiB of heap or three times its bytes on disk. A
// short run with a seed of its own; `npx pnpm --filter @avocet/indexer costs` is the long one.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('frames and exports made to be costly', { timeout: 300_000 }, async () => {
  const cli = join(import.meta.dirname, '../costs/cli.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    cli,
    '--frames=1000',
    '--exports=100',
    '--seed=26',
  ])
  const tally = JSON.parse(stdout) as Record<string, number>
  expect(tally['findings']).toBe(0)
  // Most are as they should be, so that it is content that costs.
  expect(tally['accepted']).toBeGreaterThan(500)
  expect(tally['read']).toBeGreaterThan(80)
  expect(tally['queries']).toBeGreaterThan(300)
})
