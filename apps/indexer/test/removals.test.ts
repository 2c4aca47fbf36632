// Removing in slices: it ends, goes on where it was, and stops where something is wanted again.

import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRepoReader } from '../src/queries/repos.ts'
import { createRemovals, type RemovalOptions, type Removals } from '../src/sync/removals.ts'
import { openWanted, type Wanted } from '../src/sync/wanted.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const ada = 'did:web:ada.example' as Did
const NOTE = 'com.example.note'
const LIKE = 'com.example.like'

let tables: Tables
let wanted: Wanted
beforeEach(() => {
  tables = openTables()
  const flags = { everything: true, collections: [NOTE, LIKE], signal: null, repos: [] }
  wanted = openWanted(tables.db, flags, () => 5)
  for (const collection of [LIKE, NOTE]) {
    const ops = Array.from({ length: 450 }, (_, i) => opOf('create', `${collection}/${i}`, { n: i }))
    tables.resync(ada, ops)
  }
})
afterEach(() => tables[Symbol.dispose]())

const removals = (records: Partial<RemovalOptions['records']> = {}): Removals => {
  const { db, applier } = tables
  const all = { ...applier.records, ...records }
  const repos = createRepoReader(db, () => 5)
  return createRemovals({ db, records: all, repos, wanted, consumer: { forget: async () => true } })
}
const left = (): unknown => tables.one('SELECT count(*) AS n FROM records')

test('a repo goes whole, in slices', async () => {
  await wanted.choose('repo', [ada], false)
  await removals().run(AbortSignal.timeout(5000))
  expect([left(), tables.one('SELECT count(*) AS n FROM removals')]).toEqual([{ n: 0 }, { n: 0 }])
})

test('one that is wanted again between two slices keeps the rest', async () => {
  await wanted.choose('repo', [ada], false)
  let slices = 0
  const purge: RemovalOptions['records']['purge'] = (did, most) => {
    if (++slices === 2) void wanted.choose('repo', [ada], true)
    return tables.applier.records.purge(did, most)
  }
  await removals({ purge }).run(AbortSignal.timeout(5000))
  expect([left(), slices]).toEqual([{ n: 500 }, 2])
})

test('collections go from where the last slice ended, and that ends', async () => {
  await wanted.choose('collection', [LIKE], false)
  const from: number[] = []
  const purgeUnwanted: RemovalOptions['records']['purgeUnwanted'] = (...args) => {
    from.push(args[1])
    return tables.applier.records.purgeUnwanted(...args)
  }
  const signal = AbortSignal.timeout(5000)
  await removals({ purgeUnwanted }).run(signal)
  expect([left(), signal.aborted, removals().waiting()]).toEqual([
    { n: 450 },
    false,
    { repos: 0, collections: false },
  ])
  expect(from[0]).toBe(0)
  expect(from).toEqual([...new Set(from)].toSorted((a, b) => a - b))
  expect(from.length).toBeGreaterThan(2)
})
