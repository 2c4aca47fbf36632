// Threads that examine records by the lexicons and indexes that there are, and what becomes of what they examined by those of before.

import { DEFAULT_POLICY, parseEvent, type VerifiedOp } from '@avocet/firehose'
import { createWorld, frameOf } from '@avocet/firehose/conformance'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createExamine, type Examined } from '../src/index/examine.ts'
import { createThreads, type Threads } from '../src/index/threads.ts'
import { createJudge } from '../src/index/validity.ts'
import { createEditions, type Editions } from '../src/lexicons/editions.ts'
import { lexiconsOf } from '../src/lexicons/load.ts'
import { declare, documents, NOTE } from './support/notes.ts'
import { openTables, type Tables } from './support/tables.ts'

const world = createWorld('threads')
const account = world.createAccount()
let tables: Tables
let editions: Editions
let threads: Threads
beforeEach(() => {
  tables = openTables(undefined, documents())
  editions = createEditions(lexiconsOf(documents()))
  threads = createThreads(1, editions, tables.projections)
})
afterEach(async () => {
  await threads.close()
  tables[Symbol.dispose]()
})

let frame: Uint8Array
beforeAll(async () => {
  const record = { $type: NOTE, createdAt: '2026-01-01T00:00:00Z', title: 'four' }
  const commit = await world.commit(account, [{ action: 'create', collection: NOTE, rkey: 'a', record }])
  frame = frameOf('#commit', world.event(commit), 1)
})

/** A commit of a note, as a thread proves it, and how often its record was decoded since. */
const proved = async (): Promise<{ op: VerifiedOp; decoded: () => number }> => {
  const event = parseEvent(frame, DEFAULT_POLICY)
  if (!event.ok || event.value.kind !== 'commit') throw new Error('no commit')
  const proof = await threads.prove(event.value, account.published.publicKey, DEFAULT_POLICY, frame)
  if (!proof.ok) throw new Error(proof.error.message)
  const [op] = proof.value.ops as [VerifiedOp]
  let decoded = 0
  const watched = Object.defineProperties({} as VerifiedOp, {
    ...Object.getOwnPropertyDescriptors(op),
    record: { get: () => (decoded++, op.record), enumerable: true },
  })
  return { op: watched, decoded: () => decoded }
}
const examinedBy = async (): Promise<Examined> => (await proved()).op.examined as Examined

test('an index that is added, and one that is taken away, are those of threads that run', async () => {
  await declare(tables, [`${NOTE}:createdAt`])
  expect((await examinedBy()).projected).toMatchObject({ version: tables.projections.version() })
  await declare(tables, [`${NOTE}:createdAt,title`], documents(), true, [`${NOTE}:title`])
  const { projected } = await examinedBy()
  expect(projected).toMatchObject({
    version: tables.projections.version(),
    entries: [
      [1, Date.UTC(2026, 0, 1), 0, 0],
      [2, 'four', 0, 0],
    ],
    texts: [{ fields: ['four'] }],
  })
  await declare(tables, [`${NOTE}:title`])
  const last = await proved()
  expect((last.op.examined as Examined).projected?.entries).toEqual([[2, 'four', 0, 0]])
  // So nothing of it is left to do for who writes it.
  tables.commit(account.did, [last.op])
  expect([last.decoded(), tables.one('SELECT place, a FROM projections')]).toEqual([
    0,
    { place: 2, a: 'four' },
  ])
})

test('lexicons that come are those of threads that run; what was judged by others is judged again', async () => {
  const examine = createExamine(
    (...record) => editions.now().judge(...record),
    null,
    () => editions.now().number,
  )
  const first = await proved()
  expect([examine(first.op).label.validity, first.decoded()]).toEqual(['valid', 0])
  editions.enter(editions.next(lexiconsOf(documents(true))))
  expect([examine(first.op).label.validity, first.decoded()]).toEqual(['invalid', 1])
  const second = await proved()
  expect([examine(second.op).label.validity, second.decoded()]).toEqual(['invalid', 0])
  expect((second.op.examined as Examined).label).toEqual(
    createJudge(lexiconsOf(documents(true)).catalog)(NOTE, 'a', second.op.record!),
  )
})
