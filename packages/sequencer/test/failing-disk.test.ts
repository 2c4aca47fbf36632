import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openDatabase, type Disk } from '@avocet/sqlite'
import { expect, it } from 'vitest'

import { createSequencer } from '../src/sequencer.ts'
import { openEventLog } from '../src/sqlite.ts'
import { event } from './log-conformance.ts'

type End = (error: Error | null) => void

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const eio = (): Error => Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })

it('an event of a commit that the disk refused is never sent; after a restart numbers go on in order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-log-'))
  const path = join(folder, 'log.sqlite')
  const pending: End[] = []
  let held = false
  const disk: Disk = {
    fdatasync: (_fd, callback) => void (held ? pending.push(callback) : setImmediate(callback, null)),
    fdatasyncSync: () => {},
  }
  const db = openDatabase({ path, disk })
  const log = openEventLog(db)
  const sequencer = createSequencer({ log, retention: { everyMs: 0 } })
  const abort = new AbortController()
  const seen: (number | null)[] = []
  const reading = (async () => {
    for await (const { seq } of sequencer.events(0, abort.signal)) seen.push(seq)
  })()
  const append = (n: number): Promise<number> => db.write(() => log.append(db, event('did:a:1', n)))
  await append(1)
  held = true
  const [second, third] = [append(2), turn().then(() => append(3))]
  const outcomes = Promise.allSettled([second, third])
  await turn()
  await turn()
  // Committed, and not on the disk: neither readers nor the newest number show it.
  expect([log.bounds().newest, seen]).toEqual([1, [1]])
  pending[0]!(eio())
  expect((await outcomes).map((outcome) => (outcome as PromiseRejectedResult).reason?.code)).toEqual([
    'sync-failed',
    'sync-failed',
  ])
  await expect(append(4)).rejects.toMatchObject({ code: 'sync-failed' })
  await turn()
  expect([log.bounds().newest, seen, log.read(0, { count: 9, bytes: 1e6 }).length]).toEqual([1, [1], 1])
  await expect(sequencer.prune()).rejects.toMatchObject({ code: 'sync-failed' })
  abort.abort()
  await reading
  await sequencer.close()
  expect(() => db.close()).toThrow(expect.objectContaining({ code: 'sync-failed' }))

  using again = openDatabase({ path })
  const reopened = openEventLog(again)
  const next = await again.write(() => reopened.append(again, event('did:a:1', 5)))
  const numbers = reopened.read(0, { count: 9, bytes: 1e6 }).map(({ seq }) => seq)
  // What failed may be there or not: with one number each, below those that follow.
  expect(numbers).toEqual(Array.from({ length: next }, (_, i) => i + 1))
  expect(numbers[0]).toBe(1)
  rmSync(folder, { recursive: true })
})

it('a clock that jumps back prunes nothing younger, one that jumps ahead keeps order', async () => {
  using db = openDatabase({ path: ':memory:' })
  const year = 365 * 24 * 3_600_000
  let now = 10 * year
  const log = openEventLog(db, { now: () => now })
  const sequencer = createSequencer({ log, now: () => now, retention: { maxAgeMs: 1000, everyMs: 0 } })
  const append = (n: number): Promise<number> => db.write(() => log.append(db, event('did:a:1', n)))
  const first = await append(1)
  now -= year
  expect(await sequencer.prune()).toBe(0)
  const second = await append(2)
  now += 2 * year
  const third = await append(3)
  expect([first, second, third]).toEqual([1, 2, 3])
  // By now the two before are older than the window, however they were stamped.
  expect(await sequencer.prune()).toBe(2)
  expect(log.read(0, { count: 9, bytes: 1e6 }).map(({ seq }) => seq)).toEqual([3])
  await sequencer.close()
})
