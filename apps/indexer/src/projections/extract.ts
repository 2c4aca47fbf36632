// What of a record stands in the indexes of its collection. Pure: the same on every thread.

import type { DataObject } from '@avocet/data'
import type { Column, OwnColumn } from './columns.ts'
import { type IndexSpec, specText } from './declare.ts'
import { valueAt } from './field.ts'
import { searchText } from '../search/declare.ts'
import { type SearchedTexts, type StoredSearch, textsOf } from '../search/texts.ts'
import { ABSENT, type Key, keyOf } from './key.ts'

/** An index as it is stored: by its id. */
export type StoredIndex = IndexSpec & { readonly id: number }

/** What stands in a column; of an own column which one, as threads do not know what does. */
export type Slot = Key | { readonly own: OwnColumn }

/** A row of an index without its record: the id of the index and three columns, 0 beyond those it has. */
export type Entry = readonly [index: number, a: Slot, b: Slot, c: Slot]

/** What a record puts into indexes, and of which indexes that is known. */
export type Projected = {
  readonly version: string
  readonly entries: readonly Entry[]
  /** For full-text indexes. */
  readonly texts: readonly SearchedTexts[]
}

/** Values of a list that stand in an index. */
const MAX_VALUES = 16

/** Makes the function that says what of a record stands in indexes; null: its collection has none. */
export type Project = (collection: string, record: DataObject) => Projected | null

/** A projection on these indexes, and on these for full text. */
export function createProject(
  indexes: readonly StoredIndex[],
  searches: readonly StoredSearch[] = [],
): Project {
  const version = versionOf(indexes, searches)
  const byCollection = Map.groupBy(indexes, ({ collection }) => collection)
  const searched = Map.groupBy(searches, ({ collection }) => collection)
  return (collection, record) => {
    const own = byCollection.get(collection) ?? []
    const texts = searched.get(collection) ?? []
    if (own.length + texts.length === 0) return null
    return {
      version,
      entries: own.flatMap((index) => entriesOf(index, record)),
      texts: texts.flatMap((search) => textsOf(search, record) ?? []),
    }
  }
}

/** The same text for the same indexes. */
export function versionOf(indexes: readonly StoredIndex[], searches: readonly StoredSearch[]): string {
  const all = [
    ...indexes.map((index) => `${index.id}=${index.collection}:${specText(index)}`),
    ...searches.map((search) => `s${search.id}=${search.collection}:${searchText(search)}`),
  ]
  return all.toSorted().join(' ')
}

function entriesOf({ id, columns, absent }: StoredIndex, record: DataObject): Entry[] {
  const values = columns.map((column) => keysOf(column, record))
  const [first] = values
  if (!absent && first![0] === ABSENT) return []
  const at = values.findIndex((keys) => keys.length > 1)
  const column = (i: number, value: Slot): Slot =>
    i >= values.length ? 0 : i === at ? value : values[i]![0]!
  const spread = at < 0 ? [ABSENT] : values[at]!
  return spread.map((value) => [id, column(0, value), column(1, value), column(2, value)])
}

/** One at least: `ABSENT` for none. */
function keysOf(column: Column, record: DataObject): readonly Slot[] {
  if (typeof column === 'string') return [{ own: column }]
  const value = valueAt(column, record)
  if (!column.many) return [keyOf(column.kind, value) ?? ABSENT]
  if (!Array.isArray(value)) return [ABSENT]
  const keys = new Set<Key>()
  for (let i = 0; i < value.length && i < MAX_VALUES; i++) {
    const key = keyOf(column.kind, value[i])
    if (key !== null) keys.add(key)
  }
  return keys.size === 0 ? [ABSENT] : [...keys]
}
