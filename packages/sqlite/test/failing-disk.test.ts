import { closeSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { openDatabase, type Database } from '../src/index.ts'
import { testDisk, type TestDisk } from './disk.ts'

const eio = (): Error => Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

let folder: string
let path: string
let disk: TestDisk
let db: Database

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'avocet-sqlite-'))
  path = join(folder, 'x.db')
  disk = testDisk()
  db = openDatabase({ path, disk })
  db.raw.exec('CREATE TABLE t (k TEXT PRIMARY KEY) STRICT')
})
afterEach(() => {
  try {
    db.close()
  } catch {
    // A test that made the disk fail has said so.
  }
  rmSync(folder, { recursive: true })
})

const put = (k: string): unknown => db.prepare('INSERT INTO t VALUES (?)').run(k)
const keysOf = (handle: { prepare: Database['prepare'] }): unknown[] =>
  handle
    .prepare('SELECT k FROM t ORDER BY k')
    .all()
    .map((row) => row['k'])

/** A write and what became of it so far. */
function watched(k: string): { state: string; seen: string[]; settled: Promise<void> } {
  const result = { state: 'waiting', seen: [] as string[], settled: Promise.resolve() }
  result.settled = db
    .write(() => {
      put(k)
      db.afterCommit(() => result.seen.push('hook'))
    })
    .then(
      () => void (result.state = 'done'),
      (error: { code: string }) => void (result.state = error.code),
    )
  return result
}

it('tells nobody of a commit before the disk has it', async () => {
  disk.automatic = false
  const first = watched('a')
  await turn()
  expect([first.state, first.seen, disk.pending.length, db.pending()]).toEqual(['waiting', [], 1, 1])
  disk.pending[0]!.end(null)
  await first.settled
  expect([first.state, first.seen, db.pending()]).toEqual(['done', ['hook'], 0])
})

it('a commit made while a sync is under way waits for a sync of its own', async () => {
  disk.automatic = false
  const first = watched('a')
  await turn()
  const second = watched('b')
  await turn()
  expect(disk.pending).toHaveLength(1)
  disk.pending[0]!.end(null)
  await first.settled
  expect([second.state, second.seen, disk.pending.length]).toEqual(['waiting', [], 2])
  disk.pending[1]!.end(null)
  await second.settled
  expect(second.state).toBe('done')
})

// After a failed sync the system calls the pages clean: the next sync succeeds and proves nothing.
it('a failed sync fails the commits that queued behind it, although the next sync would succeed', async () => {
  disk.automatic = false
  const first = watched('a')
  await turn()
  const second = watched('b')
  await turn()
  const syncs = disk.syncs
  disk.pending[0]!.end(eio())
  await Promise.all([first.settled, second.settled])
  expect([first.state, second.state, first.seen, second.seen]).toEqual(['sync-failed', 'sync-failed', [], []])
  expect([disk.syncs, db.pending()]).toEqual([syncs, 0])
})

it('a failed sync refuses every later write, synchronous and queued, with its cause', async () => {
  disk.automatic = false
  const first = watched('a')
  await turn()
  disk.pending[0]!.end(eio())
  await first.settled
  disk.automatic = true
  const later = watched('b')
  await later.settled
  expect([later.state, later.seen]).toEqual(['sync-failed', []])
  expect(() => db.transaction(() => put('c'))).toThrow(
    expect.objectContaining({ code: 'sync-failed', cause: expect.objectContaining({ code: 'EIO' }) }),
  )
  expect(keysOf(db)).toEqual(['a'])
})

it('a synchronous transaction whose sync fails throws, runs no hook, and refuses what follows', async () => {
  const seen: string[] = []
  disk.next = eio()
  expect(() =>
    db.transaction(() => {
      put('a')
      db.afterCommit(() => seen.push('hook'))
    }),
  ).toThrow(expect.objectContaining({ code: 'sync-failed' }))
  await expect(db.write(() => put('b'))).rejects.toMatchObject({ code: 'sync-failed' })
  expect([seen, keysOf(db)]).toEqual([[], ['a']])
})

it('a sync under way that fails is not forgotten when a synchronous transaction overtook it', async () => {
  disk.automatic = false
  const first = watched('a')
  await turn()
  // The error went to the sync under way: the one on this thread succeeds.
  db.transaction(() => put('b'))
  disk.pending[0]!.end(eio())
  await first.settled
  await expect(db.write(() => put('c'))).rejects.toMatchObject({ code: 'sync-failed' })
})

it('a sync on the calling thread is told of errors apart from the one under way', async () => {
  disk.automatic = false
  void watched('a')
  await turn()
  const inFlight = disk.pending[0]!.fd
  const fds: number[] = []
  const { fdatasyncSync: sync } = disk
  Object.assign(disk, { fdatasyncSync: (fd: number) => (fds.push(fd), sync(fd)) })
  db.transaction(() => put('b'))
  expect(fds).toHaveLength(1)
  expect(fds[0]).not.toBe(inFlight)
  disk.pending[0]!.end(null)
})

it('opens the log when the database is opened: no descriptors left later is not a failed sync', async () => {
  const handles: number[] = []
  try {
    for (;;) handles.push(openSync('/dev/null', 'r'))
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('EMFILE')
  }
  const write = db.write(() => put('a'))
  await write.finally(() => {
    for (const fd of handles) closeSync(fd)
  })
  expect(keysOf(db)).toEqual(['a'])
})

// The pages a failed sync left behind may be dropped from memory at any moment; copied into the database they would
// overwrite good ones.
it('after a failed sync close copies nothing of the log into the database', async () => {
  await db.write(() => put('a'))
  disk.next = eio()
  expect(() => db.transaction(() => put('b'))).toThrow(expect.objectContaining({ code: 'sync-failed' }))
  const [before, log] = [statSync(path), statSync(`${path}-wal`)]
  expect(() => db.close()).toThrow(expect.objectContaining({ code: 'sync-failed' }))
  expect(statSync(`${path}-wal`).size).toBe(log.size)
  expect([statSync(path).size, statSync(path).mtimeMs]).toEqual([before.size, before.mtimeMs])
})

it('reopened, it has every acknowledged write, in order, and goes on', async () => {
  for (const k of ['a', 'b', 'c']) await db.write(() => put(k))
  disk.next = eio()
  expect(() => db.transaction(() => put('d'))).toThrow(expect.objectContaining({ code: 'sync-failed' }))
  expect(() => db.close()).toThrow(expect.objectContaining({ code: 'sync-failed' }))
  db = openDatabase({ path })
  // What failed may be there or not, what was acknowledged is.
  expect(keysOf(db).slice(0, 3)).toEqual(['a', 'b', 'c'])
  await db.write(() => put('e'))
  expect(keysOf(db)).toContain('e')
  expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
})

// The log an earlier process left may be in memory alone, and called clean: a sync of it proves nothing.
it('opening writes what an earlier process left in the log into the database', async () => {
  await db.write(() => put('a'))
  disk.next = eio()
  expect(() => db.transaction(() => put('b'))).toThrow(expect.objectContaining({ code: 'sync-failed' }))
  expect(() => db.close()).toThrow(expect.objectContaining({ code: 'sync-failed' }))
  db = openDatabase({ path })
  using alone = new DatabaseSync(`file:${path}?immutable=1`, { readOnly: true })
  expect(keysOf(alone as unknown as Database)).toEqual(['a', 'b'])
})

it('a full disk refuses the write alone; with room again the next one is kept', async () => {
  await db.write(() => put('a'))
  const { page_count: pages } = db.prepare('PRAGMA page_count').get() as { page_count: number }
  db.raw.exec(`PRAGMA max_page_count = ${pages}`)
  const big = 'x'.repeat(100_000)
  await expect(db.write(() => put(big))).rejects.toMatchObject({ errcode: 13 })
  // Of a shared transaction that SQLite rolled back nobody is told that it is there.
  const shared = await Promise.allSettled([
    db.write(() => put('b')),
    db.write(() => put(big)),
    db.write(() => put('c')),
  ])
  expect(shared.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(keysOf(db)).toEqual(['a'])
  db.raw.exec('PRAGMA max_page_count = 1000000')
  await db.write(() => put('d'))
  expect(keysOf(db)).toEqual(['a', 'd'])
})

it('a disk that refuses writes refuses each write by itself, and reads go on', async () => {
  await db.write(() => put('a'))
  db.raw.exec('PRAGMA query_only = ON')
  await expect(db.write(() => put('b'))).rejects.toMatchObject({ errcode: 8 })
  expect(() => db.transaction(() => put('c'))).toThrow(expect.objectContaining({ errcode: 8 }))
  expect(keysOf(db)).toEqual(['a'])
  db.raw.exec('PRAGMA query_only = OFF')
  await db.write(() => put('d'))
  expect(keysOf(db)).toEqual(['a', 'd'])
})

it('a handle whose sync failed is closed all the same', async () => {
  disk.automatic = false
  const write = watched('a')
  await turn()
  disk.pending[0]!.end(eio())
  await write.settled
  expect([write.state, db.raw.isOpen]).toEqual(['sync-failed', true])
  try {
    db.close()
  } catch {
    // It says again that the sync failed.
  }
  expect(db.raw.isOpen).toBe(false)
  // Only who is alone with a file may take it out of WAL mode.
  using alone = new DatabaseSync(path)
  expect(alone.prepare('PRAGMA journal_mode = DELETE').get()).toEqual({ journal_mode: 'delete' })
})
