// Typed queries of collections: what they find is what a program finds that reads all records, page by page, whatever is written meanwhile.

import type { DataObject } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import {
  array,
  assert,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  integer,
  nat,
  oneof,
  record as shape,
} from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compareKeys, type Key, keyOf, textKey } from '../src/projections/key.ts'
import { ask, askAll, declare, documents, LIKE, NOTE, type Params, routerOf } from './support/notes.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const DIDS = ['did:web:a.example', 'did:web:b.example', 'did:web:c.example'] as const satisfies Did[]
const INDEXES = [
  `${NOTE}:createdAt,author+createdAt,stars?,title+createdAt,tags+createdAt,draft+stars,reply.parent`,
  `${LIKE}:subject`,
]
const LIST = `${NOTE}.listRecords`
const COUNT = `${NOTE}.countRecords`
const time = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()

let tables: Tables
beforeEach(() => {
  tables = openTables(undefined, documents())
})
afterEach(() => tables[Symbol.dispose]())

type Note = DataObject & { createdAt: string }
const note = (fields: Partial<Record<string, unknown>> = {}): Note =>
  ({ $type: NOTE, createdAt: time(0), ...fields }) as Note
const uriOf = (did: string, rkey: string): string => `at://${did}/${NOTE}/${rkey}`
const write = (did: Did, rkey: string, record: DataObject | null, collection = NOTE, to = tables): void => {
  const isThere = to.db
    .prepare('SELECT 1 FROM record_list WHERE did = ? AND collection = ? AND rkey = ?')
    .get(did, collection, rkey)
  const action = record === null ? 'delete' : isThere === undefined ? 'create' : 'update'
  to.commit(did, [opOf(action, `${collection}/${rkey}`, record)])
}

/** Rows of the tables of indexes; none may be left of what is not there any more. */
const rows = (of = tables): number => (of.one('SELECT count(*) AS n FROM projections') as { n: number }).n

describe('random histories', () => {
  const texts = constantFrom(
    '',
    'a',
    'ab',
    'b',
    'é',
    '\u{FFFD}',
    '\u{1F600}',
    'x'.repeat(300),
    'x'.repeat(301),
  )
  const fields = shape(
    {
      createdAt: integer({ min: 0, max: 6 }).map(time),
      title: texts,
      stars: integer({ min: -2, max: 2 }),
      draft: boolean(),
      tags: array(texts, { maxLength: 3 }),
      reply: constantFrom({ parent: uriOf(DIDS[0], '0') }, { parent: uriOf(DIDS[1], '1') }),
    },
    { requiredKeys: ['createdAt'] },
  )
  const step = oneof(
    {
      weight: 6,
      arbitrary: shape({
        kind: constant('put' as const),
        did: constantFrom(...DIDS),
        rkey: integer({ min: 0, max: 5 }).map(String),
        fields,
      }),
    },
    {
      weight: 2,
      arbitrary: shape({
        kind: constant('delete' as const),
        did: constantFrom(...DIDS),
        rkey: integer({ min: 0, max: 5 }).map(String),
      }),
    },
    {
      weight: 1,
      arbitrary: shape({
        kind: constant('status' as const),
        did: constantFrom(...DIDS),
        status: constantFrom(null, 'deactivated'),
      }),
    },
  )
  type Held = { did: string; rkey: string; note: Note; row: number }
  const tie = (a: Held, b: Held): number => a.row - b.row
  const byKey = (value: (held: Held) => Key) => (a: Held, b: Held) =>
    compareKeys(value(a), value(b)) || tie(a, b)
  const millis = ({ note: { createdAt } }: Held): number => Date.parse(createdAt)
  const stars = ({ note: found }: Held): Key => keyOf('integer', found['stars']) ?? -Infinity

  /** Each question as parameters, as a predicate, and as an order. */
  const questions: readonly [Params, (held: Held) => boolean, (a: Held, b: Held) => number][] = [
    [{}, () => true, byKey(millis)],
    [
      { sort: 'createdAt', createdAtFrom: time(2), createdAtTo: time(5) },
      (h) => millis(h) >= Date.parse(time(2)) && millis(h) < Date.parse(time(5)),
      byKey(millis),
    ],
    [{ author: [DIDS[0], DIDS[2]], sort: 'createdAt' }, ({ did }) => did !== DIDS[1], byKey(millis)],
    [{ sort: 'stars' }, () => true, byKey(stars)],
    [{ starsExists: false }, ({ note: n }) => n['stars'] === undefined, tie],
    [{ starsExists: true }, ({ note: n }) => n['stars'] !== undefined, byKey(stars)],
    [{ starsFrom: 0, starsTo: 2 }, (h) => h.note['stars'] === 0 || h.note['stars'] === 1, byKey(stars)],
    [
      { title: ['a', 'x'.repeat(301)] },
      ({ note: n }) => n['title'] === 'a' || n['title'] === 'x'.repeat(301),
      byKey(millis),
    ],
    [
      { titlePrefix: 'a' },
      ({ note: n }) => String(n['title'] ?? '-').startsWith('a'),
      (a, b) =>
        compareKeys(textKey(a.note['title'] as string), textKey(b.note['title'] as string)) ||
        byKey(millis)(a, b),
    ],
    [
      { tags: ['a', 'ab', ''] },
      ({ note: n }) => ((n['tags'] ?? []) as string[]).some((tag) => ['a', 'ab', ''].includes(tag)),
      byKey(millis),
    ],
    [{ draft: ['true'], sort: 'stars' }, ({ note: n }) => n['draft'] === true, byKey(stars)],
    [
      { replyParent: [uriOf(DIDS[0], '0')] },
      ({ note: n }) => (n['reply'] as { parent: string } | undefined)?.parent === uriOf(DIDS[0], '0'),
      tie,
    ],
    [
      { author: [DIDS[1], DIDS[0]], sort: 'rkey' },
      ({ did }) => did !== DIDS[2],
      (a, b) => compareKeys(a.rkey, b.rkey) || DIDS.indexOf(a.did as never) - DIDS.indexOf(b.did as never),
    ],
  ]

  test('every filter, order and page finds what reading everything finds', async () => {
    await assert(
      asyncProperty(
        array(step, { maxLength: 40 }),
        nat(40),
        integer({ min: 1, max: 4 }),
        async (steps, declaredAt, limit) => {
          using mine = openTables(undefined, documents())
          // The ids of authors are in this order.
          mine.db.transaction(() =>
            DIDS.forEach((did) => mine.db.prepare('INSERT OR IGNORE INTO names (name) VALUES (?)').run(did)),
          )
          const held = new Map<string, Held>()
          const off = new Set<string>()
          for (const [i, one] of steps.entries()) {
            if (i === declaredAt) await declare(mine, INDEXES)
            if (one.kind === 'status') {
              mine.account(one.did, one.status)
              if (one.status === null) off.delete(one.did)
              else off.add(one.did)
              continue
            }
            const key = `${one.did}/${one.rkey}`
            if (one.kind === 'delete') {
              if (held.delete(key)) write(one.did, one.rkey, null, NOTE, mine)
              continue
            }
            const record = note(one.fields)
            write(one.did, one.rkey, record, NOTE, mine)
            const row = (
              mine.one(
                'SELECT records.id FROM records JOIN names ON names.id = repo WHERE name = ? AND rkey = ?',
                one.did,
                one.rkey,
              ) as { id: number }
            ).id
            held.set(key, { did: one.did, rkey: one.rkey, note: record, row })
          }
          if (declaredAt >= steps.length) await declare(mine, INDEXES)
          const router = routerOf(mine)
          const all = [...held.values()].filter(({ did }) => !off.has(did))
          for (const [params, keep, order] of questions) {
            const ascending = all.filter(keep).toSorted(order)
            for (const way of ['asc', 'desc']) {
              const expected = (way === 'asc' ? ascending : ascending.toReversed()).map((h) =>
                uriOf(h.did, h.rkey),
              )
              expect([params, way, await askAll(router, { ...params, order: way, limit })]).toEqual([
                params,
                way,
                expected,
              ])
            }
            const { sort: _, ...filters } = params
            if (params['sort'] !== 'rkey') {
              const counted = await ask(router, COUNT, { ...filters }).catch(() => null)
              if (counted !== null) expect(counted['count']).toBe(ascending.length)
            }
          }
          for (const did of DIDS)
            for (const rkey of '012345') if (held.has(`${did}/${rkey}`)) write(did, rkey, null, NOTE, mine)
          expect(rows(mine)).toBe(0)
          expect(mine.one('SELECT count(*) AS n FROM projected')).toEqual({ n: 0 })
        },
      ),
      { numRuns: Number(process.env['AVOCET_FUZZ'] ?? 0) > 0 ? 1000 : 40 },
    )
  }, 120_000)
})

describe('pages', () => {
  beforeEach(async () => {
    for (let i = 0; i < 20; i++) write(DIDS[i % 2]!, `k${i}`, note({ createdAt: time(i) }))
    await declare(tables, INDEXES)
  })

  test('a cursor goes on where it was, whatever is written before, behind and at it', async () => {
    const router = routerOf(tables)
    const first = await ask(router, LIST, { limit: 5 })
    expect(first['records'].map(({ uri }: { uri: string }) => uri.split('/k')[1])).toEqual([
      '19',
      '18',
      '17',
      '16',
      '15',
    ])
    write(DIDS[1], 'k15', null)
    write(DIDS[0], 'later', note({ createdAt: time(30) }))
    write(DIDS[0], 'k14', note({ createdAt: time(40) }))
    write(DIDS[0], 'between', note({ createdAt: time(12) }))
    const second = await ask(router, LIST, { limit: 4, cursor: first['cursor'] })
    expect(second['records'].map(({ uri }: { uri: string }) => uri.split('/').at(-1))).toEqual([
      'k13',
      'between',
      'k12',
      'k11',
    ])
  })

  test('a cursor outlives the process, and is for no other question', async () => {
    const { cursor } = await ask(routerOf(tables), LIST, { limit: 5 })
    expect(await ask(routerOf(tables), LIST, { cursor })).toMatchObject({ records: { length: 15 } })
    const refused = { status: 400, error: 'InvalidCursor' }
    const router = routerOf(tables)
    await expect(ask(router, LIST, { cursor, order: 'asc' })).rejects.toMatchObject(refused)
    await expect(ask(router, LIST, { cursor, createdAtFrom: time(1) })).rejects.toMatchObject(refused)
    await expect(ask(router, LIST, { cursor, author: DIDS[0] })).rejects.toMatchObject(refused)
    await expect(ask(router, COUNT, { cursor })).rejects.toMatchObject(refused)
    for (const wrong of [
      `${cursor}A`,
      cursor.slice(1),
      `A${cursor.slice(1)}`,
      cursor.slice(0, -2),
      '',
      'x',
      'x'.repeat(9000),
    ]) {
      await expect(ask(router, LIST, { cursor: wrong })).rejects.toMatchObject({ status: 400 })
    }
  })

  test('a record that its lexicon does not allow is passed by', async () => {
    write(DIDS[0], 'bad', note({ createdAt: time(50), title: 5 }))
    const { records } = await ask(routerOf(tables), LIST, { limit: 1 })
    expect(records[0].uri).toBe(uriOf(DIDS[1], 'k19'))
  })

  test('many rows that nobody sees end a page early, and nothing is lost behind them', async () => {
    tables.db.transaction(() => {
      for (let i = 0; i < 1300; i++) write(DIDS[2], `x${i}`, note({ createdAt: time(100 + i) }))
    })
    tables.account(DIDS[2], 'takendown')
    const router = routerOf(tables)
    const first = await ask(router, LIST, { limit: 10 })
    expect(first).toMatchObject({ records: [], cursor: expect.any(String) })
    expect(await askAll(router, { limit: 10 })).toHaveLength(20)
    expect(await ask(router, COUNT)).toEqual({ count: 20 })
  })
})

describe('refused', () => {
  beforeEach(() => declare(tables, INDEXES))

  test.each([
    [{ author: DIDS[0], sort: 'stars' }, 'IndexRequired', `--index ${NOTE}:author+stars`],
    [{ title: 'a', stars: 1 }, 'IndexRequired', `--index ${NOTE}:stars+title`],
    [{ starsFrom: 1, sort: 'createdAt' }, 'IndexRequired', 'in its order'],
    [{ titleExists: false }, 'IndexRequired', `--index ${NOTE}:title?`],
    [{ sort: 'rkey' }, 'IndexRequired', 'for the records of authors'],
    [{ title: 'a', stars: 1, tags: 'b', sort: 'createdAt' }, 'IndexRequired', 'more than 3 fields'],
    [{ starsFrom: 1, createdAtFrom: time(1) }, 'InvalidRequest', 'one field at a time'],
    [{ stars: 1, starsFrom: 1 }, 'InvalidRequest', 'one filter at a time'],
    [{ draft: 'true', sort: 'stars', author: DIDS[0] }, 'IndexRequired', '--index'],
    [{ title: Array.from({ length: 26 }, (_, i) => `t${i}`) }, 'InvalidRequest', 'title'],
    [{ stars: 'many' }, 'InvalidRequest', 'stars'],
    [{ createdAtFrom: 'yesterday' }, 'InvalidRequest', 'createdAtFrom'],
    [{ titlePrefix: 'x'.repeat(129) }, 'InvalidRequest', 'titlePrefix'],
    [{ limit: 101 }, 'InvalidRequest', 'limit'],
    [{ limit: 0 }, 'InvalidRequest', 'limit'],
    [{ sort: 'text' }, 'InvalidRequest', 'sort'],
    [{ hydrate: 'title' }, 'InvalidRequest', 'hydrate'],
    [{ linked: Array.from({ length: 6 }, () => `${LIKE}:subject`) }, 'InvalidRequest', 'linked'],
  ] as [Params, string, string][])('%o: %s', async (params, error, message) => {
    await expect(ask(routerOf(tables), LIST, params)).rejects.toMatchObject({
      status: 400,
      error,
      message: expect.stringContaining(message),
    })
  })

  test('more combinations of values than are merged', async () => {
    await declare(tables, [`${NOTE}:title+stars+createdAt`])
    const six = Array.from({ length: 6 }, (_, i) => i)
    const params = { title: six.map(String), stars: six }
    await expect(ask(routerOf(tables), LIST, params)).rejects.toMatchObject({ error: 'TooManyValues' })
  })
})

describe('joins', () => {
  beforeEach(async () => {
    write(DIDS[0], 'one', note({ title: 'one' }))
    write(DIDS[1], 'two', note({ createdAt: time(1), reply: { parent: uriOf(DIDS[0], 'one') } }))
    for (const did of DIDS) write(did, 'l', { $type: LIKE, subject: uriOf(DIDS[0], 'one') }, LIKE)
    await declare(tables, INDEXES)
  })
  const linked = `${LIKE}:subject`

  test('records that point to each are counted, and the first are named', async () => {
    const page = await ask(routerOf(tables), LIST, { linked, linkedLimit: 2, order: 'asc' })
    expect(page['records'].map((record: { linked: unknown }) => record.linked)).toEqual([
      [{ source: linked, count: 3, records: DIDS.slice(0, 2).map((did) => `at://${did}/${LIKE}/l`) }],
      [{ source: linked, count: 0, records: [] }],
    ])
  })

  test('those of accounts that are off are not', async () => {
    tables.account(DIDS[0], 'deactivated')
    tables.account(DIDS[0], null)
    tables.account(DIDS[2], 'deactivated')
    const page = await ask(routerOf(tables), LIST, { linked: [linked, 'no.such.thing:x', 'x'], order: 'asc' })
    expect(page['records'][0].linked.map(({ count }: { count: number }) => count)).toEqual([2, 0, 0])
  })

  test('what a field points to comes along, once, as long as it is there', async () => {
    const included = async (): Promise<unknown> =>
      (await ask(routerOf(tables), LIST, { hydrate: 'replyParent' }))['included']
    write(DIDS[2], 'three', note({ reply: { parent: uriOf(DIDS[0], 'one') } }))
    expect(await included()).toEqual([
      {
        uri: uriOf(DIDS[0], 'one'),
        cid: expect.any(String),
        value: expect.objectContaining({ title: 'one' }),
      },
    ])
    tables.account(DIDS[0], 'takendown')
    expect(await included()).toEqual([])
  })
})

describe('counts', () => {
  test('by intervals, from Monday where they are weeks', async () => {
    await declare(tables, INDEXES)
    const times = [
      '2026-01-04T23:59:59.999Z',
      '2026-01-05T00:00:00Z',
      '2026-01-05T00:59:00Z',
      '2026-01-05T01:00:00+01:00',
      '2026-01-11T23:59:59Z',
    ]
    for (const [i, createdAt] of times.entries()) write(DIDS[i % 3]!, `k${i}`, note({ createdAt }))
    const router = routerOf(tables)
    const buckets = async (params: Params): Promise<[string, number][]> =>
      (await ask(router, COUNT, params))['buckets'].map(({ start, count }: any) => [start, count])
    expect(await buckets({ interval: 'week' })).toEqual([
      ['2025-12-29T00:00:00.000Z', 1],
      ['2026-01-05T00:00:00.000Z', 4],
    ])
    expect(await buckets({ interval: 'day' })).toEqual([
      ['2026-01-04T00:00:00.000Z', 1],
      ['2026-01-05T00:00:00.000Z', 3],
      ['2026-01-11T00:00:00.000Z', 1],
    ])
    expect(await buckets({ interval: 'hour', createdAtTo: '2026-01-06T00:00:00Z' })).toEqual([
      ['2026-01-04T23:00:00.000Z', 1],
      ['2026-01-05T00:00:00.000Z', 3],
    ])
    expect(await buckets({ interval: 'day', author: DIDS[0] })).toEqual([
      ['2026-01-04T00:00:00.000Z', 1],
      ['2026-01-05T00:00:00.000Z', 1],
    ])
  })

  test('what is more than an answer counts is counted on', async () => {
    await declare(tables, INDEXES)
    tables.db.transaction(() => {
      for (let i = 0; i < 10_500; i++) write(DIDS[0], `k${i}`, note({ createdAt: time(i % 90) }))
    })
    const router = routerOf(tables)
    const sums = new Map<string, number>()
    let pages = 0
    for (let cursor: string | undefined; ; pages++) {
      const answer = await ask(router, COUNT, {
        interval: 'hour',
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const { start, count } of answer['buckets']) sums.set(start, (sums.get(start) ?? 0) + count)
      cursor = answer['cursor']
      if (cursor === undefined) break
    }
    expect(pages).toBe(1)
    expect([...sums]).toEqual([
      ['2026-01-01T00:00:00.000Z', 7020],
      ['2026-01-01T01:00:00.000Z', 3480],
    ])
  }, 60_000)
})
