// Every statement that a question leads to, whatever its shape: each is a search of an index, none sorts, and a page costs the same however
// many records there are.

import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { createRouter, type Router } from '@avocet/xrpc-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLinkers } from '../src/backlinks/linkers.ts'
import { createBacklinks } from '../src/backlinks/methods.ts'
import { lexiconsOf } from '../src/lexicons/load.ts'
import { checkMappings } from '../src/mapped/check.ts'
import { parseMappings } from '../src/mapped/mapping.ts'
import { addMapped } from '../src/mapped/serve.ts'
import { addCollections } from '../src/methods/collections.ts'
import { createCollectionReader } from '../src/queries/collections.ts'
import { createJoins } from '../src/queries/linked.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { createSearcher } from '../src/search/searcher.ts'
import { declare, documents, LIKE, NOTE } from './support/notes.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const DIDS = ['did:web:a.example', 'did:web:b.example'] as const satisfies Did[]
const INDEXES = [
  `${NOTE}:createdAt,indexedAt,author+createdAt,title+createdAt,tags+createdAt,stars?,reply.parent,validity+createdAt`,
  `${NOTE}:title+author+createdAt,draft+validity+indexedAt`,
]
const SEARCHES = [`${NOTE}:title`]
const uri = (i: number): string => `at://${DIDS[i % 2]}/${NOTE}/k${i}`
const time = (i: number): string => new Date(Date.UTC(2026, 0, 1) + i * 600_000).toISOString()

/** Reads of a database, by their statements: how often, and how many rows they gave. */
type Reads = Map<string, { times: number; rows: number }>

/** The same database, whose reads are counted. */
function watched(db: Database, reads: Reads): Database {
  const counted = (sql: string, rows: number): void => {
    const of = reads.get(sql) ?? { times: 0, rows: 0 }
    reads.set(sql, { times: of.times + 1, rows: of.rows + rows })
  }
  const prepare = (sql: string, from: { prepare(sql: string): object }): object =>
    new Proxy(from.prepare(sql), {
      get(statement, name) {
        const value = Reflect.get(statement, name) as unknown
        if (typeof value !== 'function') return value
        return (...params: unknown[]) => {
          const result = Reflect.apply(value, statement, params) as unknown
          if (name === 'get') counted(sql, result === undefined ? 0 : 1)
          if (name === 'all') counted(sql, (result as unknown[]).length)
          if (name !== 'iterate') return result
          const rows = [...(result as Iterable<unknown>)]
          counted(sql, rows.length)
          return rows.values()
        }
      },
    })
  const through = <T extends object>(target: T, more: (name: string | symbol) => unknown): T =>
    new Proxy(target, {
      get(of, name) {
        if (name === 'prepare') return (sql: string) => prepare(sql, of as never)
        const own = more(name)
        if (own !== undefined) return own
        const value = Reflect.get(of, name) as unknown
        return typeof value === 'function' ? (value.bind(of) as unknown) : value
      },
    })
  const raw = through(db.raw, () => undefined)
  return through(db, (name) => (name === 'raw' ? raw : undefined))
}

/** An index with notes that reply to each other and are liked, all of one kind or another, and everything that is asked of it. */
async function open(notes: number): Promise<{
  tables: Tables
  reads: Reads
  router: Router
  links: ReturnType<typeof createBacklinks>
}> {
  const tables = openTables(undefined, documents())
  await declare(tables, INDEXES, documents(), true, SEARCHES)
  tables.db.transaction(() => {
    for (let i = 0; i < notes; i++) {
      const fields = {
        title: i % 3 === 0 ? 'bird' : 'fish',
        ...(i % 4 === 0 ? {} : { stars: i % 5 }),
        draft: i % 2 === 0,
        tags: ['a', `t${i % 7}`],
        ...(i % 11 === 0 ? { stars: 'wrong' } : {}),
        ...(i === 0 ? {} : { reply: { parent: uri(i - 1) } }),
      }
      const note = { $type: NOTE, createdAt: time(i), ...fields }
      tables.commit(DIDS[i % 2]!, [
        opOf('create', `${NOTE}/k${i}`, note),
        ...(i < 100 ? [opOf('create', `${LIKE}/l${i}`, { $type: LIKE, subject: uri(i % 10) })] : []),
      ])
    }
  })
  for (const did of DIDS) tables.identity(did, `${did.slice(8, 9)}.example`)
  const reads: Reads = new Map()
  const db = watched(tables.db, reads)
  const { catalog } = lexiconsOf([...documents(), ...(OWN as never[])])
  const records = createRecordReader(db)
  const reader = createCollectionReader(db, catalog, tables.projections)
  const parts = {
    reader,
    records,
    joins: createJoins(db, records),
    linkers: createLinkers(db),
    searcher: createSearcher(db, null),
    findAccount: async (actor: string) => records.account(actor),
  }
  const router = createRouter()
  addCollections(router, lexiconsOf(documents()).catalog, parts)
  addMapped(router, checkMappings(parseMappings(MAPPINGS, 'queries.json'), catalog, reader), parts)
  const links = createBacklinks(db)
  reads.clear()
  return { tables, reads, router, links }
}

const query = (id: string, parameters: object, properties: object, required: readonly string[]): object => ({
  lexicon: 1,
  id,
  defs: {
    main: {
      type: 'query',
      parameters: { type: 'params', properties: parameters },
      output: { encoding: 'application/json', schema: { type: 'object', required, properties } },
    },
  },
})
const LIMITED = { limit: { type: 'integer', minimum: 1, maximum: 100 }, cursor: { type: 'string' } }
const AT_URI = { type: 'string', format: 'at-uri' }
const OWN = [
  query(
    'com.example.getNotes',
    LIMITED,
    {
      cursor: { type: 'string' },
      notes: {
        type: 'array',
        items: {
          type: 'object',
          required: ['uri', 'likes'],
          properties: { uri: AT_URI, likes: { type: 'integer' }, parent: AT_URI },
        },
      },
    },
    ['notes'],
  ),
  query('com.example.countNotes', {}, { count: { type: 'integer' }, cursor: { type: 'string' } }, ['count']),
]
const MAPPINGS = {
  'com.example.getNotes': {
    list: NOTE,
    parameters: { limit: 'limit', cursor: 'cursor' },
    output: {
      cursor: 'cursor',
      notes: {
        $each: {
          uri: 'uri',
          likes: `count ${LIKE}:subject`,
          parent: { $behind: 'reply.parent', $as: 'uri' },
        },
      },
    },
  },
  'com.example.countNotes': { count: NOTE, output: { count: 'count', cursor: 'cursor' } },
}

type Params = Readonly<Record<string, string | readonly string[]>>
/** What records of a collection are asked by. */
const FILTERS: readonly Params[] = [
  {},
  { author: DIDS[0] },
  { author: [...DIDS], sort: 'rkey' },
  { author: [...DIDS], sort: 'createdAt' },
  { title: 'bird' },
  { title: ['bird', 'fish'], createdAtFrom: time(3) },
  { title: 'fish', author: [...DIDS] },
  { tags: ['a', 't1'] },
  { starsExists: 'false' },
  { starsFrom: '2' },
  { titlePrefix: 'b' },
  { replyParent: uri(0) },
  { createdAtFrom: time(2), createdAtTo: time(1_000_000) },
  { indexedAtFrom: time(0) },
  { validity: 'invalid' },
  { validity: ['valid', 'invalid'], sort: 'createdAt' },
  { draft: 'true', validity: ['valid', 'invalid'] },
]
const JOINS: readonly Params[] = [
  {},
  { hydrate: 'replyParent' },
  { linked: `${LIKE}:subject`, linkedLimit: '10' },
  { hydrate: 'replyParent', linked: [`${LIKE}:subject`, `${NOTE}:reply.parent`] },
]
/** What they are counted by in intervals: what is behind these in an index is a time. */
const TIMED: readonly Params[] = [
  {},
  { author: DIDS[0] },
  { author: [...DIDS] },
  { title: ['bird', 'fish'], createdAtFrom: time(3) },
  { tags: ['a', 't1'] },
  { createdAtFrom: time(2), createdAtTo: time(1_000_000) },
  { indexedAtFrom: time(0), by: 'indexedAt' },
  { validity: 'invalid' },
  { draft: 'true', validity: ['valid', 'invalid'], by: 'indexedAt' },
]
const PAGE = { limit: '10' }

/** Every question there is a way to ask, by the method. */
const QUESTIONS: readonly (readonly [method: string, params: Params])[] = [
  ...FILTERS.flatMap((filter) => [
    ...JOINS.map((join) => [`${NOTE}.listRecords`, { ...filter, ...join, ...PAGE }] as const),
    [`${NOTE}.listRecords`, { ...filter, ...PAGE, order: 'asc' }] as const,
  ]),
  ...FILTERS.filter(({ sort }) => sort === undefined).map(
    (filter) => [`${NOTE}.countRecords`, filter] as const,
  ),
  ...TIMED.flatMap((filter) =>
    ['hour', 'day', 'week'].map((interval) => [`${NOTE}.countRecords`, { ...filter, interval }] as const),
  ),
  ...JOINS.flatMap((join) =>
    ['best', 'newest'].map(
      (order) => [`${NOTE}.searchRecords`, { q: 'bird', order, ...join, ...PAGE }] as const,
    ),
  ),
  [`${NOTE}.searchRecords`, { q: 'bird', author: DIDS[0], ...PAGE }],
  ['com.example.getNotes', PAGE],
  ['com.example.countNotes', {}],
]

const call = async (router: Router, method: string, params: Params): Promise<Record<string, any>> => {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params))
    for (const one of [value].flat()) search.append(name, one)
  const response = await router.fetch(new Request(`http://localhost/xrpc/${method}?${search}`))
  return { status: response.status, ...((await response.json()) as object) }
}
const named = (method: string, params: Params): string =>
  `${method.split('.').at(-1)} ${JSON.stringify(params)}`

let index: Awaited<ReturnType<typeof open>>
beforeAll(async () => {
  index = await open(300)
})
afterAll(() => index.tables[Symbol.dispose]())

/** Tables of what the operator declared, and of one row. */
const FEW_ROWS = /^SCAN (projection_indexes|judged|link_secret|link_counting)$/
/** Full-text indexes are asked by `MATCH`; subqueries have a LIMIT of their own. */
const BOUNDED =
  /^(SEARCH |SCAN search_\d+ VIRTUAL TABLE INDEX \d+:.*M|CO-ROUTINE |MATERIALIZE |SCAN CONSTANT ROW$)/

/** What is wrong with a statement. */
function faultsOf(db: Database, sql: string): string[] {
  const details = db.raw
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all()
    .map((row) => row['detail'] as string)
  const subqueries = details.flatMap((detail) => /^(?:CO-ROUTINE|MATERIALIZE) (.*)$/.exec(detail)?.[1] ?? [])
  return details
    .filter((detail) => {
      const isOfSubquery = subqueries.some((name) => detail === `SCAN ${name}`) && /LIMIT \?\)/.test(sql)
      const isFine = BOUNDED.test(detail) || FEW_ROWS.test(detail) || isOfSubquery
      return !isFine || detail.includes('AUTOMATIC')
    })
    .map((detail) => `${detail}: ${sql}`)
}

describe('every statement is a search', () => {
  test.each(QUESTIONS.map(([method, params]) => [named(method, params), method, params] as const))(
    '%s',
    async (_, method, params) => {
      index.reads.clear()
      const first = await call(index.router, method, params)
      expect(first).toMatchObject({ status: 200 })
      if (first['cursor'] !== undefined) {
        expect(await call(index.router, method, { ...params, cursor: first['cursor'] })).toMatchObject({
          status: 200,
        })
      }
      expect(index.reads.size).toBeGreaterThan(0)
      expect([...index.reads.keys()].flatMap((sql) => faultsOf(index.tables.db, sql))).toEqual([])
    },
  )

  test('those of backlinks too', async () => {
    index.reads.clear()
    const target = { subject: uri(0), source: `${LIKE}:subject` }
    const asked: Params[] = [
      target,
      { ...target, did: [...DIDS] },
      { ...target, reverse: 'true', limit: '5' },
    ]
    for (const method of ['getBacklinks', 'getBacklinksCount', 'getBacklinkDids'])
      for (const params of asked) {
        const search = new URLSearchParams()
        for (const [name, value] of Object.entries(params))
          for (const one of [value].flat()) search.append(name, one)
        const request = new Request(`http://localhost/?${search}`)
        expect((await index.links(`blue.microcosm.links.${method}`, request))?.status).toBe(200)
      }
    expect([...index.reads.keys()].flatMap((sql) => faultsOf(index.tables.db, sql))).toEqual([])
  })

  test('one that scans or sorts would be seen', () => {
    for (const sql of [
      'SELECT rkey FROM records',
      'SELECT rkey FROM records WHERE repo = 1 ORDER BY rev LIMIT 5',
      'SELECT name FROM names JOIN accounts ON accounts.head = names.name',
      'SELECT n FROM (SELECT count(*) AS n FROM records GROUP BY rev)',
    ])
      expect(faultsOf(index.tables.db, sql), sql).not.toEqual([])
  })
})

test('what a page reads does not grow with what there is', async () => {
  const small = await open(100)
  try {
    const cost = async (
      { reads, router }: typeof small,
      method: string,
      params: Params,
    ): Promise<number[]> => {
      reads.clear()
      await call(router, method, params)
      const all = [...reads.values()]
      return [all.reduce((sum, { times }) => sum + times, 0), all.reduce((sum, { rows }) => sum + rows, 0)]
    }
    for (const [method, params] of QUESTIONS) {
      // Counts read what they count, and searches a thousand rows, which are more than there are here.
      if (params['limit'] === undefined || params['q'] !== undefined) continue
      const [times, rows] = await cost(small, method, params)
      const [more, moreRows] = await cost(index, method, params)
      // Pages differ by the records on them.
      expect.soft(more!, named(method, params)).toBeLessThanOrEqual(times! * 1.1 + 5)
      expect.soft(moreRows!, named(method, params)).toBeLessThanOrEqual(rows! * 1.1 + 20)
    }
  } finally {
    small.tables[Symbol.dispose]()
  }
})
