import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase, type Database } from '../src/database.ts'
import { beforeRun } from './before-run.ts'

let folder: string
let db: Database

describe.each(['file', 'memory'])('%s database', (kind) => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'avocet-sqlite-'))
    db = openDatabase({ path: kind === 'file' ? join(folder, 'deep/er/test.db') : ':memory:' })
    db.raw.exec('CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER) STRICT')
  })
  afterEach(() => {
    db.close()
    rmSync(folder, { recursive: true })
  })

  const put = (k: string, v = 1): void => {
    db.prepare('INSERT INTO t VALUES (?, ?)').run(k, v)
  }
  const keys = (): unknown[] =>
    db
      .prepare('SELECT k FROM t ORDER BY k')
      .all()
      .map((row) => row['k'])

  it('commits, returns the result, keeps prepared statements', () => {
    expect(db.transaction(() => (put('a'), 7))).toBe(7)
    expect(keys()).toEqual(['a'])
    expect(db.prepare('SELECT 1')).toBe(db.prepare('SELECT 1'))
  })

  it('reads on one state, inside and outside of transactions, and leaves none open', () => {
    put('a')
    expect(db.read(() => [keys(), db.raw.isTransaction])).toEqual([['a'], true])
    expect(db.raw.isTransaction).toBe(false)
    expect(db.transaction(() => (put('b'), db.read(keys)))).toEqual(['a', 'b'])
    expect(() =>
      db.read(() => {
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(() => db.read(async () => keys())).toThrow(expect.objectContaining({ code: 'async-transaction' }))
    expect(db.raw.isTransaction).toBe(false)
  })

  it('shares a transaction only as long as that holds nobody up, and keeps the order', async () => {
    let commits = 0
    beforeRun(db, 'COMMIT', () => commits++)
    const order: number[] = []
    const slow = (n: number): void => {
      const end = performance.now() + 4
      while (performance.now() < end);
      put(`${n}`)
      order.push(n)
    }
    await Promise.all(Array.from({ length: 12 }, (_, n) => db.write(() => slow(n))))
    expect(order).toEqual(Array.from({ length: 12 }, (_, n) => n))
    expect(keys()).toHaveLength(12)
    // Three of them are 12 ms; a busy machine commits earlier.
    expect(commits).toBeGreaterThanOrEqual(4)
  })

  it('runs all that is queued when it is closed, in whatever many transactions', async () => {
    const slow = (n: number): void => {
      const end = performance.now() + 4
      while (performance.now() < end);
      put(`${n}`)
    }
    const writes = Promise.all(Array.from({ length: 12 }, (_, n) => db.write(() => slow(n))))
    db.close()
    await expect(writes).resolves.toHaveLength(12)
  })

  it('rolls back on a throw; a nested transaction rolls back alone', () => {
    expect(() =>
      db.transaction(() => {
        put('a')
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(keys()).toEqual([])
    db.transaction(() => {
      put('a')
      expect(() =>
        db.transaction(() => {
          put('b')
          throw new Error('inner')
        }),
      ).toThrow('inner')
      put('c')
    })
    expect(keys()).toEqual(['a', 'c'])
  })

  it('refuses an async transaction function and undoes it', async () => {
    expect(() => db.transaction(async () => put('a'))).toThrow(
      expect.objectContaining({ code: 'async-transaction' }),
    )
    await expect(db.write(async () => put('a'))).rejects.toMatchObject({ code: 'async-transaction' })
    db.transaction(() => {
      put('b')
      expect(() => db.transaction(async () => put('a'))).toThrow(
        expect.objectContaining({ code: 'async-transaction' }),
      )
    })
    expect(keys()).toEqual(['b'])
  })

  it('groups writes; a failing one takes only itself back', async () => {
    let commits = 0
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) =>
        db.write(() => {
          put(`k${i % 90}`, i)
          if (i === 0) db.afterCommit(() => commits++)
          return i
        }),
      ),
    )
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(90)
    expect(results[89]).toEqual({ status: 'fulfilled', value: 89 })
    expect(results[90]?.status).toBe('rejected')
    expect(keys()).toHaveLength(90)
    expect(commits).toBe(1)
  })

  it('runs hooks after the commit, in order, before the promise, and forgets those rolled back', async () => {
    const seen: string[] = []
    const first = db
      .write(() => {
        put('a')
        db.afterCommit(() => seen.push(`hook a inTransaction=${db.raw.isTransaction}`))
        expect(() =>
          db.transaction(() => {
            db.afterCommit(() => seen.push('never'))
            throw new Error('inner')
          }),
        ).toThrow('inner')
      })
      .then(() => seen.push('a resolved'))
    const second = db
      .write(() => {
        db.afterCommit(() => seen.push('never'))
        throw new Error('outer')
      })
      .catch(() => {})
    const third = db.write(() => db.afterCommit(() => seen.push('hook c')))
    await Promise.all([first, second, third])
    expect(seen).toEqual(['hook a inTransaction=false', 'hook c', 'a resolved'])
    expect(() => db.afterCommit(() => {})).toThrow(expect.objectContaining({ code: 'no-transaction' }))
  })

  it('keeps hook order when a synchronous transaction overtakes a pending sync', async () => {
    const seen: string[] = []
    const write = db.write(() => db.afterCommit(() => seen.push('write')))
    await new Promise((resolve) => setImmediate(resolve))
    db.transaction(() => db.afterCommit(() => seen.push('transaction')))
    expect(seen).toEqual(['write', 'transaction'])
    await write
    expect(seen).toEqual(['write', 'transaction'])
  })

  it('finishes queued writes on close and refuses later ones', async () => {
    const pending = db.write(() => put('a'))
    db.close()
    await pending
    await expect(db.write(() => {})).rejects.toMatchObject({ code: 'closed' })
    expect(() => db.transaction(() => {})).toThrow(expect.objectContaining({ code: 'closed' }))
  })

  it('hands the error of a hook to onHookError and goes on', () => {
    const errors: unknown[] = []
    using other = openDatabase({ path: ':memory:', onHookError: (error) => errors.push(error) })
    other.transaction(() => {
      other.afterCommit(() => {
        throw new Error('hook')
      })
      other.afterCommit(() => errors.push('second ran'))
    })
    expect(errors).toEqual([new Error('hook'), 'second ran'])
  })
})

it('has on disk what close finished', async () => {
  const path = mkdtempSync(join(tmpdir(), 'avocet-sqlite-'))
  const first = openDatabase({ path: join(path, 'x.db') })
  first.raw.exec('CREATE TABLE t (k TEXT PRIMARY KEY)')
  const pending = first.write(() => first.prepare("INSERT INTO t VALUES ('a')").run())
  first.close()
  await pending
  using again = openDatabase({ path: join(path, 'x.db'), readOnly: true })
  expect(again.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 1 })
  rmSync(path, { recursive: true })
})

it('serves many waves of writes while earlier ones wait for the disk', async () => {
  const path = mkdtempSync(join(tmpdir(), 'avocet-sqlite-'))
  using waves = openDatabase({ path: join(path, 'waves.db') })
  waves.raw.exec('CREATE TABLE t (k INTEGER PRIMARY KEY)')
  const all: Promise<number>[] = []
  for (let wave = 0; wave < 50; wave++) {
    for (let i = 0; i < 20; i++) {
      const k = wave * 20 + i
      all.push(
        waves.write(() => {
          waves.prepare('INSERT INTO t VALUES (?)').run(k)
          return k
        }),
      )
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await Promise.all(all)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
  expect(waves.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 1000 })
  rmSync(path, { recursive: true })
})
