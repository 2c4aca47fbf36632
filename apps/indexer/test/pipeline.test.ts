// What ends with what.

import { verifySignature } from '@avocet/crypto'
import type { Source } from '@avocet/firehose'
import { expect, test } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import { startPipeline } from '../src/pipeline.ts'

test('a pipeline whose upkeep fails reads no further', async () => {
  using db = openIndexDatabase(null)
  let ended = false
  const source: Source = {
    id: 'test',
    kind: 'relay',
    host: null,
    // oxlint-disable-next-line require-yield -- it has nothing to say
    async *frames({ signal }) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      ended = true
    },
  }
  const pipeline = startPipeline({
    db,
    sources: [source],
    resolveKey: () => Promise.resolve(null),
    verify: verifySignature,
    collections: null,
    resync: null,
    logRetentionMs: 1000,
    workers: 0,
    onNotice: () => {},
    now: Date.now,
  })
  db.raw.exec('DROP TABLE log_rows')
  await expect(pipeline.done).rejects.toThrow('no such table: log_rows')
  expect(ended).toBe(true)
})
