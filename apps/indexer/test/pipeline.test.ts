// What ends with what.

import { verifySignature } from '@avocet/crypto'
import type { ResolveKey, Source } from '@avocet/firehose'
import { create, createWorld, frameOf, post } from '@avocet/firehose/conformance'
import type { Database } from '@avocet/sqlite'
import { expect, test } from 'vitest'
import { describeEnd, diskFailure } from '../src/database/failure.ts'
import { openIndexDatabase } from '../src/database/open.ts'
import { type Pipeline, startPipeline } from '../src/pipeline.ts'
import { ALL, openWanted } from '../src/sync/wanted.ts'

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
const startOn = (db: Database, source: Source, resolveKey: ResolveKey = async () => null): Pipeline =>
  startPipeline({
    db,
    sources: [source],
    resolveKey,
    verify: verifySignature,
    wanted: openWanted(db, ALL, Date.now),
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

test('an event that found no room is not passed over when there is room for its letter', async () => {
  const world = createWorld('no room')
  const account = world.createAccount()
  const frames: Uint8Array[] = []
  for (const [rkey, size] of [
    ['a', 100],
    ['b', 800_000],
    ['c', 100],
  ] as const) {
    const commit = await world.commit(account, [create(rkey, post(rkey, size))])
    frames.push(frameOf('#commit', world.event(commit), frames.length + 1))
  }
  const stream: Source = {
    id: 'test',
    kind: 'relay',
    host: null,
    async *frames({ cursor, signal }) {
      yield* frames.slice(cursor() ?? 0)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
  }
  const { published, pds, handle } = account
  const known: ResolveKey = async () => ({ key: published.publicKey, pds, handle })
  const count = (db: Database, table: string): unknown =>
    db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!['n']

  using db = openIndexDatabase(null)
  // As a full disk does: what is small still fits.
  const pages = Number(db.raw.prepare('PRAGMA page_count').get()!['page_count'])
  db.raw.exec(`PRAGMA max_page_count = ${pages + 30}`)
  const full = startOn(db, stream, known)
  const failure = await full.done.then(
    () => null,
    (error: unknown) => error,
  )
  expect(diskFailure(failure)).toEqual({
    what: 'the disk is full',
    next: 'Make room there and start it again',
  })
  expect([count(db, 'record_list'), count(db, 'dead_letters')]).toEqual([1, 0])

  db.raw.exec('PRAGMA max_page_count = 100000')
  const roomy = startOn(db, stream, known)
  await expect.poll(() => count(db, 'record_list'), { timeout: 8000 }).toBe(3)
  await roomy.stop()
  expect(count(db, 'dead_letters')).toBe(0)
})

test.each([
  [{ errcode: 13 }, 'The disk is full: /data. Make room there'],
  // SQLITE_IOERR_WRITE
  [{ errcode: 778 }, 'The disk refuses to read or write: /data. See to the disk'],
  [{ errcode: 8 }, 'The disk is read-only: /data. Mount it for writing'],
  [{ code: 'ENOSPC' }, 'The disk is full: /data. Make room there'],
  [{ code: 'EDQUOT' }, 'The disk quota is used up: /data. Make room there'],
])('the end of a run in words: %j', (cause, words) => {
  const error = new Error('state could not be saved', {
    cause: new Error('x', { cause: Object.assign(new Error(), cause) }),
  })
  expect(describeEnd(error, '/data')).toMatchObject({
    code: 'disk-failed',
    message: `${words} and start it again: it goes on where it stopped`,
    cause: error,
  })
  expect(describeEnd(new Error('else'), '/data')).toMatchObject({ message: 'else' })
})
