// Full-text search: what is found is what the words say, marked where it stands, for as long as a record is there; whatever is typed.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Did } from '@avocet/syntax'
import { assert, constantFrom, property, string } from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createNames } from '../src/database/names.ts'
import { databasePath } from '../src/database/open.ts'
import { buildSlice } from '../src/projections/build.ts'
import { declareSearches, parseSearch } from '../src/search/declare.ts'
import { matchExpression, parseTerms } from '../src/search/expression.ts'
import { highlight } from '../src/search/highlight.ts'
import { createSearcher } from '../src/search/searcher.ts'
import { lexiconsOf } from '../src/lexicons/load.ts'
import { ask, askAll, declare, documents, NOTE, type Params, routerOf } from './support/notes.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const DIDS = ['did:web:a.example', 'did:web:b.example'] as const satisfies Did[]
const SEARCH = `${NOTE}.searchRecords`

let tables: Tables
beforeEach(() => {
  tables = openTables(undefined, documents())
})
afterEach(() => tables[Symbol.dispose]())

const put = (rkey: string, title: string, more: object = {}, did: Did = DIDS[0]): void =>
  tables.commit(did, [
    opOf('create', `${NOTE}/${rkey}`, { $type: NOTE, createdAt: '2026-01-01T00:00:00Z', title, ...more }),
  ])
const search = async (params: Params): Promise<string[]> =>
  (await askAll(routerOf(tables), params, SEARCH)).map((uri) => uri.split('/').at(-1)!)
const searched = (kind = ''): Promise<void> =>
  declare(tables, [], documents(), true, [`${NOTE}:title,tags${kind}`])
const count = (sql: string): unknown => (tables.one(`SELECT count(*) AS n FROM ${sql}`) as { n: number }).n

describe('words', () => {
  beforeEach(async () => {
    put('old', 'Héllo wörld of birds')
    await searched()
    put('new', 'hello you', { tags: ['Birds', 'of a feather'], langs: ['en-GB', 'de'] })
    put('other', 'nothing of it', { langs: ['de'] }, DIDS[1])
    put('none', '', {})
  })

  test.each([
    [{ q: 'hello' }, ['new', 'old']],
    [{ q: 'HELLO world' }, ['old']],
    [{ q: '"of birds"' }, ['old']],
    [{ q: '"world hello"' }, []],
    [{ q: 'bird*' }, ['new', 'old']],
    [{ q: 'of -hello' }, ['other']],
    [{ q: 'of', author: DIDS[1] }, ['other']],
    [{ q: 'of', author: [...DIDS] }, ['other', 'new', 'old']],
    [{ q: 'of', author: 'did:web:nobody.example' }, []],
    [{ q: 'of', lang: 'en' }, ['new']],
    [{ q: 'of', lang: ['de-CH', 'fr'] }, ['other', 'new']],
    [{ q: 'of', lang: 'de', author: DIDS[0] }, ['new']],
    // Nothing of what is typed is the language of the index.
    [{ q: 'title:hello' }, []],
    [{ q: 'hello OR nothing' }, []],
    [{ q: 'langenx' }, []],
    [{ q: 'repo1x' }, []],
    [{ q: 'hello ("' }, ['new', 'old']],
    [{ q: 'hello }) NEAR(' }, []],
  ] as [Params, string[]][])('%o', async (params, expected) => {
    expect(await search({ ...params, order: 'newest', limit: 1 })).toEqual(expected)
    expect((await search({ ...params, limit: 2 })).toSorted()).toEqual(expected.toSorted())
  })

  test('what is found comes with what it points to, and with how many point to it', async () => {
    const uri = (rkey: string): string => `at://${DIDS[0]}/${NOTE}/${rkey}`
    put('reply', 'feather too', { reply: { parent: uri('new') } })
    const linked = `${NOTE}:reply.parent`
    const answer = await ask(routerOf(tables), SEARCH, { q: 'feather', hydrate: 'replyParent', linked })
    const counts = answer['records'].map((one: any) => [one.uri, one.linked])
    expect(counts).toContainEqual([uri('new'), [{ source: linked, count: 1 }]])
    expect(counts).toContainEqual([uri('reply'), [{ source: linked, count: 0 }]])
    expect(answer['included']).toEqual([
      { uri: uri('new'), cid: expect.any(String), value: expect.objectContaining({ title: 'hello you' }) },
    ])
    expect(await ask(routerOf(tables), SEARCH, { q: 'feather' })).not.toHaveProperty('included')
  })

  test('best first: where the word is of more weight', async () => {
    put('much', 'feather feather')
    expect(await search({ q: 'feather' })).toEqual(['much', 'new'])
  })

  test('what is changed, deleted or off is not found', async () => {
    tables.commit(DIDS[0], [
      opOf('update', `${NOTE}/old`, { $type: NOTE, createdAt: '2026-01-01T00:00:00Z', title: 'goodbye' }),
      opOf('delete', `${NOTE}/new`, null),
    ])
    expect([await search({ q: 'hello' }), await search({ q: 'goodbye' })]).toEqual([[], ['old']])
    tables.account(DIDS[0], 'deactivated')
    expect(await search({ q: 'goodbye' })).toEqual([])
    tables.account(DIDS[0], null)
    expect(await search({ q: 'goodbye' })).toEqual(['old'])
    put('wrong', 'goodbye', { stars: 'many' })
    expect(await search({ q: 'goodbye' })).toEqual(['old'])
  })

  test('goes with its index, and an account that is deleted leaves nothing', async () => {
    expect(count('search_1_docsize')).toBe(3)
    tables.account(DIDS[0], 'deleted')
    await tables.applier.purgeDeleted(new AbortController().signal)
    expect([count('search_1_docsize'), count('projected')]).toEqual([1, 1])
    await declare(tables, [])
    expect([count('projected'), count("sqlite_schema WHERE name LIKE 'search%'")]).toEqual([0, 0])
  })

  test.each([
    ['', 'no word'],
    ['!!! ---', 'no word'],
    ['-hello', 'no word'],
    ['ab*', '3 letters'],
    [Array.from({ length: 17 }, (_, i) => `w${i}`).join(' '), '16 words'],
    ['x'.repeat(257), '256 characters'],
  ])('%o is refused', async (q, message) => {
    const refused = { status: 400, error: 'InvalidQuestion', message: expect.stringContaining(message) }
    await expect(ask(routerOf(tables), SEARCH, { q })).rejects.toMatchObject(refused)
  })

  test('a cursor is for no other question', async () => {
    const router = routerOf(tables)
    const { cursor } = await ask(router, SEARCH, { q: 'of', limit: 1 })
    for (const other of [{ q: 'hello' }, { q: 'of', order: 'newest' }, { q: 'of', lang: 'de' }] as Params[]) {
      await expect(ask(router, SEARCH, { ...other, cursor })).rejects.toMatchObject({
        error: 'InvalidCursor',
      })
    }
  })

  test('says where the words stand', async () => {
    const { records } = await ask(routerOf(tables), SEARCH, { q: 'bird* hello', order: 'newest' })
    expect(records.map(({ highlights }: { highlights: unknown }) => highlights)).toEqual([
      [
        { field: 'title', text: 'hello you', ranges: [{ byteStart: 0, byteEnd: 5 }] },
        { field: 'tags', text: 'Birds\nof a feather', ranges: [{ byteStart: 0, byteEnd: 5 }] },
      ],
      [
        {
          field: 'title',
          text: 'Héllo wörld of birds',
          ranges: [
            { byteStart: 0, byteEnd: 6 },
            { byteStart: 17, byteEnd: 22 },
          ],
        },
      ],
    ])
  })
})

test('built from what was there, in slices; until then it says so', async () => {
  tables.db.transaction(() => {
    for (let i = 0; i < 600; i++) put(`k${i}`, `word${i % 3}`)
  })
  await declare(tables, [], documents(), false, [`${NOTE}:title`])
  await buildSlice(tables.db, createNames(tables.db), tables.projections)
  await expect(ask(routerOf(tables), SEARCH, { q: 'word1' })).rejects.toMatchObject({
    error: 'IndexBuilding',
  })
  put('later', 'word1')
  tables.commit(DIDS[0], [opOf('delete', `${NOTE}/k1`, null), opOf('delete', `${NOTE}/k598`, null)])
  while ((await buildSlice(tables.db, createNames(tables.db), tables.projections)) !== null);
  expect(await search({ q: 'word1', order: 'newest', limit: 100 })).toHaveLength(199)
  expect(await search({ q: 'word1', limit: 100 })).toHaveLength(199)
})

test('any three letters, for what has no spaces', async () => {
  await searched(':trigram')
  put('ja', '東京都に住んでいます', { langs: ['ja'] })
  put('en', 'unbelievable')
  expect(await search({ q: '京都に' })).toEqual(['ja'])
  expect(await search({ q: 'LIEV', author: DIDS[0] })).toEqual(['en'])
  expect(await search({ q: 'repo' })).toEqual([])
  await expect(search({ q: '東京' })).rejects.toMatchObject({ error: 'InvalidQuestion' })
  const { records } = await ask(routerOf(tables), SEARCH, { q: '京都に', lang: 'ja' })
  expect(records[0].highlights[0].ranges).toEqual([{ byteStart: 3, byteEnd: 12 }])
})

test('with any three letters, the records of account 57 are not those of account 5', async () => {
  for (const [i, id] of [57, 5].entries()) {
    tables.db.prepare('INSERT INTO names (id, name) VALUES (?, ?)').run(id, DIDS[i]!)
  }
  await searched(':trigram')
  put('of57', 'hello')
  put('of5', 'hello', {}, DIDS[1])
  expect(await search({ q: 'hello', author: DIDS[1] })).toEqual(['of5'])
  expect(await search({ q: 'hello', author: DIDS[0] })).toEqual(['of57'])
})

describe('whatever is typed', () => {
  const typed = string({
    unit: constantFrom(
      ...'ab "*-(){}:^+\'\\\0é東'.split(''),
      ' AND ',
      ' OR ',
      ' NEAR(',
      'f0',
      'meta : ',
      '\u{D800}',
    ),
  })

  test('is an expression that the index takes', async () => {
    put('a', 'ab é 東')
    await searched()
    const find = tables.db.raw.prepare('SELECT rowid FROM search_1 WHERE search_1 MATCH ?')
    assert(
      property(typed, (question) => {
        const terms = parseTerms(question, 'words')
        if (!terms.ok) return
        expect(() => find.all(matchExpression(terms.value, 2, [['repo1x']]))).not.toThrow()
      }),
      { numRuns: 1000 },
    )
  })

  test('a quote in a word is part of it', async () => {
    put('a', 'alpha')
    await searched()
    const find = tables.db.raw.prepare('SELECT rowid FROM search_1 WHERE search_1 MATCH ?')
    const term = { text: 'x" OR "alpha', prefix: false, not: false }
    expect(find.all(matchExpression([term], 2, []))).toEqual([])
  })

  test('a part begins and ends with whole characters', () => {
    for (const [before, after] of [
      ['\u{1F600}'.repeat(100), ' x'],
      [`${'\u{1F600}'.repeat(100)}x`, '\u{1F600}'.repeat(200)],
      ['', ` x${'\u{1F600}'.repeat(200)}`],
      ['', ` ${'\u{1F600}'.repeat(200)}`],
    ]) {
      const found = highlight(
        `${before} needle${after}`,
        [{ text: 'needle', prefix: false, not: false }],
        'words',
      )
      expect(found!.text.isWellFormed()).toBe(true)
    }
  })

  test('what is marked is in the text, at whole characters', () => {
    assert(
      property(
        string({ unit: 'binary', maxLength: 400 }),
        typed,
        constantFrom('words', 'trigram'),
        (text, question, kind) => {
          const terms = parseTerms(question, kind)
          const found = terms.ok ? highlight(text, terms.value, kind) : null
          if (found === null) return
          expect(text).toContain(found.text)
          const bytes = Buffer.from(found.text)
          expect(found.ranges.length).toBeGreaterThan(0)
          for (const { byteStart, byteEnd } of found.ranges) {
            expect(byteStart).toBeLessThan(byteEnd)
            expect(byteEnd).toBeLessThanOrEqual(bytes.length)
            expect(bytes.subarray(byteStart, byteEnd).toString()).not.toContain('\u{FFFD}')
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('a text of a megabyte is marked in a part of it', () => {
    const terms = parseTerms('needle', 'words')
    const found = highlight(
      `${'hay '.repeat(300)}needle ${'hay '.repeat(250_000)}`,
      terms.ok ? terms.value : [],
      'words',
    )
    expect(found!.text.length).toBeLessThan(400)
    expect(found!.ranges).toEqual([{ byteStart: 60, byteEnd: 66 }])
  })
})

describe('in a process of its own', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'search-'))
    tables[Symbol.dispose]()
    tables = openTables(undefined, documents(), folder)
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test('a question that takes too long is given up, and the next is answered', async () => {
    const searcher = createSearcher(tables.db, databasePath(folder), 400)
    const endless =
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS record FROM n'
    const [first, second] = [searcher.ask(endless, []), searcher.ask('SELECT 7 AS record', [])]
    expect([await first, await second]).toEqual([null, [{ record: 7 }]])
    await expect(searcher.ask('SELECT nonsense', [])).rejects.toThrow('nonsense')
    const many = Array.from({ length: 40 }, () => searcher.ask('SELECT 1 AS record', []))
    expect((await Promise.all(many)).filter((rows) => rows === null)).toHaveLength(8)
    const open = searcher.ask(endless, [])
    await delay(100)
    await searcher.close()
    expect([await open, await searcher.ask('SELECT 1 AS record', [])]).toEqual([null, null])
  })

  test('who asks a lot takes turns with others, and does not fill the queue', async () => {
    const searcher = createSearcher(tables.db, databasePath(folder), 5000)
    const order: string[] = []
    const from = (asker: string, n: number): Promise<boolean>[] =>
      Array.from({ length: n }, async () => {
        const rows = await searcher.ask('SELECT 1 AS record', [], asker)
        if (rows !== null) order.push(asker)
        return rows !== null
      })
    const many = from('many', 40)
    const others = [...from('a', 3), ...from('b', 1)]
    // Four of those that waited made room: the last ones, whoever asks most.
    expect((await Promise.all(many)).map((is, i) => (is ? -1 : i)).filter((i) => i >= 0)).toEqual(
      Array.from({ length: 12 }, (_, i) => 28 + i),
    )
    expect(await Promise.all(others)).toEqual([true, true, true, true])
    expect(order.slice(0, 7)).toEqual(['many', 'many', 'a', 'b', 'many', 'a', 'many'])
    // Where all come from one address, as behind a proxy, the queue is theirs.
    expect((await Promise.all(from('proxy', 33))).filter((is) => !is)).toHaveLength(1)
    await searcher.close()
  })

  test('finds what was written a moment ago', async () => {
    await searched()
    put('one', 'hello')
    const router = routerOf(tables, documents(), databasePath(folder))
    expect(await askAll(router, { q: 'hello' }, SEARCH)).toHaveLength(1)
    put('two', 'hello')
    expect(await askAll(router, { q: 'hello' }, SEARCH)).toHaveLength(2)
  })
})

test.each([
  [`${NOTE}:nothing`, 'no field'],
  [`${NOTE}:stars`, 'no text'],
  [`${NOTE}:title:letters`, 'Not a search'],
  [NOTE, 'Not a search'],
  [`${NOTE}:${'title,'.repeat(8)}title`, 'more than 8'],
])('%s is refused', (text, message) => {
  expect(() => declareSearches(lexiconsOf(documents()).catalog, [parseSearch(text)])).toThrow(message)
})

test('how newest first is read: no sorting', async () => {
  await searched()
  const plan = tables.db.raw
    .prepare(
      'EXPLAIN QUERY PLAN SELECT rowid FROM search_1 WHERE search_1 MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?',
    )
    .all() as { detail: string }[]
  expect(plan.map(({ detail }) => detail)).toEqual([expect.stringContaining('VIRTUAL TABLE')])
})
