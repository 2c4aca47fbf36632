// One event, one set of rows: what each kind of event does to accounts, heads, totals and dead letters.

import type { Did } from '@avocet/syntax'
import { cidForCbor, formatCid } from '@avocet/data'
import { encode } from '@avocet/cbor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createIgnoredCounter, maintain } from '../src/index/maintenance.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { createLinkReader } from '../src/queries/links.ts'
import { pass, stopTime } from './support/time.ts'
import { openTables, opOf, REV, type Tables } from './support/tables.ts'

const ada: Did = 'did:web:ada.example'
const ben: Did = 'did:web:ben.example'
const NEXT = '3kxyzabcdef23'
let tables: Tables
beforeEach(() => (tables = openTables()))
afterEach(() => {
  vi.useRealTimers()
  tables[Symbol.dispose]()
})

const note = (rkey: string, n = 1) => opOf('create', `com.example.note/${rkey}`, { n })
const account = (did: Did = ada) => createRecordReader(tables.db).account(did)
const totals = (): unknown =>
  tables.one('SELECT commits, resyncs, creates, updates, deletes, records FROM totals')
const signal = new AbortController().signal

describe('a commit', () => {
  test('sets the head, and is told after it is durable', () => {
    const commit = cidForCbor(encode({ commit: 1 }))
    tables.commit(ada, [note('a')], { commit, rev: NEXT })
    expect(account()).toEqual({ did: ada, handle: null, status: null, head: formatCid(commit), rev: NEXT })
    expect(tables.notices).toMatchObject([
      { kind: 'records', context: { did: ada, rev: NEXT, provenance: 'live' } },
    ])
    tables.notices.length = 0
    expect(() =>
      tables.db.transaction(() => {
        tables.applier.apply({
          kind: 'failure',
          source: 's',
          seq: 1,
          did: ada,
          reason: 'signature-invalid',
          message: 'm',
        })
        expect(tables.notices).toEqual([])
        throw new Error('rolled back')
      }),
    ).toThrow('rolled back')
    expect(tables.notices).toEqual([])
  })

  test('of nothing that is wanted counts, and sets the head', () => {
    using few = openTables((collection) => collection === 'com.example.note')
    few.commit(ada, [opOf('create', 'a.b.c/1', { n: 1 }), note('a')])
    few.commit(ada, [opOf('delete', 'a.b.c/1', null)], { rev: NEXT })
    expect(few.one('SELECT commits, creates, deletes, records FROM totals')).toEqual({
      commits: 2,
      creates: 1,
      deletes: 0,
      records: 1,
    })
    expect(createRecordReader(few.db).account(ada)?.rev).toBe(NEXT)
    expect(few.notices).toHaveLength(1)
  })

  test('tells how late it was; one from the future was not', () => {
    expect(tables.applier.lagMs('s')).toBe(null)
    tables.commit(ada, [], { time: new Date(tables.now - 1500).toISOString() })
    expect([tables.applier.lagMs('s'), tables.applier.lagMs('other')]).toEqual([1500, null])
    tables.commit(ada, [], { time: new Date(tables.now + 1500).toISOString() })
    expect(tables.applier.lagMs('s')).toBe(0)
  })
})

describe('a resync', () => {
  test('counts, and sets the head, with its last part', () => {
    tables.resync(ada, [note('a')], { last: false })
    expect(account()).toMatchObject({ head: null, rev: null })
    tables.resync(ada, [note('b')], { last: true })
    expect(account()?.rev).toBe(REV)
    expect(totals()).toEqual({ commits: 0, resyncs: 1, creates: 2, updates: 0, deletes: 0, records: 2 })
  })

  test('takes out what is not wanted any more', () => {
    using few = openTables((collection) => collection === 'com.example.note')
    few.resync(ada, [opOf('create', 'a.b.c/1', { n: 1 }), note('a'), opOf('delete', 'a.b.c/2', null)])
    expect(few.one('SELECT creates, deletes, records FROM totals')).toEqual({
      creates: 1,
      deletes: 1,
      records: 1,
    })
  })
})

test('a #sync moves the head only when that is the head that is stored', () => {
  const commit = cidForCbor(encode({ sync: 1 }))
  const sync = (seq: number, unchanged: boolean): void =>
    tables.db.transaction(() =>
      tables.applier.apply({
        kind: 'sync',
        source: 's',
        seq,
        did: ada,
        rev: NEXT,
        commit,
        data: commit,
        time: '',
        unchanged,
      }),
    )
  tables.commit(ada, [note('a')])
  sync(1, false)
  expect(account()?.rev).toBe(REV)
  sync(2, true)
  expect(account()).toMatchObject({ rev: NEXT, head: formatCid(commit) })
  expect(tables.one('SELECT syncs FROM totals')).toEqual({ syncs: 2 })
  expect(tables.one("SELECT count(*) AS n FROM log WHERE kind = 'sync'")).toEqual({ n: 2 })
})

test('what is sent again, as behind a kill where sources take turns, is logged, counted and told once', () => {
  const all = (): void => {
    tables.account(ada, 'deactivated', { source: 'relay', seq: 7 })
    tables.identity(ada, 'ada.example')
    tables.account(ada, 'deactivated', { source: 'other', seq: 7 })
  }
  all()
  const logged = (): unknown =>
    tables.db
      .prepare("SELECT kind, source, source_seq, detail FROM log WHERE kind <> 'record' ORDER BY seq")
      .all()
  const once = logged()
  expect(once).toEqual([
    { kind: 'account', source: 'relay', source_seq: 7, detail: 'deactivated' },
    { kind: 'identity', source: 's', source_seq: 1, detail: 'ada.example' },
    { kind: 'account', source: 'other', source_seq: 7, detail: 'deactivated' },
  ])
  all()
  expect(logged()).toEqual(once)
  expect(tables.notices).toHaveLength(3)
  expect(tables.one('SELECT accounts, identities FROM totals')).toEqual({ accounts: 2, identities: 1 })
  // The same number for something else: the source numbers anew. Another account's is another event.
  tables.account(ada, null, { source: 'relay', seq: 7 })
  tables.account(ben, 'deactivated', { source: 'relay', seq: 7 })
  expect(tables.notices).toHaveLength(5)
  expect(account()?.status).toBe(null)
})

describe('an account', () => {
  test('that is active is so whatever word is beside it; one that is not is deactivated without a word', () => {
    tables.account(ada, 'throttled', { active: true })
    expect(account()?.status).toBe(null)
    tables.account(ada, null, { active: false })
    expect(account()?.status).toBe('deactivated')
    expect(tables.one('SELECT detail FROM log ORDER BY seq DESC')).toEqual({ detail: 'deactivated' })
  })

  test('that proves a handle takes it from whoever had it', () => {
    tables.identity(ada, 'x.example')
    tables.identity(ben, 'x.example')
    expect([account(ada)?.handle, account(ben)?.handle]).toEqual([null, 'x.example'])
    tables.identity(ben, 'x.example')
    expect(account(ben)?.handle).toBe('x.example')
  })

  test('that is deleted goes with all its records, and its likes count no more', async () => {
    const target = 'at://did:plc:x/a.b.c/1'
    tables.commit(
      ada,
      Array.from({ length: 401 }, (_, i) => opOf('create', `com.example.like/${i}`, { i, target })),
    )
    tables.commit(ben, [opOf('create', 'com.example.like/1', { target })])
    tables.identity(ada, 'ada.example')
    tables.account(ada, 'deleted')
    await tables.applier.purgeDeleted(signal)
    expect(account()).toMatchObject({ status: 'deleted', handle: null, head: null, rev: null })
    expect(tables.one('SELECT count(*) AS n FROM records')).toEqual({ n: 1 })
    expect(tables.one('SELECT count(*) AS n FROM links')).toEqual({ n: 1 })
    expect(tables.one('SELECT count(*) AS n FROM purges')).toEqual({ n: 0 })
    expect(tables.one('SELECT records FROM totals')).toEqual({ records: 1 })
    expect(createLinkReader(tables.db).count(target)).toBe(1)
  })

  test('that came back is not purged', async () => {
    tables.commit(ada, [note('a')])
    tables.account(ada, 'deleted')
    tables.account(ada, null)
    await tables.applier.purgeDeleted(signal)
    expect(account()).toMatchObject({ status: null, rev: REV })
    expect(tables.one('SELECT count(*) AS n FROM records')).toEqual({ n: 1 })
  })
})

describe('dead letters', () => {
  const letters = (): number => (tables.one('SELECT count(*) AS n FROM dead_letters') as { n: number }).n

  test('are kept of faults, not of what was not needed, and are cut', () => {
    tables.failure('duplicate')
    tables.failure('account-inactive')
    tables.failure('desynchronized')
    expect(letters()).toBe(0)
    tables.failure('signature-invalid', 'm'.repeat(2001), ada)
    expect(tables.one('SELECT length(message) AS length, did FROM dead_letters')).toEqual({
      length: 2000,
      did: ada,
    })
    expect(tables.one('SELECT sum(count) AS n FROM failures')).toEqual({ n: 4 })
  })

  test('are the newest ten thousand', () => {
    tables.db.transaction(() => {
      for (let i = 0; i < 10_002; i++) {
        tables.applier.apply({
          kind: 'failure',
          source: 's',
          seq: i,
          did: null,
          reason: 'signature-invalid',
          message: '',
        })
      }
    })
    expect(letters()).toBe(10_000)
    expect(tables.one('SELECT min(source_seq) AS first FROM dead_letters')).toEqual({ first: 2 })
  })

  test('have the first 8 KiB of their frames, the newest thousand of them', () => {
    const bytes = new Uint8Array(9000).fill(7)
    tables.db.transaction(() => {
      for (let seq = 0; seq < 1002; seq++) {
        const origin = { source: 's', seq, did: null, reason: 'signature-invalid', message: '' } as const
        tables.applier.apply({ kind: 'failure', ...origin, frame: { bytes, length: 50_000 } })
      }
    })
    expect(
      tables.one(`SELECT count(*) AS letters, count(frame) AS frames, min(iif(frame IS NULL, NULL, source_seq)) AS first,
        sum(length(frame)) AS bytes, min(frame_length) AS length FROM dead_letters`),
    ).toEqual({ letters: 1002, frames: 1000, first: 2, bytes: 1000 * 8192, length: 50_000 })
  })

  test('are one of each kind for all records of an event that cannot be read', () => {
    const bytes = encode([1]).slice()
    const unread = (rkey: string, kind: 'malformed' | 'too-costly') => ({
      ...opOf('create', `com.example.note/${rkey}`, bytes),
      unread: kind,
    })
    tables.commit(ada, [
      unread('a', 'malformed'),
      unread('b', 'too-costly'),
      unread('c', 'malformed'),
      note('d'),
    ])
    expect(tables.db.prepare('SELECT reason, message FROM dead_letters ORDER BY id').all()).toEqual([
      { reason: 'record-malformed', message: expect.stringContaining('path=com.example.note/a records=2') },
      { reason: 'too-costly', message: expect.stringContaining('path=com.example.note/b records=1') },
    ])
  })
})

describe('upkeep', () => {
  const run = (logRetentionMs: number): { stop(): Promise<void>; add(reason: string): void } => {
    stopTime(tables.now)
    const stopped = new AbortController()
    const ignored = createIgnoredCounter(tables.db, Date.now)
    const running = maintain({
      db: tables.db,
      applier: tables.applier,
      ignored,
      logRetentionMs,
      now: Date.now,
      signal: stopped.signal,
    })
    return {
      add: (reason) => ignored.add(reason),
      async stop() {
        stopped.abort()
        await running
      },
    }
  }
  const count = (): unknown => tables.one("SELECT count FROM failures WHERE reason = 'duplicate'")

  test('stores what was ignored once a second, and what is left at the end', async () => {
    const upkeep = run(Infinity)
    upkeep.add('duplicate')
    upkeep.add('duplicate')
    await pass(1000)
    expect(count()).toEqual({ count: 2 })
    upkeep.add('duplicate')
    expect(count()).toEqual({ count: 2 })
    await pass(1000)
    await pass(1000)
    expect(count()).toEqual({ count: 3 })
    upkeep.add('duplicate')
    await upkeep.stop()
    expect(count()).toEqual({ count: 4 })
  })

  test('keeps the log within its age, each minute', async () => {
    const rows = (): number => (tables.one('SELECT count(*) AS n FROM log') as { n: number }).n
    const old = tables.now
    tables.commit(ada, [note('a')])
    // Enough for more than one piece.
    tables.db
      .prepare(`WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < 5100)
                INSERT INTO log_rows (at, kind, repo, provenance, source)
                SELECT at, kind, repo, provenance, source FROM log_rows, more`)
      .run()
    tables.now = old + 60_000
    tables.commit(ada, [note('b')])
    const upkeep = run(60_000)
    // What is as old as that exactly stays; nothing is looked at again before a minute is over.
    await pass(1000)
    expect(rows()).toBe(5102)
    await pass(58_000)
    expect(rows()).toBe(5102)
    await pass(1000)
    await pass(0)
    expect(rows()).toBe(1)
    await upkeep.stop()
  })
})
