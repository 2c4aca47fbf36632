// What ends with what.

import { verifySignature } from '@avocet/crypto'
import type { Source } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import { expect, test } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import { type Pipeline, startPipeline } from '../src/pipeline.ts'

/** Gives nothing, and ends when it is told to. */
const quiet = (onEnd: () => void = () => {}): Source => ({
  id: 'test',
  kind: 'relay',
  host: null,
  // oxlint-disable-next-line require-yield -- it has nothing to say
  async *frames({ signal }) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    onEnd()
  },
})
const startOn = (db: Database, source: Source): Pipeline =>
  startPipeline({
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

test('a pipeline whose upkeep fails reads no further', async () => {
  using db = openIndexDatabase(null)
  let ended = false
  const pipeline = startOn(
    db,
    quiet(() => {
      ended = true
    }),
  )
  db.raw.exec('DROP TABLE log_rows')
  await expect(pipeline.done).rejects.toThrow('no such table: log_rows')
  expect(ended).toBe(true)
})

test('a pipeline has not stopped while its upkeep writes', async () => {
  using db = openIndexDatabase(null)
  const written = Promise.withResolvers<void>()
  let writes = 0
  const slow: Database = {
    ...db,
    async write(work) {
      writes++
      await written.promise
      return db.write(work)
    },
  }
  const pipeline = startOn(slow, quiet())
  await expect.poll(() => writes, { timeout: 8000 }).toBe(1)
  const order: string[] = []
  const stopping = pipeline.stop().then(() => order.push('stopped'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  order.push('written')
  written.resolve()
  await stopping
  expect(order).toEqual(['written', 'stopped'])
})
