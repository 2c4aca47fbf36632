// Indexes made and dropped while everything goes on: a slice a transaction, so that a crash loses none and the next start goes on.

import type { Database } from '@avocet/sqlite'
import { VALIDITIES } from '../database/codes.ts'
import type { Names } from '../database/names.ts'
import { createProject } from './extract.ts'
import type { IndexRow, Projections, SearchRow } from './store.ts'
import { walkSlice } from './walk.ts'

/** Records whose rows are taken out of an index in one slice. */
const DROPPED_PER_SLICE = 500

/**
 * Does one slice of what is to be built or dropped; in a transaction of its own.
 * @returns the index that was worked on; null when there is nothing to do
 */
export async function buildSlice(
  db: Database,
  names: Names,
  projections: Projections,
): Promise<IndexRow | SearchRow | null> {
  const unfinished = (): IndexRow | SearchRow | undefined =>
    [...projections.list(), ...projections.searches()].find(({ state }) => state !== 'ready')
  if (unfinished() === undefined) return null
  return db.write(() => {
    const next = unfinished()
    if (next?.state === 'building') build(db, names, projections, next)
    else if (next?.state === 'dropping') drop(projections, next)
    return next ?? null
  })
}

function build(db: Database, names: Names, projections: Projections, index: IndexRow | SearchRow): void {
  const { id, until } = index
  const collection = names.add(index.collection)
  const project = 'fields' in index ? createProject([], [index]) : createProject([index])
  const grown = new Map<number, number>()
  const done = walkSlice(
    db,
    { collection, after: index.done, until },
    ({ id: record, repo, validity, indexedAt, record: value }) => {
      const projected = project(index.collection, value)
      const own = { author: repo, validity: VALIDITIES.indexOf(validity), indexedAt }
      const bytes = projected === null ? 0 : projections.put(record, own, projected)
      if (bytes > 0) grown.set(repo, (grown.get(repo) ?? 0) + bytes)
    },
  )
  const grow = db.prepare(
    'UPDATE accounts SET stored = stored + ? WHERE did = (SELECT name FROM names WHERE id = ?)',
  )
  for (const [repo, bytes] of grown) grow.run(bytes, repo)
  projections.built(id, done, done >= until ? 'ready' : 'building')
}

function drop(projections: Projections, { id }: IndexRow | SearchRow): void {
  if (projections.clear(id, DROPPED_PER_SLICE) === 0) projections.forget(id)
}
