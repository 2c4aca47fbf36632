// What the log has under its numbers, and what of it is kept.

import { decode } from '@avocet/cbor'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { maintain, createIgnoredCounter } from '../src/index/maintenance.ts'
import { startOf } from '../src/stream/cursor.ts'
import { createMessage } from '../src/stream/event.ts'
import { createLogReader, type LogEvent, type LogReader } from '../src/stream/log-reader.ts'
import { createHub } from '../src/stream/hub.ts'
import { listEvents } from '../src/stream/list-events.ts'
import { createPages } from '../src/stream/pages.ts'
import { createShapes } from '../src/stream/shapes.ts'
import { opOf, openTables, type Tables } from './support/tables.ts'

const ADA = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' as Did
const BOB = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb' as Did
const note = (text: string) => ({ $type: 'com.example.note', text })

let tables: Tables
let log: LogReader
beforeEach(() => {
  tables = openTables()
  log = createLogReader(tables.db)
})
afterEach(() => tables[Symbol.dispose]())

const all = (): LogEvent[] => log.read(1, log.newest())
const texts = (event: LogEvent): unknown[] => {
  const content = log.content(event)
  const text = (bytes: Uint8Array | null) =>
    bytes === null ? null : (decode(bytes) as { text: string }).text
  return content === null ? ['void'] : [text(content.record), text(content.previous)]
}
const trim = async (
  logRetentionMs: number,
  logBytes: number,
  needed?: { from: () => number; retentionMs: number },
): Promise<void> => {
  const stop = new AbortController()
  const done = maintain({
    db: tables.db,
    applier: tables.applier,
    ignored: createIgnoredCounter(tables.db, Date.now),
    logRetentionMs,
    logBytes,
    ...(needed === undefined ? {} : { needed }),
    now: () => tables.now,
    signal: stop.signal,
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  stop.abort()
  await done
}

describe('records of events', () => {
  test('are there after they were replaced, deleted, and written again', () => {
    const path = 'com.example.note/a'
    tables.commit(ADA, [opOf('create', path, note('one'))])
    tables.commit(ADA, [opOf('update', path, note('two'))])
    tables.commit(ADA, [opOf('delete', path, null)])
    tables.commit(ADA, [opOf('create', path, note('three'))])
    expect(all().map(texts)).toEqual([
      ['one', null],
      ['two', 'one'],
      [null, 'two'],
      ['three', null],
    ])
  })

  test('are kept once, however many places they are taken from in one commit', () => {
    const paths = Array.from({ length: 50 }, (_, i) => `com.example.note/${i}`)
    const repeats = (action: 'create' | 'update' | 'delete', text: string | null) =>
      paths.map((path, i) => ({
        ...opOf(action, path, text === null ? null : note(text)),
        ...(i > 0 && text !== null ? { isRepeat: true as const } : {}),
      }))
    tables.commit(ADA, repeats('create', 'x'.repeat(10_000)))
    tables.commit(ADA, repeats('delete', null))
    const events = all()
    expect(events).toHaveLength(100)
    for (const event of events.slice(0, 50)) expect(texts(event)).toEqual(['x'.repeat(10_000), null])
    for (const event of events.slice(50)) expect(texts(event)).toEqual([null, 'x'.repeat(10_000)])
    // The first stood in a row of its own, the others in one that they shared.
    const { bytes } = tables.one('SELECT sum(length(prev_bytes)) AS bytes FROM log_rows') as { bytes: number }
    expect(bytes).toBeLessThan(21_000)
  })

  test('are there when one of the places that share them is deleted', () => {
    const paths = Array.from({ length: 5 }, (_, i) => `com.example.note/${i}`)
    tables.commit(
      ADA,
      paths.map((path, i) => ({
        ...opOf('create', path, note('shared')),
        ...(i > 0 ? { isRepeat: true as const } : {}),
      })),
    )
    tables.commit(ADA, [opOf('delete', paths[3]!, null)])
    expect(all().map(texts)).toEqual([...paths.map(() => ['shared', null]), [null, 'shared']])
  })

  test('that an export brought have numbers and times of their own, whatever was before', () => {
    tables.identity(BOB, null)
    tables.commit(ADA, [opOf('create', 'com.example.note/first', note('first'))])
    tables.account(BOB, null)
    tables.resync(
      BOB,
      ['a', 'b', 'c'].map((rkey) => opOf('create', `com.example.note/${rkey}`, note(rkey))),
    )
    tables.commit(ADA, [opOf('delete', 'com.example.note/first', null)])
    const events = all()
    const first = events[0]!.us
    expect(events.map(({ seq, us, rkey }) => [seq, us - first, rkey])).toEqual([
      [1, 0, null],
      [2, 1, 'first'],
      [3, 2, null],
      [4, 3, 'a'],
      [5, 4, 'b'],
      [6, 5, 'c'],
      [7, 6, 'first'],
    ])
    expect(log.read(5, 6).map(texts)).toEqual([
      ['b', null],
      ['c', null],
    ])
    expect(events.map(({ us }) => log.seqAt(us))).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  test('that an export brought are told once, also when another confirms them', () => {
    const paths = ['a', 'b', 'c'].map((rkey) => opOf('create', `com.example.note/${rkey}`, note(rkey)))
    tables.resync(ADA, paths)
    tables.resync(ADA, [...paths, opOf('create', 'com.example.note/d', note('d'))], {
      rev: '3kxyzabcdeg22' as never,
    })
    tables.resync(BOB, [opOf('create', 'com.example.note/z', note('z'))])
    expect(all().map(({ seq, did, rkey }) => [seq, did, rkey])).toEqual([
      [1, ADA, 'a'],
      [2, ADA, 'b'],
      [3, ADA, 'c'],
      [4, ADA, 'd'],
      [5, BOB, 'z'],
    ])
    expect(log.read(2, 3).map(({ rkey }) => rkey)).toEqual(['b', 'c'])
    expect(log.read(3, 4).map(({ rkey }) => rkey)).toEqual(['c', 'd'])
    tables.commit(ADA, [opOf('update', 'com.example.note/b', note('new'))])
    expect(all().map(({ seq, rkey }) => [seq, rkey])).toEqual([
      [1, 'a'],
      [3, 'c'],
      [4, 'd'],
      [5, 'z'],
      [6, 'b'],
    ])
    expect(texts(all().at(-1)!)).toEqual(['new', 'b'])
  })

  test('of a deleted account are void once it is purged', async () => {
    tables.commit(ADA, [opOf('create', 'com.example.note/a', note('a'))])
    tables.account(ADA, 'deleted')
    await tables.applier.purgeDeleted(new AbortController().signal)
    const events = all()
    expect(events.map(texts)).toEqual([['void'], [null, null]])
    const messages = events.map((event) => createMessage(event, log.content))
    expect(messages.map((message) => message.value()?.kind ?? null)).toEqual([null, 'account'])
    expect(messages[0]!.v1()).toBeNull()
  })

  test('that nobody looks at are told without content, and not on v1', () => {
    tables.commit(ADA, [opOf('create', 'com.example.note/a', Uint8Array.of(0x80))])
    const message = createMessage(all()[0]!, log.content)
    expect(message.value()).toMatchObject({ operation: 'create', validity: 'unreadable' })
    expect(message.value()).not.toHaveProperty('record')
    expect(message.v1()).toBeNull()
  })
})

describe('times', () => {
  test('are later in each event, whatever the clock does', () => {
    const one = () => tables.commit(ADA, [opOf('create', `com.example.note/${Math.random()}`, note('x'))])
    one()
    tables.now -= 5000
    one()
    tables.resync(
      BOB,
      ['a', 'b', 'c'].map((rkey) => opOf('create', `com.example.note/${rkey}`, note(rkey))),
    )
    tables.now += 60_000
    one()
    const us = all().map((event) => event.us)
    const first = us[0]!
    expect(us).toEqual([first, first + 1, first + 2, first + 3, first + 4, tables.now * 1000])
    expect(us.map((each) => log.seqAt(each))).toEqual([1, 2, 3, 4, 5, 6])
    expect([log.seqAt(0), log.seqAt(first + 5), log.seqAt(tables.now * 1000 + 1)]).toEqual([1, 6, 7])
  })

  test('and numbers are not used up by what is rolled back', () => {
    tables.commit(ADA, [opOf('create', 'com.example.note/a', note('a'))])
    expect(() =>
      tables.db.transaction(() => {
        tables.commit(ADA, [opOf('create', 'com.example.note/b', note('b'))])
        throw new Error('no')
      }),
    ).toThrow('no')
    tables.commit(ADA, [opOf('create', 'com.example.note/c', note('c'))])
    expect(all().map(({ seq, us, rkey }) => [seq, us - tables.now * 1000, rkey])).toEqual([
      [1, 0, 'a'],
      [2, 1, 'c'],
    ])
  })
})

describe('what is kept', () => {
  const fill = (count: number): void => {
    for (let i = 0; i < count; i++)
      tables.commit(ADA, [
        opOf('create', `com.example.note/${1000 + i + log.newest()}`, note('x'.repeat(100))),
      ])
  }

  test('ends by age; who asks for what is gone is told', async () => {
    fill(5)
    tables.now += 10_000
    fill(5)
    // Of a log that lost nothing yet, no time is too early.
    expect(startOf({ kind: 'time', us: 1 }, log, 11)).toEqual({ seq: 1, floor: 1, outdated: false })
    expect(startOf({ kind: 'tip' }, log, 11)).toEqual({ seq: 11, floor: 1, outdated: false })
    await trim(5000, Infinity)
    expect([log.floor(), log.newest(), all().length]).toEqual([6, 10, 5])
    const us = all()[0]!.us
    const start = (cursor: Parameters<typeof startOf>[0]) => startOf(cursor, log, 11)
    expect(start({ kind: 'seq', seq: 5 })).toEqual({ seq: 6, floor: 6, outdated: true })
    expect(start({ kind: 'seq', seq: 6 })).toEqual({ seq: 6, floor: 6, outdated: false })
    expect(start({ kind: 'time', us: us - 1 })).toEqual({ seq: 6, floor: 6, outdated: true })
    expect(start({ kind: 'time', us })).toEqual({ seq: 6, floor: 6, outdated: false })
    expect(start({ kind: 'time', us: us + 10 })).toEqual({ seq: 11, floor: 6, outdated: false })
    expect(start({ kind: 'seq', seq: 400 })).toMatchObject({ seq: 11, outdated: false })
  })

  test('waits for who needs it, up to an age of its own, and to its bytes', async () => {
    fill(5)
    tables.now += 10_000
    fill(5)
    tables.now += 10_000
    fill(5)
    const needed = (retentionMs: number) => ({ from: () => 8, retentionMs })
    await trim(5000, Infinity, needed(30_000))
    expect(log.floor()).toBe(8)
    await trim(5000, Infinity, needed(10_001))
    expect(log.floor()).toBe(8)
    await trim(5000, Infinity, needed(9000))
    expect(log.floor()).toBe(11)
    await trim(5000, 1, { from: () => 1, retentionMs: Infinity })
    expect(log.floor()).toBe(15)
  })

  test('ends by bytes, and the newest stays', async () => {
    fill(40)
    const { bytes } = tables.one('SELECT bytes_until AS bytes FROM log_rows WHERE seq = 40') as {
      bytes: number
    }
    await trim(3_600_000, bytes / 4)
    expect([log.floor(), log.newest()]).toEqual([31, 40])
    await trim(-1, 0)
    expect([log.floor(), log.newest(), all().length]).toEqual([40, 40, 1])
    fill(1)
    expect(all().map(({ seq }) => seq)).toEqual([40, 41])
  })

  test('rows of older versions are no events', () => {
    tables.resync(BOB, [opOf('create', 'com.example.note/z', note('z'))])
    fill(2)
    tables.db.raw.exec('UPDATE log_rows SET us = NULL, bytes_until = NULL WHERE seq < 3')
    expect([log.floor(), all().map(({ seq }) => seq)]).toEqual([3, [3]])
    tables.db.raw.exec('UPDATE log_rows SET us = NULL')
    expect([log.floor(), all(), log.seqAt(0)]).toEqual([4, [], 4])
  })

  test('is read by the rows that were asked for, and no more', () => {
    fill(20)
    let rows = 0
    const prepare = (sql: string): object => {
      const statement = tables.db.raw.prepare(sql)
      return {
        get: (...values: never[]) => statement.get(...values),
        all: (...values: never[]) => statement.all(...values),
        *iterate(...values: never[]) {
          for (const row of statement.iterate(...values)) {
            rows++
            yield row
          }
        },
      }
    }
    const counting = createLogReader({ raw: { prepare } } as never)
    expect(counting.read(5, 8).map(({ seq }) => seq)).toEqual([5, 6, 7, 8])
    expect(rows).toBe(4)
    expect([counting.read(5, 4), counting.read(21, 30)]).toEqual([[], []])
  })

  test('in memory are so many pages: those that were asked for last', () => {
    const reads: number[] = []
    const read = (from: number): LogEvent[] => {
      reads.push(from)
      return []
    }
    const pages = createPages({ floor: () => 1, read, content: () => null }, 2000)
    for (let i = 0; i < 128; i++) pages.load(i * 512, 1e6)
    expect([pages.peek(1) === null, pages.peek(0)]).toEqual([false, null])
    pages.load(0, 1e6)
    pages.load(128 * 512, 1e6)
    expect([pages.peek(1) === null, pages.peek(512), pages.peek(1024) === null]).toEqual([false, null, false])
    expect(reads).toHaveLength(129)
  })

  test('in memory is what fits, and what was forgotten is made again', () => {
    fill(20)
    const pages = createPages(log, 2000)
    const { entries } = pages.load(1, log.newest())
    let made = 0
    const shape = { encode: () => ({ bytes: new Uint8Array(100 + made++), size: 1 }) }
    for (const entry of entries) pages.encode(entry, shape)
    expect(pages.encode(entries.at(-1)!, shape)!.bytes.length).toBe(119)
    expect(pages.encode(entries[0]!, shape)!.bytes.length).toBe(120)
    expect([pages.peek(20) === null, pages.peek(21), pages.peek(600)]).toEqual([false, null, null])
  })
})

test('who waits for events is answered when the streams close', { timeout: 20_000 }, async () => {
  tables.commit(ADA, [opOf('create', 'com.example.note/a', note('one'))])
  const hub = createHub(log)
  const asked = (query: string): Promise<Response> =>
    listEvents({
      query: new URLSearchParams(query),
      signal: new AbortController().signal,
      hub,
      log,
      shapes: createShapes(null),
      onError: (error) => expect.fail(String(error)),
    })
  const answers = [asked('wait=30'), asked('cursor=1&wait=30&collections=com.example.other')]
  // One waits for its first look at the log, too.
  await new Promise(setImmediate)
  answers.push(asked('cursor=1'))
  hub.close()
  answers.push(asked('cursor=2&wait=30'))
  const bodies = await Promise.all(answers.map(async (each) => (await each).json()))
  expect(bodies).toEqual([
    { events: [], cursor: 2, caughtUp: true },
    { events: [], cursor: expect.any(Number), caughtUp: expect.any(Boolean) },
    { events: [], cursor: 1, caughtUp: false },
    { events: [], cursor: 2, caughtUp: true },
  ])
})
