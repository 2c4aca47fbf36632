// What a database does at its bounds, and what it tells when something goes wrong.
import { fstatSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createWriteQueue, openDatabase, SqliteError, type Database } from '../src/index.ts'
import { createNoDurability, createWalDurability } from '../src/durability.ts'
import { beforeRun } from './before-run.ts'
import { testDisk, type TestDisk } from './disk.ts'

let folder: string
let path: string
let disk: TestDisk
let db: Database
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'avocet-sqlite-'))
  path = join(folder, 'deep', 'x.db')
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
const keys = (): unknown[] =>
  db
    .prepare('SELECT k FROM t ORDER BY rowid')
    .all()
    .map((row) => row['k'])
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const eio = (): Error => Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code

describe('an open database', () => {
  it('is in a folder for its owner alone, minds foreign keys, and waits for other processes', () => {
    expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o700)
    expect(db.prepare('PRAGMA foreign_keys').get()).toEqual({ foreign_keys: 1 })
    expect(db.prepare('PRAGMA busy_timeout').get()).toEqual({ timeout: 5000 })
  })

  it('keeps the 256 statements used last at least, 512 at most', () => {
    using other = openDatabase({ path: ':memory:' })
    const prepare = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => other.prepare(`SELECT ${from + i}`))
    const first = prepare(0, 256)
    expect(other.prepare('SELECT 0') === first[0]).toBe(true)
    prepare(256, 257)
    // Of the former generation, and from now on of this one.
    expect(other.prepare('SELECT 0') === first[0]).toBe(true)
    prepare(257, 512)
    expect(other.prepare('SELECT 0') === first[0]).toBe(true)
    expect(other.prepare('SELECT 1') === first[1]).toBe(false)
  })

  it('syncs nothing when the system alone is to be told', async () => {
    using other = openDatabase({ path: join(folder, 'normal.db'), synchronous: 'normal', disk })
    const before = disk.syncs
    other.raw.exec('CREATE TABLE t (k)')
    await other.write(() => other.prepare('INSERT INTO t VALUES (1)').run())
    other.transaction(() => other.prepare('INSERT INTO t VALUES (2)').run())
    expect(disk.syncs).toBe(before)
  })
})

it('a nested transaction that is done leaves no savepoint, which each later change would pay for', () => {
  db.transaction(() => {
    let opened = 0
    const end = beforeRun(db, 'SAVEPOINT s1', () => opened++)
    db.transaction(() => put('a'))
    end()
    expect(opened).toBe(1)
    expect(() => db.raw.exec('RELEASE s1')).toThrow('no such savepoint')
  })
  expect(keys()).toEqual(['a'])
})

describe('what is rolled back', () => {
  const failing = (seen: string[]) => (): void => {
    put('a')
    db.afterCommit(() => seen.push('never'))
    throw new Error('no')
  }

  it('leaves no hook for what comes next', async () => {
    const seen: string[] = []
    expect(() => db.transaction(failing(seen))).toThrow('no')
    db.transaction(() => put('b'))
    await expect(db.write(failing(seen))).rejects.toThrow('no')
    await db.write(() => put('c'))
    expect([seen, keys()]).toEqual([[], ['b', 'c']])
  })

  it('counts as pending no more', async () => {
    const seen: string[] = []
    const writes = [db.write(failing(seen)), db.write(() => put('b')), db.write(failing(seen))]
    expect(db.pending()).toBe(3)
    await Promise.allSettled(writes)
    expect(db.pending()).toBe(0)
  })

  it('is everything that shares a commit which SQLite refuses', async () => {
    const seen: string[] = []
    db.raw.exec('CREATE TABLE child (k TEXT REFERENCES t (k) DEFERRABLE INITIALLY DEFERRED) STRICT')
    const results = await Promise.allSettled([
      db.write(() => {
        put('a')
        db.afterCommit(() => seen.push('a'))
      }),
      db.write(() => db.prepare("INSERT INTO child VALUES ('nobody')").run()),
    ])
    expect(results).toMatchObject([
      { status: 'rejected', reason: { message: expect.stringContaining('FOREIGN KEY') } },
      { status: 'rejected', reason: { message: expect.stringContaining('FOREIGN KEY') } },
    ])
    await db.write(() => put('b'))
    expect([seen, keys()]).toEqual([[], ['b']])
  })

  it('is an async transaction, whose own failure nobody need hear of', async () => {
    const late = async (): Promise<void> => {
      put('a')
      await turn()
      throw new Error('late')
    }
    expect(() => db.transaction(late)).toThrow(expect.objectContaining({ code: 'async-transaction' }))
    await expect(db.write(late)).rejects.toMatchObject({ code: 'async-transaction' })
    await turn()
    await turn()
    expect(keys()).toEqual([])
  })
})

describe('queued writes', () => {
  it('keep their order when what is left of a slice waits beside newer ones', async () => {
    const order: number[] = []
    const slow = (n: number): void => {
      const end = performance.now() + 4
      while (performance.now() < end);
      order.push(n)
    }
    let later: Promise<void> | undefined
    const first = Array.from({ length: 8 }, (_, n) =>
      db.write(() => {
        if (n === 0) later = db.write(() => slow(99))
        slow(n)
      }),
    )
    await Promise.all(first)
    await later
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 99])
  })

  it('go on, one at a time, where only to begin takes longer than a slice', { timeout: 5000 }, async () => {
    beforeRun(db, 'BEGIN IMMEDIATE', () => {
      const end = performance.now() + 12
      while (performance.now() < end);
    })
    await Promise.all(['a', 'b', 'c'].map((k) => db.write(() => put(k))))
    expect(keys()).toEqual(['a', 'b', 'c'])
  })

  it('are made durable by close', async () => {
    disk.automatic = false
    let state = 'waiting'
    const write = db.write(() => put('a')).then(() => (state = 'done'))
    await turn()
    expect(state).toBe('waiting')
    db.close()
    await write
    expect(state).toBe('done')
  })
})

it('close is refused inside a transaction', () => {
  expect(() => db.transaction(() => db.close())).toThrow(expect.objectContaining({ code: 'no-transaction' }))
  expect(keys()).toEqual([])
})

it('the error of a hook that nobody looks after is thrown, after the others ran', async () => {
  const seen: unknown[] = []
  process.setUncaughtExceptionCaptureCallback((error) => void seen.push(error.message))
  try {
    db.transaction(() => {
      db.afterCommit(() => {
        throw new Error('hook')
      })
      db.afterCommit(() => seen.push('second ran'))
    })
    await turn()
  } finally {
    process.setUncaughtExceptionCaptureCallback(null)
  }
  expect(seen).toEqual(['second ran', 'hook'])
})

describe('a sync that fails', () => {
  it('inside of SQLite ends a handle that syncs nothing itself, too', async () => {
    using other = openDatabase({ path: join(folder, 'normal.db'), synchronous: 'normal', disk })
    other.raw.exec('CREATE TABLE t (k)')
    const add = (k: number) => () => other.prepare('INSERT INTO t VALUES (?)').run(k)
    const cause = Object.assign(new Error('disk I/O error'), { errcode: 1034 })
    const end = beforeRun(other, 'COMMIT', () => {
      throw cause
    })
    const refused = { code: 'sync-failed', cause }
    await expect(other.write(add(1))).rejects.toMatchObject(refused)
    end()
    await expect(other.write(add(2))).rejects.toMatchObject(refused)
    expect(() => other.transaction(add(3))).toThrow(expect.objectContaining(refused))
    expect(other.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 0 })
    expect(() => other.close()).toThrow(expect.objectContaining(refused))
  })

  it.each([1034, 1290])('inside of SQLite is one like any other (%i)', async (errcode) => {
    const end = beforeRun(db, 'COMMIT', () => {
      throw Object.assign(new Error('disk I/O error'), { errcode })
    })
    expect(() => db.transaction(() => put('a'))).toThrow(expect.objectContaining({ code: 'sync-failed' }))
    end()
    await expect(db.write(() => put('b'))).rejects.toMatchObject({ code: 'sync-failed', cause: { errcode } })
    expect(() => db.transaction(() => put('c'))).toThrow(expect.objectContaining({ code: 'sync-failed' }))
    expect(keys()).toEqual([])
  })

  it('keeps its cause, whatever fails after it', async () => {
    disk.automatic = false
    const write = db.write(() => put('a')).catch(codeOf)
    await turn()
    const first = eio()
    disk.next = first
    expect(() => db.transaction(() => put('b'))).toThrow(expect.objectContaining({ cause: first }))
    disk.pending[0]!.end(eio())
    expect(await write).toBe('sync-failed')
    const later: unknown = await db.write(() => put('c')).catch((error: unknown) => error)
    expect((later as Error).cause).toBe(first)
  })

  it('is told once, with its first cause, by a handle that syncs nothing itself', () => {
    let told = 0
    const durability = createNoDurability(path, () => told++)
    const cause = eio()
    const failure = durability.fail(cause)
    expect([failure.cause, told]).toEqual([cause, 1])
    expect([durability.fail(eio()), told]).toEqual([failure, 1])
    expect(() => durability.check()).toThrow(failure)
  })

  it('leaves nothing that could be durable', () => {
    const durability = createWalDurability(`${path}-wal`, disk)
    const cause = eio()
    const failure = durability.fail(cause)
    const told: unknown[] = []
    durability.wait({ done: () => told.push('done'), failed: (error) => told.push(error) })
    expect(told).toEqual([failure])
    for (const refused of [() => durability.check(), () => durability.flush()]) {
      expect(refused).toThrow(expect.objectContaining({ code: 'sync-failed', cause }))
    }
    durability.close()
  })

  it('fails who waits for the next one, too', async () => {
    disk.automatic = false
    const writes = [db.write(() => put('a')).catch(codeOf)]
    await turn()
    writes.push(db.write(() => put('b')).catch(codeOf))
    await turn()
    disk.next = eio()
    expect(() => db.transaction(() => put('c'))).toThrow(SqliteError)
    expect(await Promise.all(writes)).toEqual(['sync-failed', 'sync-failed'])
    disk.pending[0]!.end(null)
  })

  it('leaves the database file as it was, however long the log is', async () => {
    db.raw.exec('CREATE TABLE big (body BLOB)')
    const before = statSync(path)
    disk.next = eio()
    expect(() =>
      db.transaction(() => {
        for (let i = 0; i < 20; i++) db.prepare('INSERT INTO big VALUES (zeroblob(1000000))').run()
      }),
    ).toThrow(SqliteError)
    // Time for a thread to copy it back, if one did.
    await delay(1000)
    expect([statSync(path).size, statSync(path).mtimeMs]).toEqual([before.size, before.mtimeMs])
  })
})

it('a closed database is one file, without a log', async () => {
  await db.write(() => put('a'))
  expect(readdirSync(dirname(path)).toSorted()).toEqual(['x.db', 'x.db-shm', 'x.db-wal'])
  db.close()
  expect([db.raw.isOpen, readdirSync(dirname(path))]).toEqual([false, ['x.db']])
})

it('a closed database leaves no descriptor of its log open', async () => {
  const used = new Set<number>()
  const { fdatasync: aside, fdatasyncSync: here } = disk
  Object.assign(disk, {
    fdatasync: (fd: number, callback: (error: Error | null) => void) => (used.add(fd), aside(fd, callback)),
    fdatasyncSync: (fd: number) => (used.add(fd), here(fd)),
  })
  await db.write(() => put('a'))
  db.transaction(() => put('b'))
  db.close()
  expect(used.size).toBe(2)
  for (const fd of used) expect(() => fstatSync(fd)).toThrow('EBADF')
})

it('a sync under way has its descriptor to its end, and no longer', async () => {
  disk.automatic = false
  const write = db.write(() => put('a'))
  await turn()
  const { fd, end } = disk.pending[0]!
  db.close()
  await write
  expect(fstatSync(fd).isFile()).toBe(true)
  end(null)
  expect(() => fstatSync(fd)).toThrow('EBADF')
})

describe('the writes of one long job', () => {
  it('are three ahead of the disk and no more; the job is done when they are there', async () => {
    disk.automatic = false
    const queue = createWriteQueue(db)
    let ready = 0
    let done = false
    const job = (async () => {
      for (let i = 0; i < 6; i++) {
        await queue.add(() => void put(`${i}`))
        ready++
      }
      await queue.done()
      done = true
    })()
    await turn()
    await turn()
    expect([ready, done]).toEqual([3, false])
    for (let i = 0; i < 20; i++) {
      disk.pending.shift()?.end(null)
      await turn()
    }
    await job
    expect(keys()).toEqual(['0', '1', '2', '3', '4', '5'])
  })

  it('fail the job when one of them does, at the latest when it is done', async () => {
    const early = createWriteQueue(db, 1)
    await early.add(() => {
      throw new Error('first')
    })
    await turn()
    await turn()
    await expect(early.add(() => void put('a'))).rejects.toThrow('first')
    const late = createWriteQueue(db)
    await late.add(() => {
      throw new Error('second')
    })
    await expect(late.done()).rejects.toThrow('second')
  })
})
