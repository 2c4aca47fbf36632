import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterAll, expect, it, onTestFinished, vi } from 'vitest'
import { createCheckpointer, tellsLogLength } from '../src/checkpointer.ts'
import { openDatabase } from '../src/index.ts'
import { testDisk } from './disk.ts'
import { holdWrite } from './hold-write.ts'

const HELD_WRITER = fileURLToPath(new URL('held-writer.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'avocet-checkpoints-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Writes `count` rows of 400 bytes, 250 in each transaction, several transactions at a time. */
async function fill(path: string, count: number): Promise<number> {
  using db = openDatabase({ path })
  db.raw.exec('CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, body BLOB NOT NULL)')
  const insert = db.prepare('INSERT INTO item (body) VALUES (?)')
  const body = Buffer.alloc(400, 7)
  let longest = 0
  const write = async (): Promise<void> => {
    await db.write(() => {
      for (let i = 0; i < 250; i++) insert.run(body)
    })
    longest = Math.max(longest, statSync(`${path}-wal`).size)
  }
  const writers = Array.from({ length: 3 }, async () => {
    for (let i = 0; i < count / 750; i++) await write()
  })
  await Promise.all(writers)
  expect(db.prepare('SELECT count(*) AS n FROM item').get()).toEqual({ n: count })
  return longest
}

// Tried again, since a machine that is busy with other things may starve the thread that copies the log back.
it('keeps the log short while several write on and on, and loses nothing', { retry: 2 }, async () => {
  const path = join(mkdtempSync(join(folder, 'a-')), 'a.db')
  // 75 MB; SQLite itself would copy the log back at 64 MB only.
  expect(await fill(path, 150_000)).toBeLessThan(60e6)
  using db = openDatabase({ path, readOnly: true })
  expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
  expect(db.prepare('SELECT count(*) AS n FROM item').get()).toEqual({ n: 150_000 })
})

it('does not bring back a database that was closed and deleted', async () => {
  const path = join(folder, 'b.db')
  // Enough for a thread to be there.
  await fill(path, 45_000)
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(() => statSync(path)).toThrow('ENOENT')
})

/** What the thread that copies answers when it is asked to. It lives as long as the test. */
async function copy(path: string): Promise<unknown[]> {
  const file = new URL('../src/checkpoint-worker.ts', import.meta.url)
  const thread = new Worker(file, { workerData: path, execArgv: [] })
  onTestFinished(async () => void (await thread.terminate()))
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  thread.postMessage(null)
  return once(thread, 'message')
}

it('the thread that copies makes no file that is gone', async () => {
  const path = join(folder, 'gone.db')
  expect(await copy(path)).toEqual([{ errcode: 14, message: 'unable to open database file' }])
  expect(() => statSync(path)).toThrow('ENOENT')
})

it('the thread that copies copies all, and leaves no handle open', async () => {
  const path = join(folder, 'copied.db')
  using raw = new DatabaseSync(path)
  raw.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE item (id INTEGER)')
  const look = raw.prepare('PRAGMA wal_checkpoint(NOOP)')
  expect(look.get()).toEqual({ busy: 0, log: 2, checkpointed: 0 })
  expect(await copy(path)).toEqual([null])
  expect(look.get()).toEqual({ busy: 0, log: 2, checkpointed: 2 })
  // Only who is alone with a file may take it out of WAL mode.
  expect(raw.prepare('PRAGMA journal_mode = DELETE').get()).toEqual({ journal_mode: 'delete' })
})

it('holds writes for a long log only, and no longer than the copy takes', { timeout: 40_000 }, async () => {
  const path = join(mkdtempSync(join(folder, 'c-')), 'c.db')
  using raw = new DatabaseSync(path)
  raw.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0;
    CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB NOT NULL)`)
  // Who reads keeps the log from starting over.
  using reader = new DatabaseSync(path)
  reader.exec('BEGIN; SELECT count(*) FROM item')
  let holds = 0
  const checkpointer = createCheckpointer(
    raw,
    path,
    () => holds++,
    (cause) => expect.unreachable(cause.message),
  )
  const insert = raw.prepare('INSERT INTO item (body) VALUES (zeroblob(3900))')
  const grow = (): void => {
    raw.exec('BEGIN')
    for (let i = 0; i < 4100; i++) insert.run()
    raw.exec('COMMIT')
    checkpointer.committed()
  }
  grow()
  await delay(500)
  grow()
  await delay(500)
  expect(holds).toBe(0)
  // The longest time of a hold never comes: only the end of the copy can end it.
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  grow()
  // A hold may be over before anybody sees it: that it was there is told when it ends.
  const until = performance.now() + 20_000
  const isOver = (): boolean => holds > 0 || performance.now() >= until
  while (!isOver()) await new Promise((resolve) => setImmediate(resolve))
  expect(holds).toBe(1)
  expect(checkpointer.isHolding()).toBe(false)
  checkpointer.close()
})

it('copies a log back that started over when it was copied', async () => {
  const path = join(mkdtempSync(join(folder, 'f-')), 'f.db')
  using raw = new DatabaseSync(path)
  raw.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0;
    CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB NOT NULL)`)
  const checkpointer = createCheckpointer(
    raw,
    path,
    () => {},
    (cause) => expect.unreachable(cause.message),
  )
  const insert = raw.prepare('INSERT INTO item (body) VALUES (zeroblob(3900))')
  const look = raw.prepare('PRAGMA wal_checkpoint(NOOP)')
  for (let round = 0; round < 2; round++) {
    for (const rows of [100, 4000]) {
      raw.exec('BEGIN')
      for (let i = 0; i < rows; i++) insert.run()
      raw.exec('COMMIT')
      // A short log is looked at every ninth commit.
      for (let i = 0; i < 9; i++) checkpointer.committed()
    }
    const { log } = look.get()!
    expect(log).toBeLessThan(5000)
    await expect.poll(() => look.get()!['checkpointed'], { timeout: 10_000 }).toBe(log)
    // The thread may have its lock a moment longer: the log starts over with the first write after that.
    const written = (): unknown => (insert.run(), look.get()!['log'])
    await expect.poll(written, { timeout: 10_000 }).toBeLessThan(100)
  }
  checkpointer.close()
})

const has = (path: string, body: string): boolean => {
  using db = openDatabase({ path, readOnly: true })
  return db.prepare('SELECT 1 FROM item WHERE body = ?').get(body) !== undefined
}

// Tried again, since the hold may be over before anything comes into it.
it('a disk that fails while writes are held refuses them', { retry: 2 }, async () => {
  const path = join(mkdtempSync(join(folder, 'd-')), 'd.db')
  const disk = testDisk()
  const db = openDatabase({ path, disk })
  const { done } = await holdWrite(db)
  disk.next = new Error('EIO: i/o error, fdatasync')
  expect(() => db.transaction(() => db.raw.exec("INSERT INTO item (body) VALUES ('x')"))).toThrow(
    expect.objectContaining({ code: 'sync-failed' }),
  )
  await expect(Promise.race([done, delay(3000)])).rejects.toMatchObject({ code: 'sync-failed' })
  expect(() => db.close()).toThrow(expect.objectContaining({ code: 'sync-failed' }))
})

// Tried again, as above.
it('a write that is held when the database is closed is done', { retry: 2 }, async () => {
  const path = join(mkdtempSync(join(folder, 'e-')), 'e.db')
  const db = openDatabase({ path })
  const { done, body } = await holdWrite(db)
  expect(has(path, body)).toBe(false)
  db.close()
  await done
  expect(has(path, body)).toBe(true)
})

// Tried again, as above.
it(
  'a write that is held when a process has nothing else to do is done before it ends',
  { retry: 2 },
  async () => {
    const path = join(mkdtempSync(join(folder, 'g-')), 'g.db')
    const child = spawn(process.execPath, [HELD_WRITER, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill())
    let body = ''
    child.stdout.on('data', (chunk: Buffer) => (body += chunk.toString()))
    expect(await once(child, 'close')).toEqual([0, null])
    expect(body).toMatch(/^write \d+\n$/)
    expect(has(path, body.trim())).toBe(true)
  },
)

it.each([
  ['2.99.0', false],
  ['3.50.4', false],
  ['3.51.0', true],
  ['3.53.4', true],
  ['4.0.0', true],
])('SQLite %s tells how long its log is: %s', (version, tells) => {
  expect(tellsLogLength(version)).toBe(tells)
})
