import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, openDatabase } from '@avocet/sqlite'
import { describe, expect, it } from 'vitest'
import { advanceSeq, openEventLog } from '../src/sqlite.ts'
import { bodyOf, describeEventLog, event } from './log-conformance.ts'

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

  it(
    'killed at any moment: what was acknowledged is there, no number is given twice',
    { timeout: 300_000 },
    async () => {
      const directory = folder()
      const file = join(directory, 'log.sqlite')
      const acknowledged: number[] = []
      const kills = process.env['AVOCET_FUZZ'] ? 100 : 3
      for (let kill = 0; kill < kills; kill++) {
        const child = spawn(process.execPath, [join(import.meta.dirname, 'support/appender.ts'), file])
        let out = ''
        const enough = 20 + Math.floor(Math.random() * 200)
        await new Promise<void>((resolve) => {
          child.stdout.on('data', (chunk: Buffer) => {
            out += chunk.toString()
            if (out.length > enough * 3) child.kill('SIGKILL')
          })
          child.on('exit', () => resolve())
        })
        // The last line may be cut off: a number half written was not said.
        acknowledged.push(...out.split('\n').slice(0, -1).map(Number))
      }
      expect(acknowledged.length).toBeGreaterThan(kills * 10)
      expect(new Set(acknowledged).size).toBe(acknowledged.length)
      using db = openDatabase({ path: file })
      const log = openEventLog(db)
      const stored = log.read(0, { count: 1e6, bytes: 1e9 })
      expect(stored.map((item) => item.seq)).toEqual(stored.map((_, i) => i + 1))
      const seqs = new Set(stored.map((item) => item.seq))
      expect(acknowledged.filter((seq) => !seqs.has(seq))).toEqual([])
      expect(log.bounds()).toEqual({ oldest: 1, newest: stored.length })
      expect(bodyOf(stored.at(-1)!)).toMatchObject({ seq: stored.length })
      rmSync(directory, { recursive: true })
    },
  )

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

it('tells nobody of a removal that removed nothing', async () => {
  using db = openDatabase({ path: ':memory:' })
  const log = openEventLog(db)
  const told: unknown[] = []
  const leave = log.watch((change) => told.push(change))
  expect(await log.remove({ did: 'did:a:1' })).toBe(0)
  expect(await db.write(() => log.remove({ olderThan: 5 }, db))).toBe(0)
  expect(told).toEqual([])
  leave()
})
