// Typed queries of collections: pages, refusals, joins, counts, and what is asked of labels. What they find in random histories is in
// collection-histories.test.ts.

import type { DataObject } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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
      `${cursor.startsWith('A') ? 'B' : 'A'}${cursor.slice(1)}`,
      cursor.slice(0, -2),
      '',
      'x',
      'x'.repeat(9000),
    ]) {
      await expect(ask(router, LIST, { cursor: wrong })).rejects.toMatchObject({ status: 400 })
    }
  })

  test('records of one key of several authors are listed once each, wherever a page ends', async () => {
    for (const did of DIDS) for (const rkey of ['x', 'y']) write(did, rkey, note())
    for (const order of ['asc', 'desc']) {
      for (const limit of [1, 2, 3, 4]) {
        const found = await askAll(routerOf(tables), { author: [...DIDS], sort: 'rkey', order, limit })
        expect(found.filter((uri) => /[xy]$/.test(uri)).toSorted()).toEqual(
          DIDS.flatMap((did) => [uriOf(did, 'x'), uriOf(did, 'y')]).toSorted(),
        )
      }
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

  test('a record with two tags stands once in a list of its author, whatever index there is', async () => {
    await declare(tables, [`${NOTE}:author+tags,stars+tags`])
    write(DIDS[0], 'k', note({ tags: ['a', 'b'], stars: 1 }))
    expect(await askAll(routerOf(tables), { author: DIDS[0] })).toEqual([uriOf(DIDS[0], 'k')])
    await expect(ask(routerOf(tables), LIST, { stars: 1 })).rejects.toMatchObject({ error: 'IndexRequired' })
    expect(await askAll(routerOf(tables), { stars: 1, tags: ['a', 'b'] })).toEqual([uriOf(DIDS[0], 'k')])
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

describe('labels and times in the index', () => {
  const bad = note({ createdAt: time(7), title: 5 })
  const unfitOf = async (params: Params): Promise<unknown> => {
    const { records, unfit } = await ask(routerOf(tables), LIST, params)
    return [records.length, unfit]
  }
  const expected = {
    uri: uriOf(DIDS[0], 'bad'),
    cid: expect.any(String),
    did: DIDS[0],
    indexedAt: '2026-01-02T03:04:05.678Z',
    validity: 'invalid',
    reason: expect.stringContaining('/title'),
    value: bad,
  }

  test.each([['createdAt'], ['createdAt,validity+createdAt']])(
    'what does not fit its lexicon is listed apart, with the reason, with --index %s',
    async (indexes) => {
      await declare(tables, [`${NOTE}:${indexes}`])
      write(DIDS[0], 'bad', bad)
      write(DIDS[0], 'good', note({ createdAt: time(8) }))
      expect(await unfitOf({ validity: 'invalid' })).toEqual([0, [expected]])
      expect(await unfitOf({ validity: ['invalid', 'valid'] })).toEqual([1, [expected]])
      expect(await unfitOf({})).toEqual([1, undefined])
      expect(await unfitOf({ validity: 'unknown' })).toEqual([0, []])
      expect(await ask(routerOf(tables), COUNT, { validity: 'invalid' })).toEqual({ count: 1 })
      await expect(unfitOf({ validity: 'unreadable' })).rejects.toMatchObject({ error: 'InvalidRequest' })
    },
  )

  test('an index by validity alone answers who asks for nothing of it', async () => {
    await declare(tables, [`${NOTE}:validity+createdAt`])
    tables.db.transaction(() => {
      for (let i = 0; i < 1100; i++) write(DIDS[0], `bad${i}`, note({ createdAt: time(100), title: 5 }))
    })
    write(DIDS[0], 'good', note())
    // None of the others is passed by.
    expect((await ask(routerOf(tables), LIST, { limit: 1 }))['records']).toHaveLength(1)
  })

  test('a record that is judged otherwise when it is written again as it was stands where it belongs', async () => {
    await declare(tables, [`${NOTE}:validity+createdAt`])
    write(DIDS[0], 'k', note())
    tables.db.raw.exec("UPDATE records SET validity = 2, reason = 'as it was'")
    const { id } = tables.one('SELECT id FROM records') as { id: number }
    const [author, indexedAt] = [tables.one('SELECT repo FROM records') as { repo: number }, tables.now]
    tables.projections.move(id, { author: author.repo, validity: 2, indexedAt })
    expect(await unfitOf({ validity: 'invalid' })).toEqual([
      0,
      [expect.objectContaining({ reason: 'as it was' })],
    ])
    write(DIDS[0], 'k', note())
    expect([await unfitOf({ validity: 'invalid' }), (await unfitOf({})) as unknown]).toEqual([
      [0, []],
      [1, undefined],
    ])
  })

  test('the few that do not fit are not looked for among all that do', async () => {
    await declare(tables, [`${NOTE}:createdAt,validity+createdAt`])
    tables.db.transaction(() => {
      for (let i = 0; i < 1100; i++) write(DIDS[0], `k${i}`, note({ createdAt: time(100) }))
    })
    write(DIDS[0], 'bad', bad)
    expect((await ask(routerOf(tables), LIST, { validity: 'invalid', limit: 1 }))['unfit']).toHaveLength(1)
  })

  test('a cursor is of those that were asked for', async () => {
    await declare(tables, [`${NOTE}:createdAt`])
    for (const rkey of ['a', 'b']) write(DIDS[0], rkey, note())
    const { cursor } = await ask(routerOf(tables), LIST, { limit: 1 })
    await expect(
      ask(routerOf(tables), LIST, { cursor, validity: ['valid', 'invalid'] }),
    ).rejects.toMatchObject({ error: 'InvalidCursor' })
  })

  test('what is written again as it was keeps its time, and its place', async () => {
    await declare(tables, [`${NOTE}:indexedAt`])
    for (const rkey of ['a', 'b']) {
      tables.now += 1000
      write(DIDS[0], rkey, note())
    }
    const all = (): Promise<string[]> => askAll(routerOf(tables), { sort: 'indexedAt', order: 'asc' })
    tables.now += 1000
    tables.resync(DIDS[0], [opOf('create', `${NOTE}/a`, note()), opOf('create', `${NOTE}/b`, note())])
    expect(await all()).toEqual([uriOf(DIDS[0], 'a'), uriOf(DIDS[0], 'b')])
    write(DIDS[0], 'a', note({ title: 'other' }))
    expect(await all()).toEqual([uriOf(DIDS[0], 'b'), uriOf(DIDS[0], 'a')])
    const { buckets } = await ask(routerOf(tables), COUNT, { interval: 'hour', by: 'indexedAt' })
    expect(buckets).toEqual([{ start: '2026-01-02T03:00:00.000Z', count: 2 }])
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
