// Indexes of fields: what stands in them, how they come and go while everything goes on, and how they are read.

import { assert, oneof, property, string } from 'fast-check'
import type { DataObject } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createNames } from '../src/database/names.ts'
import { createJudge } from '../src/index/validity.ts'
import { lexiconsOf } from '../src/lexicons/load.ts'
import { lexiconHash, rejudgeSlice } from '../src/lexicons/rejudge.ts'
import { buildSlice } from '../src/projections/build.ts'
import { declarationOf, declareIndexes, parseIndexes } from '../src/projections/declare.ts'
import { afterPrefix, compareKeys, keyOf, textKey } from '../src/projections/key.ts'
import { createProject } from '../src/projections/extract.ts'
import { createJoins } from '../src/queries/linked.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { indexSql, keySql, scanPlan } from '../src/queries/scan.ts'
import { ask, declare, documents, LIKE, NOTE, routerOf } from './support/notes.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const DID: Did = 'did:web:a.example'
const note = (fields: object = {}) => ({ $type: NOTE, createdAt: '2026-01-01T00:00:00Z', ...fields })
const { catalog } = lexiconsOf(documents())

let tables: Tables
beforeEach(() => {
  tables = openTables(undefined, documents())
})
afterEach(() => tables[Symbol.dispose]())

const count = (table = 'projections'): unknown =>
  (tables.one(`SELECT count(*) AS n FROM ${table}`) as { n: number }).n
const put = (from: number, to: number, fields: object = {}): void =>
  tables.db.transaction(() => {
    for (let i = from; i < to; i++) tables.commit(DID, [opOf('create', `${NOTE}/k${i}`, note(fields))])
  })

describe('keys', () => {
  const raw = new DatabaseSync(':memory:')
  const less = raw.prepare('SELECT ? < ? AS less')
  const text = oneof(
    string({ unit: 'binary', maxLength: 6 }),
    string({ unit: 'binary', minLength: 185, maxLength: 200 }),
  )

  test('are in the order of the database', () => {
    assert(
      property(text, text, (a, b) => {
        const [left, right] = [textKey(a), textKey(b)]
        expect(compareKeys(left, right) < 0).toBe(less.get(left, right)!['less'] === 1)
      }),
    )
    expect(compareKeys('\u{FFFD}', '\u{1F600}')).toBeLessThan(0)
    expect([compareKeys(5, 'a'), compareKeys('a', 5), compareKeys(-Infinity, 0)]).toEqual([-1, 1, -1])
  })

  test('are the same for the same text alone', () => {
    const long = 'x'.repeat(400)
    const texts = [
      '',
      'a',
      'a\0',
      'a\0b',
      'x'.repeat(192),
      'x'.repeat(193),
      long,
      `${long}y`,
      '\u{D800}',
      '\u{FFFD}',
      'a'.padEnd(192),
    ]
    expect(new Set(texts.map(textKey)).size).toBe(texts.length)
    expect(texts.map(textKey)).toEqual(texts.map(textKey))
  })

  test('a prefix ends before all that do not begin with it', () => {
    assert(
      property(string({ unit: 'binary', minLength: 1, maxLength: 4 }), text, (prefix, other) => {
        const end = afterPrefix(prefix)
        const isIn = compareKeys(prefix, other) <= 0 && (end === null || compareKeys(other, end) < 0)
        expect(isIn).toBe(other.startsWith(prefix))
      }),
    )
    expect([
      afterPrefix('a\u{D7FF}'),
      afterPrefix('a\u{10FFFF}'),
      afterPrefix('\u{10FFFF}'),
      afterPrefix(''),
    ]).toEqual(['a\u{E000}', 'b', null, null])
  })

  test('a value of another kind has none', () => {
    expect([
      keyOf('integer', 1.5),
      keyOf('integer', '1'),
      keyOf('boolean', 1),
      keyOf('datetime', '2026-13-01T00:00:00Z'),
      keyOf('string', 5),
    ]).toEqual([null, null, null, null, null])
    expect([keyOf('datetime', '2026-01-01T01:00:00.5+01:00'), keyOf('boolean', true)]).toEqual([
      Date.UTC(2026, 0, 1, 0, 0, 0, 500),
      1,
    ])
  })
})

describe('declared', () => {
  test.each([
    ['com.example.note:nothing', 'has no field nothing'],
    ['com.example.note:reply', 'no text, number'],
    ['com.example.note:title.x', 'has no fields'],
    ['com.example.other:title', 'no lexicon of records com.example.other'],
    ['com.example.note:author', 'anyway'],
    ['com.example.note:title+title', 'twice'],
    ['com.example.note:title+stars+draft+createdAt', 'more than 3'],
    ['com.example.note', 'Not an index'],
    ['com.example.note:', 'Not an index'],
    ['x:title', 'Not an index'],
    ['com.example.note:a:b', 'Not an index'],
  ])('%s is refused', (text, message) => {
    expect(() => declareIndexes(catalog, [parseIndexes(text)], [])).toThrow(message)
  })

  test('createdAt, for collections of which nothing is said; of those without it, when they were indexed', () => {
    const specs = declareIndexes(catalog, [], [NOTE, 'com.example.like'])
    expect(specs.map((spec) => [spec.collection, declarationOf(spec)])).toEqual([
      [NOTE, 'createdAt'],
      [LIKE, 'indexedAt'],
    ])
  })
})

describe('made and dropped', () => {
  const names = () => createNames(tables.db)

  test('in slices; what is written meanwhile is in it, and who asks is told', async () => {
    put(0, 600)
    await declare(tables, [`${NOTE}:createdAt`], documents(), false)
    await buildSlice(tables.db, names(), tables.projections)
    const { done, until } = tables.projections.list()[0]!
    expect([done, until]).toEqual([250, 600])
    await expect(ask(routerOf(tables), `${NOTE}.listRecords`)).rejects.toMatchObject({
      error: 'IndexBuilding',
      message: expect.stringContaining('41 %'),
    })
    put(600, 610)
    // One that is not reached yet, changed; and one taken out; and one that is reached already.
    tables.commit(DID, [
      opOf('update', `${NOTE}/k500`, note({ createdAt: '2026-02-01T00:00:00Z' })),
      opOf('delete', `${NOTE}/k501`, null),
      opOf('delete', `${NOTE}/k1`, null),
    ])
    while ((await buildSlice(tables.db, names(), tables.projections)) !== null);
    expect(count()).toBe(608)
    expect(await ask(routerOf(tables), `${NOTE}.countRecords`)).toEqual({ count: 608 })
    const { records } = await ask(routerOf(tables), `${NOTE}.listRecords`, { limit: 1 })
    expect(records[0].uri).toContain('k500')
  })

  test('what is written while they are built takes the room that it takes otherwise', async () => {
    const roomOf = async (before: boolean): Promise<unknown> => {
      using mine = openTables(undefined, documents())
      const searches = [`${NOTE}:title`]
      // The name of the collection is of whose room it is that needs it first.
      mine.commit(DID, [opOf('create', `${NOTE}/first`, note())])
      if (before) await declare(mine, [`${NOTE}:createdAt,tags`], documents(), true, searches)
      mine.db.transaction(() => {
        for (let i = 0; i < 400; i++) {
          mine.commit(DID, [opOf('create', `${NOTE}/k${i}`, note({ title: 'one', tags: ['a'] }))])
        }
      })
      await declare(mine, [`${NOTE}:createdAt,tags`], documents(), false, searches)
      if (!before) await buildSlice(mine.db, createNames(mine.db), mine.projections)
      // One that was reached already, and one that was not.
      for (const rkey of ['k10', 'k390']) {
        mine.commit(DID, [opOf('update', `${NOTE}/${rkey}`, note({ title: 'two', tags: ['b', 'c'] }))])
      }
      while ((await buildSlice(mine.db, createNames(mine.db), mine.projections)) !== null);
      expect(await ask(routerOf(mine), `${NOTE}.searchRecords`, { q: 'two' })).toMatchObject({
        records: { length: 2 },
      })
      expect(mine.one('SELECT count(*) AS n FROM search_3_docsize')).toEqual({ n: 400 })
      return mine.one('SELECT stored FROM accounts WHERE did = ?', DID)
    }
    expect(await roomOf(false)).toEqual(await roomOf(true))
  })

  test('one of two goes, and the other stays whole', async () => {
    await declare(tables, [`${NOTE}:createdAt,title`])
    put(0, 700, { title: 'x' })
    expect(count()).toBe(1400)
    await declare(tables, [`${NOTE}:title`], documents(), false)
    await buildSlice(tables.db, names(), tables.projections)
    expect(count()).toBe(900)
    await expect(ask(routerOf(tables), `${NOTE}.listRecords`, { sort: 'title' })).resolves.toMatchObject({
      records: { length: 50 },
    })
    while ((await buildSlice(tables.db, names(), tables.projections)) !== null);
    expect([count(), tables.projections.list().length]).toEqual([700, 1])
    await declare(tables, [])
    expect([count(), count('projected'), tables.projections.list().length]).toEqual([0, 0, 0])
    // Nothing of it comes back, under its id or another.
    await declare(tables, [`${NOTE}:createdAt`])
    expect(tables.projections.list()[0]!.id).toBe(3)
  })

  test('an index whose field has another type now is another', async () => {
    await declare(tables, [`${NOTE}:stars`])
    put(0, 3, { stars: 5 })
    const other = structuredClone(documents()) as any
    other[0].defs.main.record.properties.stars = { type: 'string' }
    await declare(tables, [`${NOTE}:stars`], other)
    expect([count(), tables.projections.list()[0]!.columns]).toEqual([
      0,
      [expect.objectContaining({ kind: 'string' })],
    ])
  })

  test('on a database that is opened again in the middle', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'projections-'))
    tables[Symbol.dispose]()
    tables = openTables(undefined, documents(), folder)
    put(0, 600)
    await declare(tables, [`${NOTE}:createdAt`], documents(), false)
    await buildSlice(tables.db, names(), tables.projections)
    tables[Symbol.dispose]()
    tables = openTables(undefined, documents(), folder)
    put(600, 601)
    await declare(tables, [`${NOTE}:createdAt`])
    expect(count()).toBe(601)
    rmSync(folder, { recursive: true })
  })

  test('what an account has in indexes is of its room, and goes with it', async () => {
    const stored = (): unknown =>
      (tables.one('SELECT stored FROM accounts WHERE did = ?', DID) as { stored: number }).stored
    put(0, 5)
    const without = stored()
    await declare(tables, [`${NOTE}:createdAt`])
    expect(stored()).toBeGreaterThan(Number(without) + 5 * 20)
    put(5, 10)
    for (let i = 0; i < 10; i++) tables.commit(DID, [opOf('delete', `${NOTE}/k${i}`, null)])
    // Names stay; an entry of each record would be 48 bytes.
    expect(stored()).toBeLessThan(200)
    put(10, 15)
    tables.account(DID, 'deleted')
    await tables.applier.purgeDeleted(new AbortController().signal)
    expect([count(), count('projected')]).toEqual([0, 0])
  })
})

describe('labels', () => {
  test('records are judged anew, in slices, when their lexicon has changed', async () => {
    await declare(tables, [`${NOTE}:createdAt`])
    put(0, 300, { title: 'abc' })
    put(300, 301, { title: 'abcd' })
    const invalid = (): unknown =>
      (tables.one('SELECT count(*) AS n FROM records WHERE validity = 2') as { n: number }).n
    expect(invalid()).toBe(0)
    const stricter = documents(true)
    await declare(tables, [`${NOTE}:createdAt`], stricter)
    const judge = createJudge(lexiconsOf(stricter).catalog)
    const slices = []
    for (
      let one;
      (one = await rejudgeSlice(tables.db, createNames(tables.db), tables.projections, () => judge)) !== null;
    )
      slices.push(one.done)
    expect([slices, invalid()]).toEqual([[0, 250], 1])
    await declare(tables, [`${NOTE}:createdAt`], stricter)
    expect(await rejudgeSlice(tables.db, createNames(tables.db), tables.projections, () => judge)).toBe(null)
    // What is moved in an index by its label is taken out of it where it stands.
    await declare(tables, [`${NOTE}:validity+createdAt`], stricter)
    await declare(tables, [`${NOTE}:validity+createdAt`])
    const lenient = createJudge(catalog)
    while (
      (await rejudgeSlice(tables.db, createNames(tables.db), tables.projections, () => lenient)) !== null
    );
    expect(count('projections WHERE a = 0')).toBe(301)
    tables.commit(DID, [opOf('delete', `${NOTE}/k300`, null)])
    expect([count(), count('projected')]).toEqual([300, 300])
    put(300, 301, { title: 'abcd' })
    // Without a lexicon nothing is known of them.
    await declare(tables, [], [])
    const none = createJudge(lexiconsOf([]).catalog)
    while ((await rejudgeSlice(tables.db, createNames(tables.db), tables.projections, () => none)) !== null);
    expect(tables.one('SELECT count(*) AS n FROM records WHERE validity = 1')).toEqual({ n: 301 })
  })
})

describe('how they are read', () => {
  const plan = (sql: string): string =>
    tables.db.raw
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map((row) => row['detail'])
      .join('; ')
  const bound = { key: 1, inclusive: true }

  test('a stretch that is at its end is not read again', async () => {
    await declare(tables, [`${NOTE}:title+createdAt`])
    put(0, 5, { title: 'a' })
    put(5, 8, { title: 'b' })
    const statements: string[] = []
    const counting = new Proxy(tables.db, {
      get: (db, name) => {
        if (name !== 'prepare') return Reflect.get(db, name) as unknown
        return (sql: string) => {
          statements.push(sql)
          return db.prepare(sql)
        }
      },
    })
    const question = {
      index: tables.projections.list()[0]!,
      stretches: [['a'], ['b'], ['c']],
      from: null,
      to: null,
      ascending: true,
      sort: null,
    }
    expect([...scanPlan(counting, 1, question, null, 100)]).toHaveLength(8)
    expect(statements).toHaveLength(3)
    // Of five, two at a time, the third reading says that there are no more.
    statements.length = 0
    expect([...scanPlan(counting, 1, { ...question, stretches: [['a']] }, null, 2)]).toHaveLength(5)
    expect(statements).toHaveLength(3)
  })

  test('every list is one search of one index: no scan, no sorting', () => {
    for (const equal of [0, 1, 2, 3]) {
      for (const ascending of [true, false]) {
        for (const from of [null, bound]) {
          for (const to of [null, bound]) {
            for (const after of [null, [1, 1, 1, 1].slice(equal)]) {
              if (equal === 3 && (from ?? to) !== null) continue
              const said = plan(indexSql({ from, to, ascending }, equal, after).sql)
              expect(said).toMatch(/^SEARCH projections USING PRIMARY KEY \(place=\?[^;]*\)$/)
              for (const column of ['a', 'b', 'c'].slice(0, equal)) expect(said).toContain(`${column}=?`)
              // Where it goes on, or ends, is found by the search too.
              if (after !== null) expect(said).toMatch(ascending ? />/ : /</)
            }
          }
        }
      }
    }
    for (const ascending of [true, false]) {
      for (const [isAfter, inclusive] of [
        [false, false],
        [true, false],
        [true, true],
      ] as const) {
        expect(plan(keySql(ascending, isAfter, inclusive).sql)).toMatch(
          /^SEARCH records USING (COVERING )?INDEX sqlite_autoindex_records_1 \(repo=\? AND collection=\?[^;]*\)$/,
        )
      }
    }
  })
})

describe('bounds', () => {
  const project = (texts: string[], record: object) => {
    const specs = declareIndexes(catalog, texts.map(parseIndexes), [])
    return createProject(specs.map((spec, i) => ({ ...spec, id: i + 1 })))(NOTE, record as DataObject)!
  }

  test('sixteen values of a list, each once', () => {
    const tags = ['a', 'a', ...Array.from({ length: 40 }, (_, i) => `t${i}`)]
    expect(project([`${NOTE}:tags`], note({ tags })).entries).toHaveLength(15)
  })

  test.each([193, 400, 1e6])('a text of %i characters is some two hundred', (length) => {
    const [[, key]] = project([`${NOTE}:title`], note({ title: 'x'.repeat(length) })).entries as unknown as [
      [number, string],
    ]
    expect(key.length).toBeLessThan(230)
  })

  test('nothing is inherited, and nothing of another type is taken', () => {
    expect(project([`${NOTE}:title,stars?`], { $type: NOTE, title: 5, stars: '5' }).entries).toEqual([
      [2, -Infinity, 0, 0],
    ])
    expect(project([`${NOTE}:reply.parent`], { $type: NOTE, reply: [{ parent: 'at://x' }] }).entries).toEqual(
      [],
    )
  })

  test('a slice ends with records that have many values', async () => {
    tables.db.transaction(() => {
      for (let i = 0; i < 6; i++) {
        const many = Array.from({ length: 10_000 }, () => i)
        tables.commit(DID, [opOf('create', `${NOTE}/k${i}`, note({ many }))])
      }
    })
    await declare(tables, [`${NOTE}:createdAt`], documents(), false)
    await buildSlice(tables.db, createNames(tables.db), tables.projections)
    expect(tables.projections.list()[0]!.done).toBe(3)
  })

  test('what was made of a record by other indexes is made anew', async () => {
    await declare(tables, [`${NOTE}:createdAt`])
    const op = opOf('create', `${NOTE}/k`, note())
    const examined = {
      label: { validity: 'valid', reason: null },
      edition: 0,
      links: [],
      projected: { version: 'old', entries: [[9, 9, 9, 9]], texts: [] },
    }
    tables.commit(DID, [{ ...op, examined }])
    expect(tables.db.prepare('SELECT place, a FROM projections').all()).toEqual([
      { place: 1, a: Date.UTC(2026, 0, 1) },
    ])
  })

  test('indexes that were declared in vain are not written to', async () => {
    const specs = declareIndexes(catalog, [parseIndexes(`${NOTE}:createdAt`)], [])
    expect(() =>
      tables.db.transaction(() => {
        tables.projections.declare(specs)
        expect(tables.projections.active().indexes).toHaveLength(1)
        throw new Error('not now')
      }),
    ).toThrow('not now')
    expect(tables.projections.active().indexes).toEqual([])
    put(0, 1)
    expect(count()).toBe(0)
  })

  test('one that is declared again while it is dropped is made anew', async () => {
    await declare(tables, [`${NOTE}:createdAt`])
    put(0, 600)
    await declare(tables, [], documents(), false)
    await buildSlice(tables.db, createNames(tables.db), tables.projections)
    expect(count()).toBe(100)
    await declare(tables, [`${NOTE}:createdAt`])
    expect([count(), await ask(routerOf(tables), `${NOTE}.countRecords`)]).toEqual([600, { count: 600 }])
  })

  test('a definition that a lexicon refers to is of it', () => {
    const other = structuredClone(documents()) as any
    other[0].defs.main.record.properties.reply = { type: 'ref', ref: 'com.example.defs' }
    const defs = (maxLength: number): any => ({
      lexicon: 1,
      id: 'com.example.defs',
      defs: { main: { type: 'object', properties: { parent: { type: 'string', maxLength } } } },
    })
    const hash = (maxLength: number): string =>
      lexiconHash(lexiconsOf([...other, defs(maxLength)]).catalog, NOTE)
    expect(hash(1)).toBe(hash(1))
    expect(hash(1)).not.toBe(hash(2))
  })

  test('links of one answer are read up to a bound', () => {
    const joins = createJoins(tables.db, createRecordReader(tables.db))
    const target = `at://${DID}/${NOTE}/k`
    tables.db.transaction(() => {
      for (let i = 0; i < 1100; i++)
        tables.commit(DID, [opOf('create', `${LIKE}/k${i}`, { $type: LIKE, subject: target })])
    })
    const budget = joins.budget()
    const counts = Array.from({ length: 6 }, () => joins.linked(target, `${LIKE}:subject`, 0, budget))
    expect(counts.map(({ count: n, more }) => [n, more])).toEqual([
      ...Array.from({ length: 5 }, () => [1000, true]),
      [0, true],
    ])
  })
})
