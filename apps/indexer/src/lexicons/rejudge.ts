// Records judged anew when the lexicons of their collection have changed: a slice a transaction, from where the last one ended.

import { hash } from 'node:crypto'
import type { Catalog } from '@avocet/lexicon'
import type { Database } from '@avocet/sqlite'
import { VALIDITIES } from '../database/codes.ts'
import type { Names } from '../database/names.ts'
import type { Judge } from '../index/validity.ts'
import type { Projections } from '../projections/store.ts'
import { closureOf } from './closure.ts'
import { walkSlice } from '../projections/walk.ts'

/** A collection whose records are judged anew. `done`, `until`: ids of records. */
export type Rejudging = { readonly collection: string; readonly done: number; readonly until: number }

/** The same text for the same lexicon of a collection and of all that it refers to; `none` without one. */
export function lexiconHash(catalog: Catalog, collection: string): string {
  if (catalog.record(collection) === undefined) return 'none'
  const documents = closureOf(catalog, [collection]).map((document) => JSON.stringify(document))
  return hash('sha256', documents.join('\n'), 'hex').slice(0, 32)
}

/**
 * Notes by which lexicons the records of `collections` are judged from now on, and of all that were noted before: those that are of
 * others now are to be judged anew. In a transaction.
 */
export function noteLexicons(db: Database, catalog: Catalog, collections: readonly string[]): void {
  const known = db.prepare('SELECT collection, hash FROM judged').all() as {
    collection: string
    hash: string
  }[]
  const hashes = new Map(known.map(({ collection, hash: text }) => [collection, text]))
  const until = Number(db.prepare('SELECT max(id) AS id FROM records').get()?.['id'] ?? 0)
  for (const collection of new Set([...collections, ...hashes.keys()])) {
    const now = lexiconHash(catalog, collection)
    if (hashes.get(collection) === now) continue
    db.prepare(
      `INSERT INTO judged (collection, hash, done, until) VALUES (?, ?, 0, ?)
       ON CONFLICT (collection) DO UPDATE SET hash = excluded.hash, done = 0, until = excluded.until`,
    ).run(collection, now, until)
  }
}

/** What is still to be judged anew. */
export function rejudging(db: Database): Rejudging[] {
  return db
    .prepare('SELECT collection, done, until FROM judged WHERE done < until ORDER BY collection')
    .all() as Rejudging[]
}

/**
 * Judges a slice anew, in a transaction of its own.
 * @param judge that of the lexicons in force then: others may have come while this waited for its turn
 * @returns whose records; null when there is nothing to do
 */
export async function rejudgeSlice(
  db: Database,
  names: Names,
  projections: Pick<Projections, 'move'>,
  judge: () => Judge,
): Promise<Rejudging | null> {
  if (rejudging(db).length === 0) return null
  const update = db.prepare('UPDATE records SET validity = ?, reason = ? WHERE id = ?')
  return db.write(() => {
    const next = rejudging(db)[0]
    if (next === undefined) return null
    const { collection, done: after, until } = next
    const range = { collection: names.add(collection), after, until }
    const done = walkSlice(db, range, ({ id, repo, rkey, validity, reason, indexedAt, record }) => {
      const label = judge()(collection, rkey, record)
      if (label.validity === validity && label.reason === reason) return
      const number = VALIDITIES.indexOf(label.validity)
      update.run(number, label.reason, id)
      if (label.validity !== validity) projections.move(id, { author: repo, validity: number, indexedAt })
    })
    db.prepare('UPDATE judged SET done = ? WHERE collection = ?').run(done, collection)
    return next
  })
}
