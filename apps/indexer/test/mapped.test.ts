// Query lexicons of authors, answered by a file: what they give is what their lexicons say, and a file that cannot be so is refused with
// the place.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LexiconDocument, parseLexicon } from '@avocet/lexicon'
import { createRouter, type Router } from '@avocet/xrpc-server'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLinkers } from '../src/backlinks/linkers.ts'
import { createCollectionAnswers } from '../src/http/collection-answers.ts'
import { createEditions } from '../src/lexicons/editions.ts'
import { lexiconsOf } from '../src/lexicons/load.ts'
import { checkMappings } from '../src/mapped/check.ts'
import { parseMappings } from '../src/mapped/mapping.ts'
import { addMapped } from '../src/mapped/serve.ts'
import { createCollectionReader } from '../src/queries/collections.ts'
import { STORED_LABELS } from '../src/queries/labels.ts'
import { createJoins } from '../src/queries/linked.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { createSearcher } from '../src/search/searcher.ts'
import { ask, declare, documents, LIKE, NOTE } from './support/notes.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const DIDS = ['did:web:a.example', 'did:web:b.example'] as const satisfies Did[]
const time = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()
const uriOf = (did: string, rkey: string): string => `at://${did}/${NOTE}/${rkey}`

const text = { type: 'string' }
const uri = { type: 'string', format: 'at-uri' }
const query = (id: string, parameters: object, output: object, defs: object = {}): LexiconDocument => {
  const main = { type: 'query', parameters, output: { encoding: 'application/json', schema: output } }
  const parsed = parseLexicon({ lexicon: 1, id, defs: { main, ...defs } })
  if (!parsed.ok) throw new Error(parsed.error.message)
  return parsed.value
}
const page = { limit: { type: 'integer', minimum: 1, maximum: 500, default: 30 }, cursor: text }
const view = {
  type: 'object',
  required: ['uri', 'author', 'record', 'likes'],
  properties: {
    uri,
    author: { type: 'ref', ref: '#author' },
    record: { type: 'ref', ref: NOTE },
    title: text,
    likes: { type: 'integer' },
    indexedAt: { type: 'string', format: 'datetime' },
    parent: { type: 'ref', ref: '#parent' },
  },
}
const author = {
  type: 'object',
  required: ['did'],
  properties: { did: { type: 'string', format: 'did' }, handle: { type: 'string', format: 'handle' } },
}
const parent = {
  type: 'object',
  required: ['uri', 'value'],
  properties: { uri, value: { type: 'union', refs: [NOTE, LIKE] }, stars: { type: 'integer' } },
}
const defs = { view, author, parent }
const notes = {
  type: 'object',
  required: ['notes'],
  properties: {
    cursor: text,
    notes: { type: 'array', items: { type: 'ref', ref: 'com.example.getNotes#view' } },
  },
}
const own: readonly LexiconDocument[] = [
  query(
    'com.example.getNotes',
    {
      type: 'params',
      required: ['title'],
      properties: {
        title: { type: 'array', items: text },
        since: { type: 'string', format: 'datetime' },
        ...page,
      },
    },
    notes,
    defs,
  ),
  query('com.example.getNote', { type: 'params', required: ['uri'], properties: { uri } }, view, {
    author,
    parent,
  }),
  query(
    'com.example.countNotes',
    { type: 'params', properties: { actor: { type: 'string', format: 'at-identifier' } } },
    { type: 'object', required: ['total'], properties: { total: { type: 'integer' } } },
  ),
  query(
    'com.example.findNotes',
    { type: 'params', required: ['q'], properties: { q: text, ...page } },
    notes,
  ),
]
const shape = {
  uri: 'uri',
  author: { did: 'did', handle: 'handle' },
  record: 'value',
  title: 'value.title',
  likes: `count ${LIKE}:subject`,
  indexedAt: 'indexedAt',
  parent: { $behind: 'reply.parent', $of: NOTE, $as: { uri: 'uri', value: 'value', stars: 'value.stars' } },
}
const list = { cursor: 'cursor', notes: { $each: shape } }
const mappings = {
  'com.example.getNotes': {
    list: NOTE,
    parameters: { title: 'title', since: 'createdAtFrom', limit: 'limit', cursor: 'cursor' },
    constants: { sort: 'createdAt', order: 'desc' },
    output: list,
  },
  'com.example.getNote': { get: NOTE, parameters: { uri: 'uri' }, output: shape },
  'com.example.countNotes': { count: NOTE, parameters: { actor: 'author' }, output: { total: 'count' } },
  'com.example.findNotes': {
    search: NOTE,
    parameters: { q: 'q', limit: 'limit', cursor: 'cursor' },
    constants: { order: 'newest' },
    output: list,
  },
}
const lexicons = lexiconsOf([...documents(), ...own])
const { catalog } = lexicons
const INDEXES = [`${NOTE}:createdAt,title+createdAt,author+createdAt`]

let tables: Tables
beforeEach(async () => {
  tables = openTables(undefined, documents())
  await declare(tables, INDEXES, documents(), true, [`${NOTE}:title`])
})
afterEach(() => tables[Symbol.dispose]())

/** Answers are checked by the lexicons of authors. */
function routerOf(given: object = mappings, known = catalog): Router {
  const records = createRecordReader(tables.db)
  const reader = createCollectionReader(tables.db, known, tables.projections)
  const mapped = checkMappings(parseMappings(given, 'queries.json'), known, reader)
  const router = createRouter({ validateOutput: true })
  addMapped(router, mapped, {
    reader,
    records,
    joins: createJoins(tables.db, records),
    linkers: createLinkers(tables.db),
    searcher: createSearcher(tables.db, null),
    findAccount: async (actor) => records.account(actor),
  })
  return router
}
const note = (rkey: string, fields: object, did: Did = DIDS[0], createdAt = time(0)): void =>
  tables.commit(did, [opOf('create', `${NOTE}/${rkey}`, { $type: NOTE, createdAt, ...fields })])

describe('answers', () => {
  beforeEach(() => {
    note('one', { title: 'a', stars: 3 })
    note('two', { title: 'b', reply: { parent: uriOf(DIDS[0], 'one') } }, DIDS[1], time(1))
    note('three', { title: 'b' }, DIDS[0], time(2))
    note('wrong', { title: 'b', stars: 'many' }, DIDS[0], time(3))
    for (const did of DIDS) {
      tables.commit(did, [opOf('create', `${LIKE}/l`, { $type: LIKE, subject: uriOf(DIDS[1], 'two') })])
    }
  })
  const two = {
    uri: uriOf(DIDS[1], 'two'),
    author: { did: DIDS[1], handle: 'handle.invalid' },
    record: { $type: NOTE, createdAt: time(1), title: 'b', reply: { parent: uriOf(DIDS[0], 'one') } },
    title: 'b',
    likes: 2,
    indexedAt: '2026-01-02T03:04:05.678Z',
    parent: {
      uri: uriOf(DIDS[0], 'one'),
      value: { $type: NOTE, createdAt: time(0), title: 'a', stars: 3 },
      stars: 3,
    },
  }

  test('a list, page by page, with what each record points to and how many point to it', async () => {
    const router = routerOf()
    tables.identity(DIDS[0], 'a.example')
    const first = await ask(router, 'com.example.getNotes', { title: ['a', 'b'], limit: 2 })
    expect(first['notes'].map(({ uri: of }: { uri: string }) => of.split('/').at(-1))).toEqual([
      'three',
      'two',
    ])
    expect(first['notes'][0]).toMatchObject({ author: { handle: 'a.example' }, likes: 0 })
    expect(Object.keys(first['notes'][0])).not.toContain('parent')
    expect(first['notes'][1]).toEqual(two)
    const { cursor } = first
    const second = await ask(router, 'com.example.getNotes', { title: ['a', 'b'], limit: 2, cursor })
    expect(second).toEqual({ notes: [expect.objectContaining({ title: 'a' })] })
    expect(await ask(router, 'com.example.getNotes', { title: 'b', since: time(2) })).toMatchObject({
      notes: { length: 1 },
    })
    await expect(ask(router, 'com.example.getNotes', { title: 'a', cursor })).rejects.toMatchObject({
      error: 'InvalidCursor',
    })
    // Larger than any page of the index is: a page of the index.
    expect(await ask(router, 'com.example.getNotes', { title: 'b', limit: 500 })).toMatchObject({
      notes: { length: 2 },
    })
    await expect(ask(router, 'com.example.getNotes')).rejects.toMatchObject({ error: 'InvalidRequest' })
    const many = Array.from({ length: 26 }, (_, i) => `t${i}`)
    await expect(ask(router, 'com.example.getNotes', { title: many })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('com.example.getNotes'),
    })
  })

  test('one record; none of what is not there, off, of another collection, or does not fit', async () => {
    const router = routerOf()
    expect(await ask(router, 'com.example.getNote', { uri: two.uri })).toEqual(two)
    for (const other of [
      uriOf(DIDS[0], 'none'),
      uriOf(DIDS[0], 'wrong'),
      `at://${DIDS[0]}/${LIKE}/l`,
      `at://${DIDS[0]}`,
      uriOf('did:web:nobody.example', 'one'),
    ]) {
      await expect(ask(router, 'com.example.getNote', { uri: other })).rejects.toMatchObject({
        error: 'RecordNotFound',
      })
    }
    // Its key is that of a note as well.
    note('l', { title: 'l' })
    await expect(
      ask(router, 'com.example.getNote', { uri: `at://${DIDS[0]}/${LIKE}/l` }),
    ).rejects.toMatchObject({
      error: 'RecordNotFound',
    })
    // What is behind a field is told if it is of the type that is said.
    for (const [rkey, to] of [
      ['to-like', `at://${DIDS[0]}/${LIKE}/l`],
      ['to-wrong', uriOf(DIDS[0], 'wrong')],
      ['to-none', uriOf(DIDS[0], 'none')],
    ] as const) {
      note(rkey, { reply: { parent: to } })
      expect(await ask(router, 'com.example.getNote', { uri: uriOf(DIDS[0], rkey) })).not.toHaveProperty(
        'parent',
      )
    }
    tables.account(DIDS[0], 'deactivated')
    expect(await ask(router, 'com.example.getNote', { uri: two.uri })).not.toHaveProperty('parent')
    tables.account(DIDS[1], 'deactivated')
    await expect(ask(router, 'com.example.getNote', { uri: two.uri })).rejects.toMatchObject({ status: 400 })
  })

  test('one record by whose it is, under the key that all have', async () => {
    note('self', { title: 'me' })
    const lexicon = query(
      'com.example.getSelf',
      {
        type: 'params',
        required: ['actor'],
        properties: { actor: { type: 'string', format: 'at-identifier' } },
      },
      { type: 'object', required: ['record'], properties: { record: { type: 'unknown' } } },
    )
    const given = {
      'com.example.getSelf': { get: NOTE, parameters: { actor: 'author' }, output: { record: 'value' } },
    }
    const router = routerOf(given, lexiconsOf([...documents(), lexicon]).catalog)
    expect(await ask(router, 'com.example.getSelf', { actor: DIDS[0] })).toMatchObject({
      record: { title: 'me' },
    })
  })

  test('counts and searches', async () => {
    const router = routerOf()
    expect(await ask(router, 'com.example.countNotes')).toEqual({ total: 3 })
    expect(await ask(router, 'com.example.countNotes', { actor: DIDS[1] })).toEqual({ total: 1 })
    const first = await ask(router, 'com.example.findNotes', { q: 'b', limit: 1 })
    expect(first['notes']).toHaveLength(1)
    const { cursor } = first
    expect(await ask(router, 'com.example.findNotes', { q: 'b', limit: 1, cursor })).toEqual({ notes: [two] })
  })

  test('a count that is cut says so, where its lexicon has no cursor', async () => {
    tables.db.transaction(() => {
      for (let i = 0; i < 10_001; i++) note(`k${i}`, {})
    })
    await expect(ask(routerOf(), 'com.example.countNotes')).rejects.toMatchObject({ error: 'TooManyRecords' })
  })
})

describe('refused at the start', () => {
  const changed = (change: (file: any) => void): object => {
    const file = structuredClone(mappings) as any
    change(file)
    return file
  }
  const notesOf = (change: (mapping: any) => void) => changed((file) => change(file['com.example.getNotes']))
  const item = (change: (shape: any) => void) => notesOf(({ output }) => change(output.notes.$each))

  test.each([
    [[], 'queries.json is no object'],
    [{ notes: {} }, 'queries.json > notes is no NSID'],
    [{ 'com.example.getNotes': 5 }, 'queries.json > com.example.getNotes is no object'],
    [notesOf((m) => (m.filter = {})), 'queries.json > com.example.getNotes > filter means nothing'],
    [notesOf((m) => (m.get = NOTE)), 'has one of list, search, count, get'],
    [notesOf((m) => (m.list = 'notes')), 'com.example.getNotes > list is no collection'],
    [notesOf((m) => (m.parameters.title = 1)), 'getNotes > parameters > title is no text'],
    [notesOf((m) => (m.constants.sort = {})), 'getNotes > constants > sort is no text, number'],
    [notesOf((m) => delete m.output), 'getNotes > output is no object'],
    [item((s) => (s.parent.$where = 1)), '$each > parent > $where means nothing beside $behind'],
    // Against the lexicons.
    [changed((file) => (file['com.example.getThem'] = file['com.example.getNotes'])), 'getThem: is no query'],
    [notesOf((m) => (m.list = 'com.example.none')), 'no lexicon of records com.example.none'],
    [notesOf((m) => (m.list = LIKE)), `${LIKE} cannot be asked so`],
    [notesOf((m) => (m.parameters.topic = 'title')), 'parameters > topic: is no parameter'],
    [notesOf((m) => (m.parameters.title = 'name')), 'parameters > title: name is none of'],
    [notesOf((m) => (m.parameters.since = 'title')), 'parameters > since: title is given twice'],
    [notesOf((m) => (m.parameters.title = 'createdAt')), 'title: is any text, not datetime'],
    [notesOf((m) => (m.parameters.title = 'createdAtFrom')), 'title: is a list, not one value'],
    [notesOf((m) => (m.parameters.limit = 'order')), 'limit: is integer, not string'],
    [notesOf((m) => delete m.parameters.since), 'since of the lexicon is left out'],
    [notesOf((m) => (m.constants.validity = 'invalid')), 'constants > validity: is none of'],
    [notesOf((m) => (m.constants.title = 'a')), 'constants > title: is a parameter already'],
    [notesOf((m) => (m.constants.sort = 'stars')), 'getNotes > constants:'],
    [notesOf((m) => (m.output.notes = 'uri')), 'output > notes: uri is nothing that there is: cursor'],
    [notesOf((m) => (m.output.more = 'cursor')), 'output > more: is not in the lexicon'],
    [notesOf((m) => delete m.output.notes), 'output > notes: is required, and left out'],
    [notesOf((m) => (m.output.notes.$each.parent = { $each: 'uri' })), '$each is of the records of a list'],
    [item((s) => (s.uri = 'cid')), '$each > uri: cid is cid and not at-uri'],
    [item((s) => (s.uri = 'value.title')), '$each > uri: value.title is any text and not at-uri'],
    [item((s) => (s.title = 'value.stars')), '$each > title: value.stars is integer and not string'],
    [item((s) => (s.title = 'value.name')), '$each > title: value.name is no field of com.example.note'],
    [item((s) => (s.title = 'value.constructor')), 'value.constructor is no field'],
    [item((s) => (s.likes = 'value.stars')), '$each > likes: is required, and may be absent'],
    [item((s) => (s.likes = 'count likes')), '$each > likes: count likes is nothing that there is'],
    [item((s) => (s.parent.$behind = 'title')), '$behind: title of com.example.note is no at-uri'],
    [item((s) => (s.parent.$of = 'com.example.none')), '$of: there is no lexicon'],
    [item((s) => (s.parent.$of = LIKE)), '$as > stars: value.stars is no field of com.example.like'],
    [item((s) => delete s.parent.$of), 'value has no $type, which a union needs'],
    [item((s) => (s.author = 'did')), '$each > author: did is string and not object'],
    [item((s) => (s.record = 'uri')), '$each > record: uri is a whole record there'],
    // Against the indexes that are declared.
    [
      notesOf((m) => (m.parameters = { ...m.parameters, since: 'indexedAtFrom' })),
      'indexedAtFrom is none of',
    ],
    [
      changed((file) => (file['com.example.countNotes'].constants = { title: 'a' })),
      `countNotes > parameters > actor: no index answers this; the operator can declare one: --index ${NOTE}:`,
    ],
    [notesOf((m) => (m.constants = { author: DIDS[0] })), `--index ${NOTE}:author+title`],
  ] as [object, string][])('%#: %s', (file, message) => {
    expect(() => routerOf(file)).toThrow(
      expect.objectContaining({ code: 'bad-config', message: expect.stringContaining(message) }),
    )
  })

  test('what a lexicon bounds more narrowly than its source is', () => {
    const given = (field: object, source: string) => () => {
      const lexicon = query(
        'com.example.one',
        { type: 'params', required: ['uri'], properties: { uri } },
        { type: 'object', properties: { field } },
      )
      const file = { 'com.example.one': { get: NOTE, parameters: { uri: 'uri' }, output: { field: source } } }
      return routerOf(file, lexiconsOf([...documents(), lexicon]).catalog)
    }
    expect(given({ type: 'string', maxLength: 100 }, 'value.title')).toThrow('may be longer')
    expect(given({ type: 'string', minGraphemes: 1 }, 'value.title')).toThrow('may be shorter')
    expect(given({ type: 'string', enum: ['a'] }, 'value.title')).toThrow('another than those')
    expect(given({ type: 'integer', minimum: 0 }, 'value.stars')).toThrow('may be less')
    expect(given({ type: 'integer', maximum: 5 }, `count ${LIKE}:subject`)).toThrow('may be more')
    expect(given({ type: 'boolean', const: true }, 'value.draft')).toThrow('another than the one')
    expect(given({ type: 'array', items: text, maxLength: 3 }, 'value.tags')).toThrow('more items')
    expect(given({ type: 'array', items: { type: 'integer' } }, 'value.tags')).toThrow('field > []: ')
    expect(given({ type: 'union', refs: [LIKE], closed: true }, 'value')).toThrow(`may be ${NOTE}`)
    expect(given({ type: 'object', properties: { name: text } }, 'value')).toThrow(
      'field > name: value is not there',
    )
    expect(given({ type: 'object', required: ['title'], properties: { title: text } }, 'value')).toThrow(
      'field > title: value may be absent',
    )
    for (const [field, source] of [
      [{ type: 'integer', minimum: 0 }, `count ${LIKE}:subject`],
      [{ type: 'string', format: 'at-identifier' }, 'did'],
      [{ type: 'string', format: 'uri' }, 'uri'],
      [{ type: 'union', refs: [LIKE] }, 'value'],
      [{ type: 'union', refs: [NOTE, LIKE], closed: true }, 'value'],
      [{ type: 'unknown' }, 'value'],
      [{ type: 'object', required: ['createdAt'], properties: { createdAt: text } }, 'value'],
      [{ type: 'array', items: text }, 'value.tags'],
    ] as const) {
      expect(given(field, source)).not.toThrow()
    }
  })
})

test('they are described beside the others, and go when an index goes that they need', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mapped-'))
  const file = join(folder, 'queries.json')
  writeFileSync(file, JSON.stringify(mappings))
  note('one', { title: 'a' })
  const records = createRecordReader(tables.db)
  const answers = createCollectionAnswers({
    db: tables.db,
    editions: createEditions(lexicons),
    labels: STORED_LABELS,
    projections: tables.projections,
    records,
    searcher: createSearcher(tables.db, null),
    findAccount: async (actor) => records.account(actor),
    files: [file],
    onError: () => {},
  })
  rmSync(folder, { recursive: true })
  const described = async (path: string): Promise<any> =>
    answers.description(new Request(`http://localhost${path}`))!.json()
  const served = (await described('/lexicons')).lexicons.map(({ id }: { id: string }) => id)
  expect(served).toEqual(expect.arrayContaining([NOTE, `${NOTE}.listRecords`, ...Object.keys(mappings)]))
  expect(new Set(served).size).toBe(served.length)
  const openApi = await described('/openapi.json')
  expect(openApi.paths['/xrpc/com.example.getNotes'].get.parameters.map(({ name }: any) => name)).toEqual([
    'title',
    'since',
    'limit',
    'cursor',
  ])
  const call = (path: string): Promise<Response> | null =>
    answers.method(path.split('?')[0]!, new Request(`http://localhost/xrpc/${path}`), null)
  expect((await call('com.example.getNotes?title=a'))!.status).toBe(200)
  await declare(tables, [`${NOTE}:createdAt,author+createdAt`], documents(), true, [`${NOTE}:title`])
  expect(call('com.example.getNotes?title=a')).toBe(null)
  expect((await call('com.example.countNotes'))!.status).toBe(200)
  expect((await described('/openapi.json')).paths['/xrpc/com.example.getNotes']).toBeUndefined()
})
