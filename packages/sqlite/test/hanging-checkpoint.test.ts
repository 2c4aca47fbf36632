// A thread that copies once and then hangs, in place of a disk that does.
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, expect, test, vi } from 'vitest'
import { createCheckpointer } from '../src/checkpointer.ts'

vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: class extends EventEmitter {
    #asked = 0
    postMessage(): void {
      if (this.#asked++ === 0) setImmediate(() => this.emit('message', null))
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

test('a copy that hangs holds writes for two seconds', async () => {
  const path = join(folder, 'a.db')
  using raw = new DatabaseSync(path)
  raw.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0;
    CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB NOT NULL)`)
  const insert = raw.prepare('INSERT INTO item (body) VALUES (zeroblob(3900))')
  raw.exec('BEGIN')
  for (let i = 0; i < 9100; i++) insert.run()
  raw.exec('COMMIT')
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    let resumed = 0
    const checkpointer = createCheckpointer(
      raw,
      path,
      () => resumed++,
      (cause) => expect.unreachable(cause.message),
    )
    checkpointer.committed()
    await turn()
    await turn()
    expect(checkpointer.isHolding()).toBe(true)
    vi.advanceTimersByTime(1999)
    expect([resumed, checkpointer.isHolding()]).toEqual([0, true])
    vi.advanceTimersByTime(1)
    expect([resumed, checkpointer.isHolding()]).toEqual([1, false])
    checkpointer.close()
  } finally {
    vi.useRealTimers()
  }
})
