// Lexicons that change while it runs: in force at once or not at all, and no answer is by those of before.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Router } from '@avocet/xrpc-server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { addCommands } from '../src/commands/commands.ts'
import { createNames } from '../src/database/names.ts'
import { type CollectionAnswers, createCollectionAnswers } from '../src/http/collection-answers.ts'
import { createEditions, type Editions } from '../src/lexicons/editions.ts'
import { lexiconsOf } from '../src/lexicons/load.ts'
import { noteLexicons, rejudgeSlice } from '../src/lexicons/rejudge.ts'
import { createReload, type LexiconChoices } from '../src/lexicons/reload.ts'
import { openIndexChoices, type OpenedIndexes } from '../src/projections/choices.ts'
import { declarationOf, parseIndexes } from '../src/projections/declare.ts'
import { createLabels, type Labels } from '../src/queries/labels.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { createSearcher } from '../src/search/searcher.ts'
import { startHost } from './support/host.ts'
import { eventually, query, startIndexer } from './support/indexer.ts'
import { ask, askAll, declare, documents, LIKE, NOTE, type Params, routerOf } from './support/notes.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const DID = 'did:web:a.example'
const TOKEN = 'correct-horse-battery-staple'
const createdAt = '2026-01-01T00:00:00Z'
const LENIENT = lexiconsOf(documents())
const STRICT = lexiconsOf(documents(true))

let folder: string
let tables: Tables
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reload-'))
  tables = openTables(undefined, documents())
})
afterEach(() => {
  tables[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})
const put = (rkey: string, title: string, more: object = {}): void =>
  tables.commit(DID, [opOf('create', `${NOTE}/${rkey}`, { $type: NOTE, createdAt, title, ...more })])

describe('answers while records are judged anew', () => {
  let editions: Editions
  let labels: Labels
  let router: Router
  const open = async (indexes: readonly string[]): Promise<void> => {
    await declare(tables, indexes, documents(), true, [`${NOTE}:title`])
    editions = createEditions(LENIENT)
    labels = createLabels(tables.db, () => editions.now().judge)
    router = routerOf(tables, documents(), null, labels)
    while (await slice());
    expect(await askAll(router, {})).not.toEqual([])
  }
  /** As reloading does. */
  const enter = (lexicons = STRICT): void => {
    tables.db.transaction(() => noteLexicons(tables.db, lexicons.catalog, lexicons.collections))
    editions.enter(editions.next(lexicons))
    labels.refresh()
  }
  const slice = async (): Promise<boolean> => {
    const done = await rejudgeSlice(
      tables.db,
      createNames(tables.db),
      tables.projections,
      () => editions.now().judge,
    )
    labels.refresh()
    return done !== null
  }
  const keys = async (params: Params = {}, method = 'listRecords'): Promise<string[]> =>
    (await askAll(router, params, `${NOTE}.${method}`)).map((uri) => uri.split('/').at(-1)!)

  test('lists, counts and searches are by the lexicons in force, before each slice and after it', async () => {
    for (let i = 0; i < 600; i++) put(`k${i}`, i % 3 === 0 ? 'abc' : 'abcd')
    await open([`${NOTE}:createdAt,validity+createdAt`])
    enter()
    let slices = 0
    do {
      expect(new Set(await keys({ limit: 100 }))).toEqual(
        new Set(Array.from({ length: 200 }, (_, i) => `k${i * 3}`)),
      )
      expect(await ask(router, `${NOTE}.countRecords`)).toEqual({ count: 200 })
      expect(await keys({ q: 'abcd' }, 'searchRecords')).toEqual([])
      slices++
    } while (await slice())
    expect(slices).toBe(4)
    enter(LENIENT)
    expect(await ask(router, `${NOTE}.countRecords`)).toEqual({ count: 600 })
    expect(await ask(router, `${NOTE}.listRecords`, { validity: 'invalid', limit: 1 })).toMatchObject({
      unfit: [],
    })
  })

  test('what only an index by validity answers waits, and says how far it is', async () => {
    for (let i = 0; i < 300; i++) put(`k${i}`, 'abcd')
    await open([`${NOTE}:createdAt,validity+stars?`])
    const unfit = (): Promise<Record<string, any>> =>
      ask(router, `${NOTE}.listRecords`, { validity: 'invalid', sort: 'stars' })
    enter()
    const message = expect.stringMatching(/judged by other lexicons, 0 %/)
    await expect(unfit()).rejects.toMatchObject({ error: 'IndexBuilding', message })
    await slice()
    await expect(unfit()).rejects.toThrow('83 %')
    while (await slice());
    expect((await unfit())['unfit']).toHaveLength(50)
  })

  test('records that an answer has no room to judge are in the next', async () => {
    const long = 'x'.repeat(400_000)
    for (let i = 0; i < 8; i++) put(`k${i}`, i % 2 === 0 ? 'abc' : 'abcd', { long })
    await open([`${NOTE}:createdAt`])
    enter()
    const first = await ask(router, `${NOTE}.listRecords`, { order: 'asc' })
    expect([first['records'].length, typeof first['cursor']]).toEqual([2, 'string'])
    expect(await keys({ order: 'asc' })).toEqual(['k0', 'k2', 'k4', 'k6'])
    expect(await ask(router, `${NOTE}.countRecords`)).toEqual({ count: 4 })
  })

  test('lexicons that come while a slice waits for its turn are those that it judges by', async () => {
    for (let i = 0; i < 300; i++) put(`k${i}`, 'abcd')
    await open([`${NOTE}:createdAt`])
    enter()
    await slice()
    const waiting = slice()
    enter(LENIENT)
    await waiting
    while (await slice());
    expect(tables.one('SELECT count(*) AS n FROM records WHERE validity = 0')).toEqual({ n: 300 })
  })
})

describe('what is refused changes nothing', () => {
  const kept: string[] = []
  let editions: Editions
  let answers: CollectionAnswers
  let indexes: OpenedIndexes
  let reload: LexiconChoices
  let given = STRICT
  const queries = (): string => join(folder, 'queries.json')
  const mapping = (output: object) => ({
    'com.example.getNotes': { list: NOTE, parameters: {}, output },
  })
  const GET_NOTES: any = {
    lexicon: 1,
    id: 'com.example.getNotes',
    defs: {
      main: {
        type: 'query',
        output: {
          encoding: 'application/json',
          schema: {
            type: 'object',
            required: ['uris'],
            properties: { uris: { type: 'array', items: { type: 'string', format: 'at-uri' } } },
          },
        },
      },
    },
  }
  const withQuery = (stricter: boolean) => lexiconsOf([...documents(stricter), GET_NOTES])

  beforeEach(() => {
    kept.length = 0
    writeFileSync(queries(), JSON.stringify(mapping({ uris: { $each: 'uri' } })))
    const lexicons = withQuery(false)
    editions = createEditions(lexicons)
    indexes = openIndexChoices({
      db: tables.db,
      lexicons,
      projections: tables.projections,
      flags: { declared: [parseIndexes(`${NOTE}:createdAt,title`)], searched: [] },
      onLog: () => {},
      now: () => tables.now,
    })
    const labels = createLabels(tables.db, () => editions.now().judge)
    const records = createRecordReader(tables.db, labels)
    answers = createCollectionAnswers({
      db: tables.db,
      editions,
      labels,
      projections: tables.projections,
      records,
      searcher: createSearcher(tables.db, null),
      findAccount: async (actor) => records.account(actor),
      files: [queries()],
      onError: () => {},
    })
    reload = createReload({
      db: tables.db,
      editions,
      load: async (note) => {
        note('read')
        return { lexicons: given, keep: () => kept.push('kept') }
      },
      indexes,
      prepare: answers.prepare,
      onEntered: () => labels.refresh(),
      onLog: () => {},
    })
  })
  const state = () => ({
    indexes: indexes.choices.list(),
    lexicons: reload.status(),
    documents: answers.documents().map(({ id }) => id),
    kept: [...kept],
  })
  const uris = async (): Promise<unknown> => {
    const request = new Request('http://localhost/xrpc/com.example.getNotes')
    const response = await answers.method('com.example.getNotes', request, null)
    return response === null ? null : await response.json()
  }
  const without = (field: string): any => {
    const [note, ...others] = structuredClone([...documents(true), GET_NOTES]) as any[]
    delete note.defs.main.record.properties[field]
    return lexiconsOf([note, ...others])
  }

  test.each([
    ['a field that a flag names is gone', () => without('title'), null, 'no field title'],
    ['the lexicon of a query is gone', () => STRICT, null, 'com.example.getNotes'],
    ['a file of queries does not fit', () => withQuery(true), mapping({ uris: { $each: 'cid' } }), 'cid'],
    ['a file of queries is none', () => withQuery(true), 5, 'queries.json'],
  ])('%s', async (_, lexicons, file, message) => {
    put('one', 'abcd')
    const before = state()
    given = lexicons()
    if (file !== null) writeFileSync(queries(), JSON.stringify(file))
    expect(await reload.reload()).toEqual({
      ok: false,
      error: { code: 'invalid', message: expect.stringContaining(message) },
    })
    expect(state()).toEqual(before)
    expect(await uris()).toEqual({ uris: [`at://${DID}/${NOTE}/one`] })
  })

  test('what fits is in force with its queries, and stays so when an index comes', async () => {
    put('one', 'abcd')
    put('two', 'abc')
    given = withQuery(true)
    writeFileSync(queries(), JSON.stringify({}))
    const [first, second] = await Promise.all([reload.reload(), reload.reload()])
    expect(second).toMatchObject({ ok: false, error: { code: 'busy' } })
    expect(first).toMatchObject({
      ok: true,
      value: { edition: 1, collections: [LIKE, NOTE], notes: ['read'] },
    })
    expect([kept, await uris()]).toEqual([['kept'], null])
    expect(await indexes.choices.add('fields', [`${NOTE}:stars`])).toMatchObject({ ok: true })
    expect(await uris()).toBe(null)
    writeFileSync(queries(), JSON.stringify(mapping({ uris: { $each: 'uri' } })))
    expect(await reload.reload()).toMatchObject({ ok: true })
    expect(await uris()).toEqual({ uris: [`at://${DID}/${NOTE}/two`] })
  })

  test('an index that has no field any more is left out, and comes back with it', async () => {
    await indexes.choices.add('fields', [`${NOTE}:stars`])
    given = without('stars')
    const notes = ['read', expect.stringMatching(/no field stars.*is left out/)]
    expect(await reload.reload()).toMatchObject({ ok: true, value: { notes } })
    const here = (): string[] => tables.projections.active().indexes.map(declarationOf)
    expect(here()).toEqual(['createdAt', 'title', 'indexedAt'])
    given = withQuery(true)
    expect(await reload.reload()).toMatchObject({ ok: true, value: { notes: ['read'] } })
    expect(here()).toEqual(['createdAt', 'title', 'indexedAt', 'stars'])
  })
})

test('lexicons of a folder, by the command, with threads, while it runs and over the next start', async () => {
  const lexicons = join(folder, 'lexicons')
  mkdirSync(lexicons)
  const write = (name: string, document: object): void =>
    writeFileSync(join(lexicons, `${name}.json`), JSON.stringify(document))
  const [note] = documents()
  write('note', note!)
  await using host = await startHost()
  const ada = await host.createAccount('ada')
  const create = (rkey: string, title: string): Promise<unknown> => {
    const record = { $type: NOTE, createdAt, title }
    return host.write(ada, [{ action: 'create', collection: NOTE, rkey, record }])
  }
  const config = {
    dataFolder: join(folder, 'data'),
    lexicons: [lexicons],
    workers: 1,
    admin: { host: '127.0.0.1', port: 0, token: TOKEN },
  }
  const known = async (of: { url: string | null }): Promise<string[]> =>
    ((await query(of, `${NOTE}.listRecords`, {})).body['records'] as { uri: string }[]).map(({ uri }) =>
      uri.split('/').at(-1)!,
    )
  {
    await using indexer = await startIndexer(host, config)
    const command = async (...args: string[]): Promise<[code: number, text: string]> => {
      const printed: string[] = []
      const saved = { log: console.log, error: console.error }
      console.log = console.error = (text: string) => void printed.push(text)
      const env = { AVOCET_ADMIN_TOKEN: TOKEN }
      try {
        const url = ['--admin-url', indexer.adminUrl!]
        const code = await addCommands(env).run(['node', 'avocet-indexer', ...args, ...url])
        return [code, printed.join('\n')]
      } finally {
        Object.assign(console, saved)
      }
    }
    await create('four', 'abcd')
    await create('three', 'abc')
    await eventually(async () => (await known(indexer)).length === 2)

    writeFileSync(join(lexicons, 'broken.json'), '{"lexicon":1,')
    const [code, said] = await command('reload-lexicons')
    expect([code, said]).toEqual([1, expect.stringMatching(/400: Cannot load lexicons.*broken\.json/)])
    rmSync(join(lexicons, 'broken.json'))
    expect((await known(indexer)).toSorted()).toEqual(['four', 'three'])

    const [stricter, like] = documents(true)
    write('note', stricter!)
    write('like', like!)
    expect((await query(indexer, `${LIKE}.listRecords`, {})).status).toBe(501)
    expect(await command('reload-lexicons', '--wait')).toEqual([
      0,
      '2 lexicons are in force, of 2 collections',
    ])
    expect(await known(indexer)).toEqual(['three'])
    await create('five', 'abcde')
    await create('two', 'ab')
    await eventually(() => indexer.status().totals.records === 4)
    expect((await known(indexer)).toSorted()).toEqual(['three', 'two'])
    expect((await query(indexer, `${LIKE}.listRecords`, {})).body).toEqual({ records: [] })
    const openApi = (await (await fetch(`${indexer.url}/openapi.json`)).json()) as { paths: object }
    expect(openApi.paths).toHaveProperty([`/xrpc/${LIKE}.countRecords`])
    expect(indexer.lexicons.status()).toEqual({
      edition: 1,
      documents: [LIKE, NOTE],
      collections: [LIKE, NOTE],
      judging: [],
    })
  }
  await using again = await startIndexer(host, config)
  expect(again.lexicons.status().judging).toEqual([])
  expect((await known(again)).toSorted()).toEqual(['three', 'two'])
})
