// Indexes that are chosen while it runs, on top of what the flags say: at any moment, and with any start.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { lexiconsOf } from '../src/lexicons/load.ts'
import { type IndexChoices, openIndexChoices } from '../src/projections/choices.ts'
import { parseIndexes } from '../src/projections/declare.ts'
import { parseSearch } from '../src/search/declare.ts'
import { documents, NOTE } from './support/notes.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

let tables: Tables
const logged: string[] = []
beforeEach(() => {
  tables = openTables(undefined, documents())
  logged.length = 0
})
afterEach(() => tables[Symbol.dispose]())

/** A start with these flags. */
function start(
  flags: readonly string[] = [],
  lexicons = documents(),
  searches: readonly string[] = [],
): IndexChoices {
  return openIndexChoices({
    db: tables.db,
    lexicons: { ...lexiconsOf(lexicons), collections: [NOTE] },
    projections: tables.projections,
    flags: { declared: flags.map(parseIndexes), searched: searches.map(parseSearch) },
    onLog: (line) => logged.push(line),
    now: () => tables.now,
  }).choices
}
const here = (of: IndexChoices): string[] =>
  of.list().map(({ index, state }) => `${index.split(':').slice(1).join(':')} ${state}`)
const ok = (count: number) => ({ ok: true, value: { count } })

test('flags and choices together, whatever changes', async () => {
  const first = start()
  expect(here(first)).toEqual(['createdAt ready'])
  // What the collection has of its own accord stays beside what is added.
  expect(await first.add('fields', [`${NOTE}:stars?,title+createdAt`])).toEqual(ok(2))
  expect(await first.add('search', [`${NOTE}:title`])).toEqual(ok(1))
  expect(here(first)).toEqual([
    'createdAt ready',
    'stars? ready',
    'title+createdAt ready',
    'title:words ready',
  ])
  expect(await first.remove('fields', [`${NOTE}:createdAt`])).toEqual(ok(1))
  expect(await first.add('fields', [`${NOTE}:draft`])).toEqual(ok(1))
  expect(here(first)).toContain('createdAt dropping')
  expect(await first.remove('fields', [`${NOTE}:createdAt`])).toMatchObject({ ok: false })
  // Another start, with other flags: what was chosen stands on top.
  const second = start([`${NOTE}:createdAt,tags`])
  const active = (): string[] => tables.projections.active().indexes.map(({ id }) => String(id))
  expect(here(second).filter((one) => one.endsWith('ready'))).toEqual([
    'stars? ready',
    'title+createdAt ready',
    'draft ready',
    'tags ready',
    'title:words ready',
  ])
  // What was removed may be added again.
  expect(await second.add('fields', [`${NOTE}:createdAt`])).toEqual(ok(1))
  expect(active()).toHaveLength(5)
  expect(await second.remove('search', [`${NOTE}:title`])).toEqual(ok(1))
  expect(tables.projections.active().searches).toEqual([])
})

test('changes at the same time are made one after the other', async () => {
  const choices = start()
  const names = ['stars', 'draft', 'tags', 'title', 'reply.parent'].map((field) => `${NOTE}:${field}`)
  await Promise.all(names.map((name) => choices.add('fields', [name])))
  await Promise.all([
    choices.remove('fields', [names[0]!]),
    choices.add('fields', [`${NOTE}:stars+createdAt`]),
  ])
  expect(here(choices).filter((one) => one.endsWith('ready'))).toHaveLength(6)
  expect(here(start()).filter((one) => one.endsWith('ready'))).toHaveLength(6)
})

test('what cannot be is refused, and changes nothing', async () => {
  const choices = start([], documents(), [`${NOTE}:title`])
  const before = choices.list()
  for (const [kind, text, message] of [
    ['fields', `${NOTE}:nothing`, 'no field nothing'],
    ['fields', 'com.example.none:createdAt', 'no lexicon of records'],
    ['fields', NOTE, 'Not an index'],
    ['search', `${NOTE}:tags`, 'given twice'],
  ] as const) {
    const result = await choices.add(kind, [text])
    expect(result).toEqual({
      ok: false,
      error: { code: 'invalid', message: expect.stringContaining(message) },
    })
  }
  expect(await choices.add('fields', [])).toMatchObject({ ok: false })
  expect(await choices.add('fields', Array(101).fill(`${NOTE}:stars`))).toMatchObject({ ok: false })
  expect(choices.list()).toEqual(before)
})

test('what a lexicon of today has no field for is left out, and said', async () => {
  const choices = start()
  await choices.add('fields', [`${NOTE}:stars`, `${NOTE}:title`])
  const other = structuredClone(documents()) as any
  delete other[0].defs.main.record.properties.stars
  expect(here(start([], other))).toEqual(['createdAt ready', 'stars dropping', 'title ready'])
  expect(logged).toEqual([
    expect.stringMatching(/no field stars.*was added while an indexer ran, and is left out/),
  ])
})

test('progress is that of its records', async () => {
  for (let i = 0; i < 4; i++) {
    tables.commit('did:web:a.example', [
      opOf('create', `${NOTE}/k${i}`, { $type: NOTE, createdAt: '2026-01-01T00:00:00Z' }),
    ])
  }
  const choices = start()
  expect(choices.list()).toEqual([
    { index: `${NOTE}:createdAt`, kind: 'fields', state: 'building', progress: 0 },
  ])
  tables.projections.built(1, 3, 'building')
  expect(choices.list()[0]!.progress).toBe(0.75)
  tables.projections.built(1, 4, 'ready')
  expect(choices.list()[0]!.progress).toBe(1)
  await choices.remove('fields', [`${NOTE}:createdAt`])
  expect(choices.list()[0]).toMatchObject({ state: 'dropping', progress: null })
})
