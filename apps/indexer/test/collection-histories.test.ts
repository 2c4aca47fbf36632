// Random histories through the tables and folded in memory: every filter, order and page of the queries of a collection says the same of
// both, and pages that are read while things happen lose nothing that stays, and repeat nothing.

import { array, assert, asyncProperty, constantFrom, integer, nat, record as shape } from 'fast-check'
import { expect, test } from 'vitest'
import { compareKeys, type Key, keyOf, textKey } from '../src/projections/key.ts'
import { createNoteHistory, DIDS, type Held, minute, steps, TITLES, uriOf } from './support/note-history.ts'
import { ask, declare, documents, NOTE, type Params, routerOf } from './support/notes.ts'
import { openTables, type Tables } from './support/tables.ts'

const LIST = `${NOTE}.listRecords`
const COUNT = `${NOTE}.countRecords`
const INDEXES = [
  `${NOTE}:createdAt,author+createdAt,stars?,title+createdAt,tags+createdAt,draft+stars,reply.parent,validity+createdAt,indexedAt,validity+indexedAt,author+indexedAt,author+draft+createdAt,tags+stars,draft`,
]
const runs = Number(process.env['AVOCET_FUZZ'] ?? 0) > 0 ? 1000 : 16

type Router = ReturnType<typeof routerOf>
type Found = { readonly records: readonly string[]; readonly unfit: readonly string[] }

/** All pages of a list. @param between is called after each */
async function readAll(
  router: Router,
  params: Params,
  between: () => Promise<void> = async () => {},
): Promise<Found> {
  const found = { records: [] as string[], unfit: [] as string[] }
  for (let cursor: string | undefined; ;) {
    const page = await ask(router, LIST, { ...params, ...(cursor === undefined ? {} : { cursor }) })
    for (const list of ['records', 'unfit'] as const) {
      found[list].push(...((page[list] ?? []) as { uri: string }[]).map(({ uri }) => uri))
    }
    cursor = page['cursor']
    if (cursor === undefined) return found
    await between()
  }
}

const uris = (held: readonly Held[]): string[] => held.map(({ did, rkey }) => uriOf(did, rkey))
const tie = (a: Held, b: Held): number => a.row - b.row
const byKey = (value: (held: Held) => Key) => (a: Held, b: Held) =>
  compareKeys(value(a), value(b)) || tie(a, b)
const millis = ({ note }: Held): number => Date.parse(note.createdAt)
const stars = ({ note }: Held): Key => keyOf('integer', note['stars']) ?? -Infinity
const indexedAt = (held: Held): number => held.indexedAt
const isValid = (held: Held): boolean => held.isValid
const parent = ({ note }: Held): unknown => (note['reply'] as { parent: string } | undefined)?.parent
const T0 = Date.parse('2026-01-02T03:04:05.678Z')
const second = (n: number): string => new Date(T0 + n * 1000).toISOString()

/** Questions as parameters, as a predicate, and as an order to the last. */
const questions: readonly [Params, (held: Held) => boolean, (a: Held, b: Held) => number][] = [
  [{}, isValid, byKey(millis)],
  [
    { sort: 'createdAt', createdAtFrom: minute(2), createdAtTo: minute(5) },
    (h) => h.isValid && millis(h) >= Date.parse(minute(2)) && millis(h) < Date.parse(minute(5)),
    byKey(millis),
  ],
  [{ author: [DIDS[0], DIDS[2]], sort: 'createdAt' }, (h) => h.isValid && h.did !== DIDS[1], byKey(millis)],
  [{ sort: 'stars' }, isValid, byKey(stars)],
  [{ starsExists: false }, (h) => h.isValid && h.note['stars'] === undefined, tie],
  [{ starsExists: true }, (h) => h.isValid && h.note['stars'] !== undefined, byKey(stars)],
  [
    { starsFrom: 0, starsTo: 2 },
    (h) => h.isValid && (h.note['stars'] === 0 || h.note['stars'] === 1),
    byKey(stars),
  ],
  [
    { title: ['a', 'x'.repeat(301)] },
    (h) => h.isValid && (h.note['title'] === 'a' || h.note['title'] === 'x'.repeat(301)),
    byKey(millis),
  ],
  [
    { titlePrefix: 'a' },
    (h) => h.isValid && String(h.note['title'] ?? '-').startsWith('a'),
    (a, b) =>
      compareKeys(textKey(a.note['title'] as string), textKey(b.note['title'] as string)) ||
      byKey(millis)(a, b),
  ],
  [
    { tags: ['a', 'ab', ''], sort: 'createdAt' },
    (h) => h.isValid && ((h.note['tags'] ?? []) as string[]).some((tag) => ['a', 'ab', ''].includes(tag)),
    byKey(millis),
  ],
  [{ draft: ['true'], sort: 'stars' }, (h) => h.isValid && h.note['draft'] === true, byKey(stars)],
  [{ replyParent: [uriOf(DIDS[0], '0')] }, (h) => h.isValid && parent(h) === uriOf(DIDS[0], '0'), tie],
  [
    { author: [DIDS[1], DIDS[0]], sort: 'rkey' },
    (h) => h.isValid && h.did !== DIDS[2],
    (a, b) => compareKeys(a.rkey, b.rkey) || DIDS.indexOf(a.did as never) - DIDS.indexOf(b.did as never),
  ],
  // Of labels and times in the index: with an index by them, and passing others by.
  [{ validity: 'invalid', sort: 'createdAt' }, (h) => !h.isValid, byKey(millis)],
  [{ validity: ['valid', 'invalid', 'unknown'], sort: 'createdAt' }, () => true, byKey(millis)],
  [{ validity: ['valid', 'invalid'], sort: 'stars' }, () => true, byKey(stars)],
  [{ validity: 'unknown', sort: 'createdAt' }, () => false, tie],
  [{ sort: 'indexedAt' }, isValid, byKey(indexedAt)],
  [{ validity: 'invalid', sort: 'indexedAt' }, (h) => !h.isValid, byKey(indexedAt)],
  [
    { indexedAtFrom: second(5), indexedAtTo: second(20) },
    (h) => h.isValid && h.indexedAt >= T0 + 5000 && h.indexedAt < T0 + 20_000,
    byKey(indexedAt),
  ],
  [
    { author: DIDS[1], indexedAtFrom: second(9) },
    (h) => h.isValid && h.did === DIDS[1] && h.indexedAt >= T0 + 9000,
    byKey(indexedAt),
  ],
]

async function historyOf(
  tables: Tables,
  some: readonly Parameters<ReturnType<typeof createNoteHistory>['step']>[0][],
  declaredAt: number,
): Promise<ReturnType<typeof createNoteHistory>> {
  const history = createNoteHistory(tables)
  for (const [i, step] of some.entries()) {
    if (i === declaredAt) await declare(tables, INDEXES)
    await history.step(step)
  }
  if (declaredAt >= some.length) await declare(tables, INDEXES)
  return history
}

test('every filter, order and page finds what reading everything finds', async () => {
  await assert(
    asyncProperty(
      array(steps, { maxLength: 40 }),
      nat(40),
      integer({ min: 1, max: 4 }),
      async (some, declaredAt, limit) => {
        using tables = openTables(undefined, documents())
        const history = await historyOf(tables, some, declaredAt)
        const router = routerOf(tables)
        const all = history.shown()
        for (const [params, keep, order] of questions) {
          const ascending = all.filter(keep).toSorted(order)
          for (const way of ['asc', 'desc']) {
            const expected = way === 'asc' ? ascending : ascending.toReversed()
            expect([params, way, await readAll(router, { ...params, order: way, limit })]).toEqual([
              params,
              way,
              {
                records: uris(expected.filter(isValid)),
                unfit: uris(expected.filter((h) => !h.isValid)),
              },
            ])
          }
          const { sort: _, ...filters } = params
          if (params['sort'] !== 'rkey') {
            const counted = await ask(router, COUNT, { ...filters }).catch(() => null)
            if (counted !== null) expect([params, counted['count']]).toEqual([params, ascending.length])
          }
        }
        history.clear()
        for (const table of ['projections', 'projected']) {
          expect(tables.one(`SELECT count(*) AS n FROM ${table}`)).toEqual({ n: 0 })
        }
      },
    ),
    { numRuns: runs },
  )
}, 120_000)

/** One field of a question: its parameters, and which records it means. */
type Filter = readonly [Params, (held: Held) => boolean]
const tags = ({ note }: Held): readonly unknown[] => (note['tags'] ?? []) as unknown[]
const text = (value: unknown): Key => (typeof value === 'string' ? textKey(value) : -Infinity)

/** Every kind of filter of every declared field, and none. */
const filters: Readonly<Record<string, readonly Filter[]>> = {
  author: [
    [{}, () => true],
    [{ author: DIDS[0] }, ({ did }) => did === DIDS[0]],
    [{ author: [DIDS[2], DIDS[1], 'did:web:nobody.example'] }, ({ did }) => did !== DIDS[0]],
  ],
  createdAt: [
    [{}, () => true],
    [{ createdAt: [minute(1), minute(3)] }, (h) => [1, 3].some((n) => h.note.createdAt === minute(n))],
    [{ createdAtFrom: minute(3) }, (h) => h.note.createdAt >= minute(3)],
    [{ createdAtTo: minute(3) }, (h) => h.note.createdAt < minute(3)],
    [{ createdAtExists: true }, () => true],
  ],
  title: [
    [{}, () => true],
    [
      { title: [TITLES[4]!, TITLES[7]!] },
      ({ note }) => [TITLES[4], TITLES[7]].includes(note['title'] as string),
    ],
    [{ titlePrefix: 'x'.repeat(128) }, ({ note }) => String(note['title']).startsWith('x'.repeat(128))],
    [
      { titleFrom: 'ab', titleTo: 'é' },
      ({ note }) => ['ab', 'b', TITLES[7], TITLES[8]].includes(note['title'] as string),
    ],
    [{ titleExists: true }, ({ note }) => typeof note['title'] === 'string'],
  ],
  stars: [
    [{}, () => true],
    [{ stars: [-1, 2, 2] }, ({ note }) => note['stars'] === -1 || note['stars'] === 2],
    [{ starsFrom: -1 }, (h) => compareKeys(stars(h), -1) >= 0],
    [{ starsTo: 1 }, (h) => stars(h) !== -Infinity && compareKeys(stars(h), 1) < 0],
    [{ starsExists: true }, (h) => stars(h) !== -Infinity],
    [{ starsExists: false }, (h) => stars(h) === -Infinity],
  ],
  draft: [
    [{}, () => true],
    [{ draft: ['true', 'false'] }, ({ note }) => note['draft'] !== undefined],
    [{ draft: 'false' }, ({ note }) => note['draft'] === false],
    [{ draftExists: true }, ({ note }) => note['draft'] !== undefined],
  ],
  tags: [
    [{}, () => true],
    [{ tags: 'ab' }, (h) => tags(h).includes('ab')],
    [{ tags: ['', 'é', TITLES[8]!] }, (h) => ['', 'é', TITLES[8]].some((tag) => tags(h).includes(tag))],
  ],
  reply: [
    [{}, () => true],
    [{ replyParent: uriOf(DIDS[1], '1') }, (h) => parent(h) === uriOf(DIDS[1], '1')],
    [{ replyParentExists: true }, (h) => parent(h) !== undefined],
  ],
  indexedAt: [
    [{}, () => true],
    [{ indexedAtFrom: second(8) }, (h) => h.indexedAt >= T0 + 8000],
    [{ indexedAtTo: second(8) }, (h) => h.indexedAt < T0 + 8000],
  ],
  validity: [
    [{}, isValid],
    [{ validity: ['invalid', 'valid'] }, () => true],
    [{ validity: ['invalid', 'unknown'] }, (h) => !h.isValid],
  ],
}
const sorts: Readonly<Record<string, (held: Held) => Key>> = {
  createdAt: millis,
  stars,
  indexedAt,
  title: ({ note }) => text(note['title']),
  draft: ({ note }) => keyOf('boolean', note['draft']) ?? -Infinity,
  replyParent: (h) => text(parent(h)),
  rkey: ({ rkey }) => rkey,
}
/** Two fields at a time, of which most have no filter, so that an index answers often. */
const question = shape({
  some: array(constantFrom(...Object.keys(filters)), { maxLength: 2 }),
  which: nat(5),
  validity: nat(2),
  sort: constantFrom(null, ...Object.keys(sorts)),
})

test('any filters together are answered as they are meant, in the order that is asked for, or refused', async () => {
  let answered = 0
  await assert(
    asyncProperty(
      array(steps, { minLength: 10, maxLength: 40 }),
      array(question, { minLength: 20, maxLength: 20 }),
      integer({ min: 1, max: 4 }),
      async (some, asked, limit) => {
        using tables = openTables(undefined, documents())
        const history = await historyOf(tables, some, 5)
        const router = routerOf(tables)
        for (const { some: names, which, validity, sort } of asked) {
          const chosen = [...new Set(names), 'validity'].map(
            (name) => filters[name]![(name === 'validity' ? validity : which) % filters[name]!.length]!,
          )
          const params = Object.assign(
            {},
            ...chosen.map(([one]) => one),
            sort === null ? {} : { sort },
          ) as Params
          const read = (order: string): Promise<Found | null> =>
            readAll(router, { ...params, order, limit }).catch((error: { error?: string }) => {
              if (error.error === 'IndexRequired' || error.error === 'InvalidRequest') return null
              throw error
            })
          const ascending = await read('asc')
          const descending = await read('desc')
          if (ascending === null) {
            expect(descending).toBe(null)
            continue
          }
          answered++
          const all = history.shown()
          const sorted = sort === null ? null : sorts[sort]!
          // Records without what they are in the order of stand in some indexes, and in others not.
          const matching = all.filter((held) => chosen.every(([, keep]) => keep(held)))
          for (const list of ['records', 'unfit'] as const) {
            const found = ascending[list]
            const wanted = uris(matching.filter((held) => held.isValid === (list === 'records')))
            const left = wanted.filter((uri) => !found.includes(uri))
            const byUri = new Map(matching.map((held) => [uriOf(held.did, held.rkey), held]))
            expect([params, found.filter((uri) => !wanted.includes(uri))]).toEqual([params, []])
            expect([params, new Set(found).size]).toEqual([params, found.length])
            for (const uri of left) {
              expect([params, uri, sorted?.(byUri.get(uri)!)]).toEqual([params, uri, -Infinity])
            }
            const keys = found.map((uri) => sorted?.(byUri.get(uri)!) ?? 0)
            expect([params, keys]).toEqual([params, keys.toSorted(compareKeys)])
            expect([params, descending![list]]).toEqual([params, found.toReversed()])
          }
        }
      },
    ),
    { numRuns: runs / 2 },
  )
  expect(answered).toBeGreaterThan(runs)
}, 120_000)

test('pages that are read while things happen have what stays, once each', async () => {
  await assert(
    asyncProperty(
      array(steps, { minLength: 20, maxLength: 40 }),
      array(steps, { minLength: 30, maxLength: 30 }),
      nat(questions.length - 1),
      constantFrom('asc', 'desc'),
      async (before, meanwhile, which, order) => {
        using tables = openTables(undefined, documents())
        const history = await historyOf(tables, before, 0)
        const router = routerOf(tables)
        const [params, keep] = questions[which]!
        const states = [history.shown()]
        const found = await readAll(router, { ...params, order, limit: 2 }, async () => {
          const step = meanwhile[states.length - 1]
          if (step === undefined) return
          await history.step(step)
          states.push(history.shown())
        })
        const as = (held: Held): string =>
          JSON.stringify([held.did, held.rkey, held.note, held.row, held.indexedAt, held.isValid])
        const [first, ...rest] = states.map((state) => new Map(state.map((held) => [as(held), held])))
        const stayed = [...first!].filter(
          ([key, held]) => keep(held) && rest.every((state) => state.has(key)),
        )
        const seen = [...found.records, ...found.unfit]
        for (const uri of uris(stayed.map(([, held]) => held))) {
          expect([params, uri, seen.filter((one) => one === uri).length]).toEqual([params, uri, 1])
        }
        // What was never so is not shown.
        const ever = new Set(states.flatMap((state) => uris(state.filter(keep))))
        expect(seen.filter((uri) => !ever.has(uri))).toEqual([])
      },
    ),
    { numRuns: runs * 3 },
  )
}, 120_000)
