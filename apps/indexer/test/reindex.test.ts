// What is made of records made anew: labels, links and indexes are those that a new index would have, whatever they were, and while
// everything goes on.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createReindexing, type Reindexing } from '../src/index/reindex.ts'
import { declare, documents, LIKE, NOTE } from './support/notes.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const DIDS = ['did:web:a.example', 'did:web:b.example'] as const satisfies Did[]
const INDEXES = [`${NOTE}:createdAt,validity+indexedAt,author+tags`]
const SEARCH = [`${NOTE}:title`]

let folder: string
let tables: Tables
const open = (stricter = false): Tables => openTables(undefined, documents(stricter), folder)
const reindexing = (of = tables): Reindexing => createReindexing(of.db, of.applier.records, () => of.now)
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'reindex-'))
  tables = open()
  await declare(tables, INDEXES, documents(), true, SEARCH)
})
afterEach(() => {
  tables[Symbol.dispose]()
  rmSync(folder, { recursive: true })
})

function write(count: number, to = tables): void {
  to.db.transaction(() => {
    for (let i = 0; i < count; i++) {
      to.now += 1000
      const title = i % 10 === 0 ? 'four' : 'one'
      const note = { $type: NOTE, createdAt: new Date(i * 60_000).toISOString(), title, tags: [`t${i % 3}`] }
      to.commit(DIDS[i % 2]!, [
        opOf('create', `${NOTE}/k${i}`, note),
        opOf('create', `${LIKE}/k${i}`, { $type: LIKE, subject: `at://${DIDS[0]}/${NOTE}/k${i % 40}` }),
      ])
    }
  })
}

/** All that is made of records. */
function made(of = tables): unknown[] {
  const tell = (sql: string): unknown => of.db.prepare(sql).all()
  return [
    tell('SELECT id, validity, reason, indexed_at, hex(pointers) AS pointers FROM records ORDER BY id'),
    tell('SELECT hex(target) AS target, path, collection, repo, record FROM links ORDER BY 1, 2, 3, 4, 5'),
    tell('SELECT collection, links, dids FROM link_counts ORDER BY hex(target)'),
    tell('SELECT count(*) AS n FROM link_order'),
    tell('SELECT place, a, b, c, record FROM projections ORDER BY 1, 2, 3, 4, 5'),
    tell('SELECT record, entries FROM projected ORDER BY record'),
    tell("SELECT rowid FROM search_4 WHERE search_4 MATCH 'f0 : one' ORDER BY rowid"),
    tell('SELECT did, stored FROM accounts ORDER BY did'),
  ]
}

test('labels, links and indexes are as a new index has them', async () => {
  write(350)
  const before = made()
  const room = tables.one('SELECT sum(stored) AS n FROM accounts')
  const reindex = reindexing()
  expect(reindex.status()).toBe(null)
  // What is as it is to be is not counted as changed.
  await reindex.start()
  await reindex.run(new AbortController().signal)
  expect(reindex.status()).toMatchObject({ looked: 700, changed: 0, progress: 1 })
  expect([made(), tables.one('SELECT sum(stored) AS n FROM accounts')]).toEqual([before, room])

  tables.db.raw.exec(`UPDATE records SET validity = 2, reason = 'wrong' WHERE id % 3 = 0`)
  await reindex.start()
  await reindex.run(new AbortController().signal)
  expect(reindex.status()).toMatchObject({ looked: 700, changed: 233 })
  expect(made()).toEqual(before)

  // Rows of indexes, and links with their pointers, that are gone.
  tables.db.raw
    .exec(`DELETE FROM projections WHERE record % 5 = 0; DELETE FROM projected WHERE record % 5 = 0;
    DELETE FROM search_4 WHERE rowid % 5 = 0; DELETE FROM links WHERE record % 7 = 0;
    UPDATE records SET pointers = NULL WHERE id % 7 = 0`)
  await reindex.start()
  await reindex.run(new AbortController().signal)
  expect(made().slice(0, -1)).toEqual(before.slice(0, -1))
})

test('with other lexicons, as those say; and killed in the middle it goes on where it was', async () => {
  write(350)
  await reindexing().start()
  const signal = (): AbortSignal => new AbortController().signal
  tables[Symbol.dispose]()
  tables = open(true)
  // One slice, then the end of the process.
  const first = reindexing()
  const stop = new AbortController()
  const running = first.run(stop.signal)
  stop.abort()
  await running
  const { looked, progress, finishedAt } = first.status()!
  expect([looked, finishedAt]).toEqual([100, null])
  expect(progress).toBeCloseTo(1 / 7)
  tables[Symbol.dispose]()
  tables = open(true)
  // What is written now is made as it is to be; what was there and goes is no trouble.
  tables.commit(DIDS[0], [
    opOf('delete', `${NOTE}/k340`, null),
    opOf('create', `${NOTE}/new`, { $type: NOTE, createdAt: '2026-01-01T00:00:00Z', title: 'four' }),
  ])
  await reindexing().run(signal())
  expect(reindexing().status()).toMatchObject({
    looked: 699,
    changed: 34,
    progress: 1,
    finishedAt: tables.now,
  })
  const invalid = tables.one(
    'SELECT count(*) AS n, min(indexed_at) > 1000000 AS timed FROM records WHERE validity = 2',
  )
  expect(invalid).toEqual({ n: 35, timed: 1 })
  // The index by labels has them where they are.
  expect(
    tables.one(
      'SELECT count(*) AS n FROM projections WHERE place = 2 AND a = 2 AND b IN (SELECT indexed_at FROM records)',
    ),
  ).toEqual({ n: 35 })
})

test('what is not looked at stays; an index without records is done at once', async () => {
  const reindex = reindexing()
  expect(await reindex.start()).toMatchObject({ looked: 0, progress: 1, finishedAt: tables.now })
  tables.commit(DIDS[0], [opOf('create', `${NOTE}/x`, Uint8Array.of(1, 2, 3))])
  await reindex.start()
  await reindex.run(new AbortController().signal)
  expect(reindex.status()).toMatchObject({ looked: 1, changed: 0 })
  expect(tables.one('SELECT validity FROM records')).toEqual({ validity: 3 })
})

test('a slice ends with the bytes that it may read', async () => {
  tables.db.transaction(() => {
    for (let i = 0; i < 5; i++) {
      const note = { $type: NOTE, createdAt: '2026-01-01T00:00:00Z', pad: 'x'.repeat(600_000), i }
      tables.commit(DIDS[0], [opOf('create', `${NOTE}/k${i}`, note)])
    }
  })
  const reindex = reindexing()
  await reindex.start()
  const stop = new AbortController()
  const running = reindex.run(stop.signal)
  stop.abort()
  await running
  expect(reindex.status()).toMatchObject({ looked: 2, finishedAt: null })
})
