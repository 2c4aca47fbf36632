// A thread that copies once and then hangs, in place of a disk that does, or that ends by an error when a test says so.
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { createCheckpointer, type Checkpointer } from '../src/checkpointer.ts'
import { openDatabase } from '../src/index.ts'

const threads = vi.hoisted((): { asked: number; emit(event: string, value: Error | null): boolean }[] => [])
vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: class extends EventEmitter {
    asked = 0
    constructor() {
      super()
      threads.push(this)
    }
    postMessage(): void {
      if (this.asked++ === 0) setImmediate(() => this.emit('message', null))
    }
    ref(): void {}
    unref(): void {}
    terminate(): Promise<number> {
      return Promise.resolve(0)
    }
  },
}))

const folder = mkdtempSync(join(tmpdir(), 'avocet-hanging-checkpoint-'))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => void vi.useRealTimers())

type Setup = {
  readonly raw: DatabaseSync
  readonly checkpointer: Checkpointer
  /** Makes the log so many pages longer, in one commit. */
  readonly grow: (pages: number) => Promise<void>
  readonly resumed: () => number
}

function open(name: string, prepare: (raw: DatabaseSync) => void = () => {}): Setup {
  const path = join(folder, name)
  const raw = new DatabaseSync(path)
  prepare(raw)
  raw.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0;
    CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB NOT NULL)`)
  const insert = raw.prepare('INSERT INTO item (body) VALUES (zeroblob(3900))')
  let resumed = 0
  const checkpointer = createCheckpointer(
    raw,
    path,
    () => resumed++,
    (cause) => expect.unreachable(cause.message),
  )
  const grow = async (pages: number): Promise<void> => {
    raw.exec('BEGIN')
    for (let i = 0; i < pages; i++) insert.run()
    raw.exec('COMMIT')
    checkpointer.committed()
    await turn()
    await turn()
  }
  return { raw, checkpointer, grow, resumed: () => resumed }
}

test('a copy that hangs holds writes for two seconds', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { raw, checkpointer, grow, resumed } = open('a.db')
  await grow(9100)
  expect(checkpointer.isHolding()).toBe(true)
  vi.advanceTimersByTime(1999)
  expect([resumed(), checkpointer.isHolding()]).toEqual([0, true])
  vi.advanceTimersByTime(1)
  expect([resumed(), checkpointer.isHolding()]).toEqual([1, false])
  checkpointer.close()
  raw.close()
})

test('a hold that is over leaves no timer, and an answer after it holds nothing', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { raw, checkpointer, grow, resumed } = open('over.db')
  await grow(9100)
  expect([checkpointer.isHolding(), vi.getTimerCount()]).toEqual([true, 1])
  const answer = (): unknown => threads.at(-1)!.emit('message', null)
  answer()
  expect([resumed(), checkpointer.isHolding(), vi.getTimerCount()]).toEqual([1, false, 0])
  answer()
  expect([resumed(), checkpointer.isHolding(), vi.getTimerCount()]).toEqual([1, false, 0])
  checkpointer.close()
  raw.close()
})

test('a hold ends with its database, which hears of no thread any more', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { raw, checkpointer, grow, resumed } = open('closed.db')
  await grow(9100)
  expect([checkpointer.isHolding(), vi.getTimerCount()]).toEqual([true, 1])
  checkpointer.close()
  expect([checkpointer.isHolding(), vi.getTimerCount()]).toEqual([false, 0])
  threads.at(-1)!.emit('message', null)
  threads.at(-1)!.emit('error', new Error('terminated'))
  expect([resumed(), checkpointer.isHolding(), vi.getTimerCount()]).toEqual([0, false, 0])
  raw.close()
})

test('a thread that ends while nothing is held resumes nothing', async () => {
  const { raw, checkpointer, grow, resumed } = open('copying.db')
  await grow(4100)
  await grow(4100)
  threads.at(-1)!.emit('error', new Error('out of memory'))
  expect([resumed(), checkpointer.isHolding()]).toEqual([0, false])
  checkpointer.close()
  raw.close()
})

test('a thread that ends by an error ends the hold, not the process, and no other is made', async () => {
  const { raw, checkpointer, grow, resumed } = open('b.db')
  await grow(9100)
  expect(checkpointer.isHolding()).toBe(true)
  const made = threads.length
  const { asked } = threads.at(-1)!
  threads.at(-1)!.emit('error', new Error('out of memory'))
  expect([resumed(), checkpointer.isHolding()]).toEqual([1, false])
  await grow(4100)
  expect([checkpointer.isHolding(), threads.length, threads.at(-1)!.asked]).toEqual([false, made, asked])
  checkpointer.close()
  raw.close()
})

test('what was asked for once is not asked for again before as much came after it', async () => {
  const { raw, checkpointer, grow } = open('c.db')
  await grow(4100)
  const thread = threads.at(-1)!
  expect(thread.asked).toBe(1)
  await grow(3000)
  expect(thread.asked).toBe(1)
  await grow(1100)
  expect(thread.asked).toBe(2)
  checkpointer.close()
  raw.close()
})

test('a copy that hangs is not asked for again, however long the log gets', async () => {
  const { raw, checkpointer, grow } = open('d.db')
  await grow(4100)
  const thread = threads.at(-1)!
  await grow(4100)
  expect(thread.asked).toBe(2)
  await grow(4100)
  expect(thread.asked).toBe(2)
  checkpointer.close()
  raw.close()
})

test.each([
  [8999, false],
  [9000, true],
])('a log of %i pages that was copied holds writes: %s', async (pages, holds) => {
  const { raw, checkpointer } = open(`pages-${pages}.db`)
  raw.exec(`CREATE TABLE one (n); INSERT INTO one VALUES (0); BEGIN;
    WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 8500)
      INSERT INTO item (body) SELECT zeroblob(3900) FROM i;
    COMMIT`)
  const look = raw.prepare('PRAGMA wal_checkpoint(NOOP)')
  // Each changes one page.
  for (let i = 0; i < 500 && look.get()!['log'] !== pages; i++) raw.exec('UPDATE one SET n = n + 1')
  expect(look.get()).toMatchObject({ log: pages })
  checkpointer.committed()
  await turn()
  await turn()
  expect(checkpointer.isHolding()).toBe(holds)
  checkpointer.close()
  raw.close()
})

test('who only reads has no log copied, however long it is', () => {
  const { raw } = open('e.db')
  raw.exec(`WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 4100)
    INSERT INTO item (body) SELECT zeroblob(3900) FROM i`)
  const made = threads.length
  {
    using db = openDatabase({ path: raw.location()!, readOnly: true })
    const count = (): unknown => db.prepare('SELECT count(*) AS n FROM item').get()
    expect(db.transaction(count)).toEqual({ n: 4100 })
  }
  expect(threads.length).toBe(made)
  raw.close()
})

describe('an SQLite that does not tell how long its log is', () => {
  const openOld = (name: string): Setup =>
    open(name, (raw) => raw.function('sqlite_version', { deterministic: true }, () => '3.50.4'))

  test('is asked for a copy by the rows that changed', async () => {
    const { raw, checkpointer, grow } = openOld('old-rows.db')
    const made = threads.length
    await grow(2499)
    expect(threads.length).toBe(made)
    await grow(1)
    expect([threads.length, threads.at(-1)!.asked]).toEqual([made + 1, 1])
    checkpointer.close()
    raw.close()
  })

  test('is asked for a copy by its commits', () => {
    const { raw, checkpointer } = openOld('old-commits.db')
    const made = threads.length
    for (let i = 0; i < 364; i++) checkpointer.committed()
    expect(threads.length).toBe(made)
    checkpointer.committed()
    expect([threads.length, threads.at(-1)!.asked]).toEqual([made + 1, 1])
    checkpointer.close()
    raw.close()
  })
})
