// The queries of collections that have indexes, ready to be answered.

import type { Catalog } from '@avocet/lexicon'
import type { Database } from '@avocet/sqlite'
import { createNames } from '../database/names.ts'
import type { Progress, Projections } from '../projections/store.ts'
import { type Cursors, createCursors, type Position } from './cursor.ts'
import { type CollectionQueries, describeQueries } from './documents.ts'
import { type Labels, STORED_LABELS } from './labels.ts'
import { type ListQuery, type Plan, planQuery, type PlanError } from './plan.ts'
import { type ScanEntry, scanPlan } from './scan.ts'

/** A question that can be answered. */
export type Asked = {
  readonly plan: Plan
  /** Where its cursor says that it goes on; null: at its beginning. */
  readonly after: Position | null
  /** The entries from a position on. */
  entries(after: Position | null, first: number): Generator<ScanEntry, void, undefined>
  cursor(position: Position): string
}

/** Why a question is not answered. */
export type AskError = PlanError | { readonly code: 'InvalidCursor'; readonly message: string }

/** The collections that can be asked, as their indexes are. */
export type CollectionReader = {
  /** All of them, with what may be asked. */
  readonly all: readonly CollectionQueries[]
  /** How far a full-text index is. */
  searchProgress(id: number): Progress | null
  readonly cursors: Cursors
  /** The id of an account in indexes; null when there is nothing of it. */
  authorId(did: string): number | null
  /**
   * Makes a plan for a question.
   * @param kind tells questions apart that have the same filters
   */
  ask(
    kind: string,
    query: ListQuery,
    cursor: string | null,
  ): { readonly ok: true; readonly value: Asked } | { readonly ok: false; readonly error: AskError }
}

/** A reader of all collections that have an index. @param labels default: what is stored */
export function createCollectionReader(
  db: Database,
  catalog: Catalog,
  projections: Projections,
  labels: Labels = STORED_LABELS,
): CollectionReader {
  const names = createNames(db)
  const cursors: Cursors = createCursors(db)
  const { indexes: active, searches } = projections.active()
  const byCollection = Map.groupBy(active, ({ collection }) => collection)
  const collections = new Set([...active, ...searches].map(({ collection }) => collection))
  return {
    all: [...collections].map((collection) => {
      const search = searches.find((one) => one.collection === collection) ?? null
      return describeQueries(catalog, collection, byCollection.get(collection) ?? [], search)
    }),
    searchProgress: (id) => projections.searches().find((search) => search.id === id) ?? null,
    cursors,
    authorId: (did) => names.find(did),
    ask(kind, query, cursor) {
      const { collection } = query
      const indexes = projections.list().filter((index) => index.collection === collection)
      const planned = planQuery(indexes, query, labels.share(collection))
      if (!planned.ok) return planned
      const plan = planned.value
      const scope = scopeOf(kind, query, plan)
      const after = cursor === null ? null : cursors.read(scope, cursor)
      if (cursor !== null && after === null) {
        const message = 'not a cursor of this question: ask it without one from the beginning'
        return { ok: false, error: { code: 'InvalidCursor', message } }
      }
      const id = names.find(collection)
      return {
        ok: true,
        value: {
          plan,
          after,
          *entries(from, first) {
            if (id !== null) yield* scanPlan(db, id, plan, from, first)
          },
          cursor: (position) => cursors.write(scope, position),
        },
      }
    },
  }
}

/** All that the order and the ends of a list depend on. */
function scopeOf(kind: string, query: ListQuery, { index, ascending, sort }: Plan): string {
  const equal = [...query.equal].map(([path, keys]) => JSON.stringify([path, ...keys])).toSorted()
  const validity = query.validity.toSorted()
  return JSON.stringify([
    kind,
    query.collection,
    index?.id ?? 0,
    ascending,
    sort,
    equal,
    query.range,
    validity,
  ])
}
