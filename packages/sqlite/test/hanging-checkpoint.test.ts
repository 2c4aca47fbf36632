// A thread that copies once and then hangs, in place of a disk that does, or that ends by an error when a test says so.
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, expect, test, vi } from 'vitest'
import { createCheckpointer, type Checkpointer } from '../src/checkpointer.ts'

const threads = vi.hoisted((): { asked: number; emit(event: string, error: Error): boolean }[] => [])
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

type Setup = {
  readonly raw: DatabaseSync
  readonly checkpointer: Checkpointer
  /** Makes the log so many pages longer, in one commit. */
  readonly grow: (pages: number) => Promise<void>
  readonly resumed: () => number
}

function open(name: string): Setup {
  const path = join(folder, name)
  const raw = new DatabaseSync(path)
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
  try {
    const { raw, checkpointer, grow, resumed } = open('a.db')
    await grow(9100)
    expect(checkpointer.isHolding()).toBe(true)
    vi.advanceTimersByTime(1999)
    expect([resumed(), checkpointer.isHolding()]).toEqual([0, true])
    vi.advanceTimersByTime(1)
    expect([resumed(), checkpointer.isHolding()]).toEqual([1, false])
    checkpointer.close()
    raw.close()
  } finally {
    vi.useRealTimers()
  }
})

test('a thread that ends by an error ends the hold, not the process, and no other is made', async () => {
  const { raw, checkpointer, grow, resumed } = open('b.db')
  await grow(9100)
  expect(checkpointer.isHolding()).toBe(true)
  const made = threads.length
  threads.at(-1)!.emit('error', new Error('out of memory'))
  expect([resumed(), checkpointer.isHolding()]).toEqual([1, false])
  await grow(1)
  expect([checkpointer.isHolding(), threads.length]).toEqual([false, made])
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
