import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, openDatabase } from '@avocet/sqlite'
import { describe, expect, it } from 'vitest'
import { advanceSeq, openEventLog } from '../src/sqlite.ts'
import { describeEventLog, event } from './log-conformance.ts'

const folder = (): string => mkdtempSync(join(tmpdir(), 'avocet-log-'))

for (const [name, path] of [
  ['sqlite, in memory', ':memory:'],
  ['sqlite, file', 'file'],
] as const) {
  describeEventLog<Database>(name, async () => {
    const directory = folder()
    const file = path === 'file' ? join(directory, 'log.sqlite') : path
    let db = openDatabase({ path: file })
    let time = 0
    return {
      log: openEventLog(db, { now: () => time, pruneBatch: 2 }),
      transactional: true,
      transaction: (...steps) =>
        db.write(() => steps.map((step) => step(db))).then((results) => Promise.all(results)),
      reopen: async () => {
        if (path !== 'file') return null
        db.close()
        db = openDatabase({ path: file })
        return openEventLog(db)
      },
      close: async () => {
        db.close()
        rmSync(directory, { recursive: true })
      },
      setTime: (ms) => {
        time = ms
      },
    }
  })
}

describe('sqlite event log', () => {
  it('a rolled back transaction leaves no event, and its neighbours in the same group commit stay', async () => {
    using db = openDatabase({ path: ':memory:' })
    const log = openEventLog(db)
    const results = await Promise.allSettled([
      db.write(() => log.append(db, event('did:a:1', 1))),
      db.write(() => {
        log.append(db, event('did:a:1', 2))
        throw new Error('no')
      }),
      db.write(() => log.append(db, event('did:a:1', 3))),
    ])
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const events = await log.read(0, { count: 9, bytes: 1e9 })
    expect(events.map((e) => e.seq)).toEqual([1, 2])
  })

  it('shows nothing that is not durable yet', async () => {
    const directory = folder()
    const db = openDatabase({ path: join(directory, 'log.sqlite') })
    const log = openEventLog(db)
    let visible: number | null = null
    db.transaction(() => {
      log.append(db, event('did:a:1'))
      visible = log.read(0, { count: 9, bytes: 1e9 }).length
    })
    expect(visible).toBe(0)
    expect(log.bounds()).toEqual({ oldest: 1, newest: 1 })
    db.close()
    rmSync(directory, { recursive: true })
  })

  it('leaves a margin after a restore', () => {
    using db = openDatabase({ path: ':memory:' })
    const log = openEventLog(db)
    db.transaction(() => log.append(db, event('did:a:1')))
    expect(advanceSeq(db, 500)).toBe(501)
    const restored = openEventLog(db)
    expect(restored.bounds()).toEqual({ oldest: 1, newest: 501 })
    expect(db.transaction(() => restored.append(db, event('did:a:1')))).toBe(502)
    expect(() => advanceSeq(db, 0)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })

  it('refuses a log whose counter lies behind its events', () => {
    using db = openDatabase({ path: ':memory:' })
    const log = openEventLog(db)
    db.transaction(() => log.append(db, event('did:a:1')))
    db.prepare('UPDATE event_log SET newest = 0').run()
    expect(() => openEventLog(db)).toThrow(expect.objectContaining({ code: 'log-corrupt' }))
  })
})
