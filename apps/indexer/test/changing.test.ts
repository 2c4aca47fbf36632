// Questions that are under way while indexes are taken away: each answer is of one state of them, and none is an error of the database.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Did } from '@avocet/syntax'
import { XrpcError } from '@avocet/xrpc'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { databasePath } from '../src/database/open.ts'
import { type CollectionAnswers, createCollectionAnswers } from '../src/http/collection-answers.ts'
import { createEditions } from '../src/lexicons/editions.ts'
import { lexiconsOf } from '../src/lexicons/load.ts'
import { STORED_LABELS } from '../src/queries/labels.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { createSearcher } from '../src/search/searcher.ts'
import { declare, documents, NOTE } from './support/notes.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const DID: Did = 'did:web:a.example'
const COUNT = 3000

let folder: string
let tables: Tables
let answers: CollectionAnswers
const failures: unknown[] = []
let closing: () => Promise<void>
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'changing-'))
  tables = openTables(undefined, documents(), folder)
  await declare(tables, [`${NOTE}:createdAt,indexedAt`], documents(), true, [`${NOTE}:title`])
  put('bird', { title: 'bird' })
  const records = createRecordReader(tables.db)
  const searcher = createSearcher(tables.db, databasePath(folder), 20_000)
  closing = () => searcher.close()
  failures.length = 0
  answers = createCollectionAnswers({
    db: tables.db,
    editions: createEditions(lexiconsOf(documents())),
    labels: STORED_LABELS,
    projections: tables.projections,
    records,
    searcher,
    findAccount: async (actor) => records.account(actor),
    files: [],
    onError: (error) => failures.push(error),
  })
})
afterEach(async () => {
  await closing()
  tables[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

const put = (rkey: string, fields: object): void =>
  tables.commit(DID, [
    opOf('create', `${NOTE}/${rkey}`, { $type: NOTE, createdAt: '2026-01-01T00:00:00Z', ...fields }),
  ])
/** So many that counting takes several turns of the event loop. */
const putMany = (): void =>
  tables.db.transaction(() => {
    for (let i = 1; i < COUNT; i++) put(`k${i}`, {})
  })

/** What is answered: as it stands there, or the name of the error. */
const call = async (method: string, params: Record<string, string> = {}): Promise<unknown> => {
  const url = `http://localhost/xrpc/${NOTE}.${method}?${new URLSearchParams(params)}`
  try {
    const response = await answers.method(`${NOTE}.${method}`, new Request(url), null)
    const body = (await response!.json()) as Record<string, unknown>
    return response!.status === 200 ? body : body['error']
  } catch (error) {
    if (error instanceof XrpcError) return error.error
    throw error
  }
}

test('a count goes on with another index from its beginning', async () => {
  putMany()
  const counted = call('countRecords')
  await nextTurn()
  await declare(tables, [`${NOTE}:indexedAt`])
  expect(await counted).toEqual({ count: COUNT })
})

test('a count without any index left is refused', async () => {
  putMany()
  const counted = call('countRecords')
  await nextTurn()
  await declare(tables, [`${NOTE}:title`])
  expect(await counted).toBe('IndexRequired')
})

test('a count by a cursor of an index that is gone is refused', async () => {
  const page = (await call('listRecords', { limit: '1' })) as { cursor: string }
  await declare(tables, [`${NOTE}:indexedAt`])
  expect(await call('listRecords', { limit: '1', cursor: page.cursor })).toBe('InvalidCursor')
})

test('a search whose index is gone before it is asked is no method any more', async () => {
  const found = call('searchRecords', { q: 'bird' })
  await nextTurn()
  await declare(tables, [`${NOTE}:createdAt`])
  expect(tables.projections.searches()).toEqual([])
  expect([await found, failures]).toEqual(['MethodNotImplemented', []])
})

test('a search whose index has other fields by now is asked of those', async () => {
  put('tagged', { tags: ['bird'] })
  const found = call('searchRecords', { q: 'bird' })
  await nextTurn()
  await declare(tables, [`${NOTE}:createdAt`])
  await declare(tables, [`${NOTE}:createdAt`], documents(), true, [`${NOTE}:tags`])
  const { records } = (await found) as { records: { uri: string }[] }
  expect([records.map(({ uri }) => uri), failures]).toEqual([[`at://${DID}/${NOTE}/tagged`], []])
})

test('a search over an index that is being built again says so', async () => {
  const found = call('searchRecords', { q: 'bird' })
  await nextTurn()
  await declare(tables, [`${NOTE}:createdAt`])
  await declare(tables, [`${NOTE}:createdAt`], documents(), false, [`${NOTE}:title`])
  expect([await found, failures]).toEqual(['IndexBuilding', []])
})
