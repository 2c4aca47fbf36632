// Which index answers a question. One that no index answers page by page is refused, and told what to declare.

import type { Validity } from '../database/codes.ts'
import { AUTHOR, INDEXED_AT, isList, isTime, pathOf, VALIDITY, validityKey } from '../projections/columns.ts'
import { MAX_COLUMNS } from '../projections/declare.ts'
import { ABSENT, type Key } from '../projections/key.ts'
import type { IndexRow, Progress } from '../projections/store.ts'

/** The order of record keys: of the records of authors, without any index of fields. */
export const BY_KEY = 'rkey'

/** A question about the records of a collection. Paths are those of fields, or `author`, whose keys are ids of DIDs. */
export type ListQuery = {
  readonly collection: string
  /** One of these values each. */
  readonly equal: ReadonlyMap<string, readonly Key[]>
  /** What their lexicon says of them: one of these. */
  readonly validity: readonly Validity[]
  /** Between these, where they are not null. */
  readonly range: { readonly path: string; readonly from: Bound | null; readonly to: Bound | null } | null
  /** The path of a field, or `rkey`; null: whatever order there is. */
  readonly sort: string | null
  readonly ascending: boolean
}

/** One end of a range. */
export type Bound = { readonly key: Key; readonly inclusive: boolean }

/** How a question is answered: stretches of one index, merged. */
export type Plan = {
  /** null: record keys, each stretch a repo. */
  readonly index: IndexRow | null
  /** The keys that the first columns have, of each stretch. */
  readonly stretches: readonly (readonly Key[])[]
  readonly from: Bound | null
  readonly to: Bound | null
  readonly ascending: boolean
  /** What the records are in the order of: a path, `rkey`, or null for the order they came in. */
  readonly sort: string | null
}

/** Why there is no plan. `message` is for the person who asks. */
export type PlanError = {
  readonly code: 'IndexRequired' | 'IndexBuilding' | 'TooManyValues'
  readonly message: string
}

/** Stretches of one question. */
export const MAX_STRETCHES = 25

type Planned = { readonly ok: true; readonly value: Plan } | { readonly ok: false; readonly error: PlanError }

/**
 * The plan for a question, over the indexes of its collection. What fits its lexicon is most of what there is: the others are passed by,
 * unless only an index by validity answers. For others than those that fit it is the other way round.
 * @param judged what share of the records stands in an index by validity where the lexicons in force say, 0 to 1; null: all. Until all do,
 *   such an index answers nothing
 */
export function planQuery(
  indexes: readonly IndexRow[],
  query: ListQuery,
  judged: number | null = null,
): Planned {
  const equal = new Map([...query.equal, [VALIDITY, query.validity.map(validityKey)] as const])
  const plain = planBy(indexes, query)
  const isUsual = query.validity.every((validity) => validity === 'valid')
  if (isUsual && plain.ok) return plain
  const labelled = planBy(indexes, { ...query, equal })
  if (labelled.ok && judged !== null) return plain.ok ? plain : { ok: false, error: judging(judged) }
  if (labelled.ok || plain.ok) return labelled.ok ? labelled : plain
  return plain.error.code === 'IndexRequired' && labelled.error.code === 'IndexBuilding' ? labelled : plain
}

function planBy(indexes: readonly IndexRow[], query: ListQuery): Planned {
  const { equal, ascending, range } = query
  const count = [...equal.values()].reduce((product, keys) => product * keys.length, 1)
  if (count > MAX_STRETCHES) {
    const message = `at most ${MAX_STRETCHES} combinations of values at a time`
    return { ok: false, error: { code: 'TooManyValues', message } }
  }
  const usable = indexes
    .filter((index) => fits(index, query))
    .toSorted((a, b) => rank(a, query) - rank(b, query))
  const index = usable.find(({ state }) => state === 'ready')
  if (index !== undefined) {
    const paths = index.columns.slice(0, equal.size).map(pathOf)
    const next = index.columns[equal.size]
    const stretches = combine(paths.map((path) => equal.get(path)!))
    const sort = next === undefined ? null : pathOf(next)
    const { from = null, to = null } = range ?? {}
    return { ok: true, value: { index, stretches, from, to, ascending, sort } }
  }
  const authors = equal.get(AUTHOR)
  const isByKey = equal.size === 1 && range === null && (query.sort === BY_KEY || query.sort === null)
  if (authors !== undefined && isByKey) {
    const stretches = authors.map((author) => [author])
    return { ok: true, value: { index: null, stretches, from: null, to: null, ascending, sort: BY_KEY } }
  }
  return { ok: false, error: usable[0] === undefined ? missing(query) : building(usable[0]) }
}

function fits(index: IndexRow, { equal, range, sort }: ListQuery): boolean {
  const { columns, absent } = index
  if (index.state === 'dropping' || columns.length < equal.size) return false
  const first = columns.slice(0, equal.size)
  if (!first.every((column) => equal.has(pathOf(column)))) return false
  const rest = columns.slice(equal.size)
  // A record stands once in a stretch: lists are in its first columns alone.
  if (rest.some(isList)) return false
  // Without such, it has no records without a value in its first column.
  if (!absent && first[0] !== undefined && equal.get(pathOf(first[0]))!.includes(ABSENT)) return false
  const wanted = range?.path ?? sort
  if (range !== null && sort !== null && sort !== range.path) return false
  // Who asks for nothing gets them by time: other fields are left out of many records.
  if (wanted === null) return equal.size > 0 || isTime(columns[0]!)
  return rest[0] !== undefined && pathOf(rest[0]) === wanted
}

/** Of several that fit: first one in the order of a time that records have, then of that of the index, then one with few columns. */
function rank({ columns }: IndexRow, { equal }: ListQuery): number {
  const next = columns[equal.size]
  const isByTime = next !== undefined && isTime(next)
  return (!isByTime ? 20 : next === INDEXED_AT ? 10 : 0) + columns.length
}

function combine(lists: readonly (readonly Key[])[]): Key[][] {
  return lists.reduce<Key[][]>(
    (found, keys) => found.flatMap((begin) => keys.map((key) => [...begin, key])),
    [[]],
  )
}

function missing({ collection, equal, range, sort }: ListQuery): PlanError {
  const wanted = range?.path ?? (sort === BY_KEY ? null : sort)
  const isContrary = range !== null && sort !== null && sort !== range.path
  const paths = [...equal.keys(), ...(wanted === null ? [] : [wanted])]
  const isAbsent = [...equal.values()].some((keys) => keys.includes(ABSENT))
  const message = isContrary
    ? `records between two values of ${range.path} are in its order, not in that of ${sort}`
    : paths.length > MAX_COLUMNS
      ? `more than ${MAX_COLUMNS} fields at a time`
      : sort === BY_KEY
        ? 'the order of record keys is for the records of authors, without other filters'
        : `no index answers this; the operator can declare one: --index ${collection}:${paths.join('+') || 'createdAt'}${isAbsent ? '?' : ''}`
  return { code: 'IndexRequired', message }
}

/** What is said of an index by validity while records are judged anew. */
function judging(share: number): PlanError {
  const message = `records are being judged by other lexicons, ${Math.floor(100 * share)} % of them are: this is answered when all are`
  return { code: 'IndexBuilding', message }
}

/** What is said of an index that is not whole yet. */
export function building({ done, until }: Progress): PlanError {
  const percent = until === 0 ? 100 : Math.floor((100 * done) / until)
  return {
    code: 'IndexBuilding',
    message: `the index for this is being built: ${percent} % of what was there is in it`,
  }
}
