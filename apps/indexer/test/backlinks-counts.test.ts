// Counts of links: when there are rows for them, and what strangers can make of them and of the answers.

import type { DataObject } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createBacklinks } from '../src/backlinks/methods.ts'
import type { Position } from '../src/backlinks/cursor.ts'
import { createLinkers, MAX_COUNTED } from '../src/backlinks/linkers.ts'
import { createManyToMany, type PairCount } from '../src/backlinks/many-to-many.ts'
import type { Page } from '../src/backlinks/pages.ts'
import { countLinks } from '../src/database/count-links.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const ada: Did = 'did:plc:ada'
const NOTE = 'com.example.note'
let tables: Tables
beforeEach(() => {
  tables = openTables()
})
afterEach(() => tables[Symbol.dispose]())

const note = (fields: DataObject): DataObject => ({ pad: 'x'.repeat(200), ...fields })
function write(records: readonly DataObject[], from = 0, did = ada): void {
  const ops = records.map((record, i) =>
    opOf('create', `${NOTE}/${String(from + i).padStart(6, '0')}`, record),
  )
  for (let i = 0; i < ops.length; i += 200) tables.resync(did, ops.slice(i, i + 200))
}
const list = (length: number, make: (i: number) => DataObject): DataObject[] =>
  Array.from({ length }, (_, i) => make(i))
const counted = (): { links: number; dids: number }[] =>
  tables.db.prepare('SELECT links, dids FROM link_counts ORDER BY links').all() as {
    links: number
    dids: number
  }[]
async function ask(method: string, params: Record<string, string>): Promise<any> {
  const url = `http://index.example/?${new URLSearchParams(params).toString()}`
  return (await createBacklinks(tables.db)(`blue.microcosm.links.${method}`, new Request(url))!).json()
}

test('a target gets a row once it has many links, and loses it when it has few', () => {
  write(
    list(1600, (i) => note({ to: 'did:plc:popular', once: `did:plc:${i}`, some: `did:plc:some${i % 50}` })),
  )
  // Fifty have 32 links each, sixteen hundred have one.
  expect(counted()).toEqual([{ links: 1600, dids: 1 }])
  const remove = (from: number, to: number): void =>
    tables.commit(
      ada,
      Array.from({ length: to - from }, (_, i) =>
        opOf('delete', `${NOTE}/${String(from + i).padStart(6, '0')}`, null),
      ),
    )
  for (let i = 0; i < 1400; i += 100) remove(i, i + 100)
  expect(counted()).toEqual([{ links: 200, dids: 1 }])
  remove(1400, 1568)
  expect(counted()).toEqual([{ links: 32, dids: 1 }])
  remove(1568, 1569)
  expect(counted()).toEqual([])
  expect(tables.one('SELECT count(*) AS n FROM link_order')).toEqual({ n: 0 })
})

test('links that are not kept are not counted: those of a record that stands at many paths, beyond the first two', async () => {
  const record = note({ a: 'did:plc:popular', b: 'did:plc:popular', c: 'did:plc:popular' })
  const repeats = Array.from({ length: 200 }, (_, i) => ({
    ...opOf('create', `${NOTE}/${i}`, record),
    ...(i > 0 ? { isRepeat: true as const } : {}),
  }))
  tables.commit(ada, repeats)
  const totals = async (): Promise<number[]> =>
    Promise.all(
      ['a', 'b', 'c'].map(async (path) => {
        const about = { subject: 'did:plc:popular', source: `${NOTE}:${path}` }
        return (await ask('getBacklinksCount', about)).total as number
      }),
    )
  expect(await totals()).toEqual([200, 200, 1])
  // Enough of the third to be counted, then what has none of them goes.
  write(
    list(300, () => note({ c: 'did:plc:popular' })),
    1000,
  )
  expect(await totals()).toEqual([200, 200, 301])
  for (let i = 1; i < 120; i++) tables.commit(ada, [opOf('delete', `${NOTE}/${i}`, null)])
  expect(await totals()).toEqual([81, 81, 301])
})

test('a slice of what is counted may end anywhere', () => {
  write(list(150, (i) => note({ to: `did:plc:${i % 2}` })))
  // So many rows that the second slice begins in the middle of a target.
  const { path, collection, repo } = tables.db.prepare('SELECT * FROM links LIMIT 1').get() as Record<
    string,
    number
  >
  tables.db.transaction(() => {
    tables.db.raw.exec('DELETE FROM links; DELETE FROM link_counts; DELETE FROM link_order')
    const insert = tables.db.prepare('INSERT INTO links VALUES (?, ?, ?, ?, ?)')
    const target = (name: number): Uint8Array => Uint8Array.of(0, 0, 0, name >> 8, name & 255, 0, 0, 0)
    for (let i = 0; i < 9950; i++) insert.run(target(1 + (i >> 4)), path!, collection!, repo!, i)
    for (let i = 0; i < 70; i++) insert.run(target(60_000), path!, collection!, repo!, i)
    for (let i = 0; i < 70; i++) insert.run(target(60_001), path!, collection!, repo!, i)
    tables.db.raw.exec("INSERT INTO link_counting VALUES (x'', 0, 0)")
  })
  countLinks(tables.db)
  expect(counted()).toEqual([
    { links: 70, dids: 1 },
    { links: 70, dids: 1 },
  ])
})

test('groups are counted for the first page, and the pages behind it cost what they show', async () => {
  write(list(2500, (i) => note({ to: 'did:plc:popular', other: `did:plc:other${i % 500}` })))
  let clock = 0
  let read = 0
  const linkers = createLinkers(tables.db)
  const counting = {
    ...linkers,
    list: (...args: Parameters<typeof linkers.list>) => {
      read++
      return linkers.list(...args)
    },
  }
  const groups = createManyToMany(tables.db, counting, () => clock)
  const source = linkers.source('did:plc:popular', NOTE, '.to')!
  const query = { source, repos: null, pathToOther: '.other', otherSubjects: null, limit: 200 }
  const pageOf = async (after: Position | null, limit = 200): Promise<Page<PairCount>> =>
    (await groups.counts({ ...query, limit, after }))!
  const first = await pageOf(null)
  expect([first.items[0], read]).toEqual([{ subject: 'did:plc:other0', total: 5, distinct: 1 }, 3])
  const second = await pageOf(first.next)
  expect([second.items[0]!.subject, second.items.length, read]).toEqual(['did:plc:other200', 200, 3])
  const third = await pageOf(second.next)
  expect([third.items.length, third.next, read]).toEqual([100, null, 3])
  // Pages are of one moment; whoever begins anew has the next.
  write([note({ to: 'did:plc:popular', other: 'did:plc:other499' })], 5000)
  expect((await pageOf(second.next)).items.at(-1)!.total).toBe(5)
  expect((await pageOf(null)).items).toHaveLength(200)
  expect((await pageOf(second.next)).items.at(-1)!.total).toBe(6)
  expect(read).toBe(6)
  // What a page would tell is gone: it is counted anew.
  tables.commit(ada, [opOf('delete', `${NOTE}/000450`, null)])
  const moved = (await pageOf(second.next)).items
  expect([moved.length, read]).toEqual([100, 9])
  expect(moved.find(({ subject }) => subject === 'did:plc:other450')).toMatchObject({ total: 4 })
  await pageOf(null)
  clock += 60_000
  await pageOf(first.next)
  expect(read).toBe(15)
})

test('what answers may take: links of one account that are counted, text of an answer, records that are read', async () => {
  write(list(300, (i) => note({ to: 'did:plc:popular', i })))
  const { target, path, collection, repo } = tables.db.prepare('SELECT * FROM links LIMIT 1').get() as any
  tables.db
    .prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 61000)
       INSERT INTO links SELECT ?, ?, ?, ?, i FROM n`,
    )
    .run(target, path, collection, repo)
  const linkers = createLinkers(tables.db)
  expect(linkers.countOf({ target, path, collection }, [repo])).toBe(MAX_COUNTED)
  expect(linkers.countOf({ target, path, collection }, [repo, repo])).toBe(MAX_COUNTED)

  // Names as long as they may be.
  const long: Did = `did:web:${'a'.repeat(2000)}`
  write(
    list(1000, () => note({ far: 'did:plc:far' })),
    0,
    long,
  )
  const far = { subject: 'did:plc:far', source: `${NOTE}:far`, limit: '1000' }
  const first = await ask('getBacklinks', far)
  expect(first.records.length).toBeLessThan(300)
  const next = await ask('getBacklinks', { ...far, cursor: first.cursor })
  expect(Number(next.records[0].rkey)).toBe(Number(first.records.at(-1).rkey) - 1)

  const bytes = 'x'.repeat(900_000)
  write(
    list(12, (i) => ({ bytes, i, big: 'did:plc:big', other: `did:plc:other${i}` })),
    2000,
  )
  const pairs = { subject: 'did:plc:big', source: `${NOTE}:big`, pathToOther: 'other' }
  for (const [method, name] of [
    ['getManyToMany', 'items'],
    ['getManyToManyCounts', 'counts_by_other_subject'],
  ] as const) {
    const page = await ask(method, pairs)
    expect(page[name]).toHaveLength(9)
    const rest = await ask(method, { ...pairs, cursor: page.cursor })
    expect([rest[name].length, rest.cursor]).toEqual([3, null])
  }
})
