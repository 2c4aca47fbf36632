// A database of the version whose links were records and accounts only, opened by this one: links to all the rest are made of what is
// stored, while it is asked.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DataObject } from '@avocet/data'
import { migrate, openDatabase } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createBacklinks } from '../src/backlinks/methods.ts'
import { migrations } from '../src/database/schema.ts'
import { findLinks } from '../src/index/links.ts'
import { createRecordWriter } from '../src/index/records.ts'
import { createReindexing } from '../src/index/reindex.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const NOTE = 'com.example.note'
const PAGE = 'https://example.com/page'
const DIDS = ['did:plc:ada', 'did:plc:ben'] as const satisfies Did[]
/** Of the schema, before. */
const BEFORE = migrations.findIndex((sql) => sql.includes('Any URI is a target now'))

const note = (i: number): DataObject => ({
  $type: NOTE,
  page: 'HTTPS://example.com/./page',
  // Written in capitals as people do, and as it is.
  to: i % 2 === 0 ? 'at://Alice.test/com.example.note/1' : 'at://alice.test/com.example.note/1',
  other: `did:plc:${i % 7}`,
  pad: 'x'.repeat(200),
})
const ops = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => opOf('create', `${NOTE}/k${from + i}`, note(from + i)))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'links-upgrade-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** As that version left it: its links are the texts that begin as these do, as they stand. */
function writeBefore(count: number): void {
  using db = openDatabase({ path: join(folder, 'indexer.sqlite') })
  migrate(db, 'indexer', migrations.slice(0, BEFORE))
  const writer = createRecordWriter(db, ({ record, recordBytes }) => ({
    label: { validity: 'unknown', reason: 'there is no lexicon' },
    links: findLinks(record!, recordBytes!.length)
      .filter(({ target }) => !target.startsWith('https:'))
      .map(({ target, path }) =>
        path === '.to' ? { target: record!['to'] as string, path } : { target, path },
      ),
  }))
  const context = { rev: '3k', provenance: 'live', source: 's', seq: null, at: 0 } as const
  db.transaction(() => {
    for (const [i, op] of ops(0, count).entries()) writer.apply([op], { ...context, did: DIDS[i % 2]! })
  })
}

/** Links as they are, and counts that are not of them. */
function made({ db }: Tables): unknown[] {
  const tell = (sql: string): unknown => db.prepare(sql).all()
  return [
    tell(
      'SELECT count(*) AS n, count(DISTINCT target) AS targets, count(DISTINCT record) AS records FROM links',
    ),
    tell(`SELECT * FROM link_counts AS c WHERE (links, dids) <>
      (SELECT count(*), count(DISTINCT repo) FROM links AS l WHERE l.target = c.target AND l.path = c.path AND l.collection = c.collection)`),
    tell('SELECT count(*) AS n, sum(length(pointers)) AS bytes FROM records'),
  ]
}
async function ask({ db }: Tables, method: string, params: Record<string, string>): Promise<any> {
  const url = `http://index.example/?${new URLSearchParams(params).toString()}`
  const response = await createBacklinks(db)(`blue.microcosm.links.${method}`, new Request(url))!
  expect(response.status).toBe(200)
  return response.json()
}

test('links are those of a new index, once it is through; killed on the way it goes on', async () => {
  writeBefore(350)
  const { signal } = new AbortController()
  {
    using tables = openTables(undefined, [], folder)
    const reindexing = createReindexing(tables.db, tables.applier.records, () => tables.now)
    expect(reindexing.status()).toMatchObject({ looked: 0, progress: 0, finishedAt: null })
    expect(reindexing.status()!.startedAt).toBeGreaterThan(Date.parse('2026-01-01'))
    expect(await ask(tables, 'getBacklinksCount', { subject: PAGE, source: `${NOTE}:page` })).toEqual({
      total: 0,
    })
    const stop = new AbortController()
    const running = reindexing.run(stop.signal)
    stop.abort()
    await running
    expect(await ask(tables, 'getBacklinksCount', { subject: PAGE, source: `${NOTE}:page` })).toEqual({
      total: 100,
    })
    // What is written meanwhile has its links at once; what goes takes the old ones along.
    tables.commit(DIDS[0], ops(350, 352))
    tables.commit(DIDS[1], [opOf('delete', `${NOTE}/k349`, null)])
    tables.commit(DIDS[1], [opOf('update', `${NOTE}/k347`, { ...note(347), again: true })])
  }
  using tables = openTables(undefined, [], folder)
  const reindexing = createReindexing(tables.db, tables.applier.records, () => tables.now)
  expect(reindexing.status()).toMatchObject({ looked: 100, finishedAt: null })
  await reindexing.run(signal)
  expect(reindexing.status()).toMatchObject({ looked: 349, progress: 1 })

  using fresh = openTables()
  for (const [i, op] of ops(0, 350).entries()) fresh.commit(DIDS[i % 2]!, [op])
  fresh.commit(DIDS[0], ops(350, 352))
  fresh.commit(DIDS[1], [opOf('delete', `${NOTE}/k349`, null)])
  fresh.commit(DIDS[1], [opOf('update', `${NOTE}/k347`, { ...note(347), again: true })])
  expect(made(tables)).toEqual(made(fresh))
  for (const subject of [PAGE, 'at://alice.test/com.example.note/1', 'did:plc:3']) {
    for (const path of ['page', 'to', 'other']) {
      const about = { subject, source: `${NOTE}:${path}`, limit: '1000' }
      const [one, other] = [await ask(tables, 'getBacklinks', about), await ask(fresh, 'getBacklinks', about)]
      expect(one).toEqual(other)
    }
  }
  // Once for a database, not at each start.
  tables[Symbol.dispose]()
  using again = openTables(undefined, [], folder)
  const later = createReindexing(again.db, again.applier.records, () => again.now)
  expect(later.status()!.finishedAt).not.toBe(null)
})

test('until a record has its turn, what its links were called is answered without a name or a fault', async () => {
  writeBefore(20)
  using tables = openTables(undefined, [], folder)
  const pairs = { subject: 'did:plc:3', source: `${NOTE}:other`, pathToOther: 'to' }
  const alice = 'at://alice.test/com.example.note/1'
  const counts = await ask(tables, 'getManyToManyCounts', pairs)
  expect(counts).toEqual({
    counts_by_other_subject: [{ subject: alice, total: 2, distinct: 1 }],
    cursor: null,
  })
  const { items } = await ask(tables, 'getManyToMany', pairs)
  expect(items.map((item: any) => item.otherSubject)).toEqual([alice, alice])
  const reindexing = createReindexing(tables.db, tables.applier.records, () => tables.now)
  await reindexing.run(new AbortController().signal)
  expect(await ask(tables, 'getManyToManyCounts', pairs)).toEqual({
    counts_by_other_subject: [{ subject: alice, total: 3, distinct: 2 }],
    cursor: null,
  })
})

test('a new database, and an empty one, have nothing to be made anew', () => {
  using tables = openTables()
  expect(createReindexing(tables.db, tables.applier.records, () => 0).status()).toBe(null)
  writeBefore(0)
  using empty = openTables(undefined, [], folder)
  expect(createReindexing(empty.db, empty.applier.records, () => 0).status()).toBe(null)
})
