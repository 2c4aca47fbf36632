// The parameters of a request as a question. Their types are checked by the lexicon of the query before they come here.

import type { Validity } from '../database/codes.ts'
import { AUTHOR } from '../projections/columns.ts'
import { SUFFIXES } from '../projections/declare.ts'
import { ABSENT, afterPrefix, type Key, keyOf, textKey } from '../projections/key.ts'
import type { CollectionQueries, QueryField } from './documents.ts'
import { type Bound, BY_KEY, type ListQuery } from './plan.ts'

/** A request's parameters. */
export type QueryParams = Readonly<Record<string, unknown>>

/** Why parameters are no question. */
export type ParamsError = { readonly code: 'InvalidRequest'; readonly message: string }

type Read =
  | { readonly ok: true; readonly value: ListQuery }
  | { readonly ok: false; readonly error: ParamsError }

/**
 * Reads the filters and the order of a request.
 * @param authors the ids of the accounts that it names; null: it names none
 */
export function readQuery(
  queries: CollectionQueries,
  params: QueryParams,
  authors: readonly number[] | null,
): Read {
  const equal = new Map<string, readonly Key[]>()
  if (authors !== null) equal.set(AUTHOR, authors)
  let range: ListQuery['range'] = null
  for (const field of queries.fields) {
    const { path, kind, name } = field
    const given = params[name] as readonly unknown[] | undefined
    const exists = params[name + SUFFIXES.exists] as boolean | undefined
    const bounds = readRange(field, params)
    const ways = [given, bounds, exists].filter((way) => way !== undefined && way !== null)
    if (ways.length > 1) return refuse(`one filter at a time by ${name}`)
    if (given !== undefined && given.length > 0) {
      // The lexicon has checked them: what has no key is a moment that no calendar has.
      equal.set(path, [...new Set(given.map((value) => keyOf(kind, value) ?? ABSENT))])
    }
    if (exists === false) equal.set(path, [ABSENT])
    const between = exists === true ? { from: { key: ABSENT, inclusive: false }, to: null } : bounds
    if (between === null) continue
    if (range !== null) return refuse(`between two values of one field at a time: ${range.path} or ${path}`)
    range = { path, ...between }
  }
  const sort = params['sort'] as string | undefined
  const validity = (params['validity'] ?? []) as readonly Validity[]
  const by = queries.fields.find(({ name }) => name === sort)
  return {
    ok: true,
    value: {
      collection: queries.collection,
      equal,
      validity: validity.length === 0 ? ['valid'] : [...new Set(validity)],
      range,
      sort: sort === undefined ? null : (by?.path ?? BY_KEY),
      ascending: params['order'] === 'asc',
    },
  }
}

function readRange(
  { name, kind }: QueryField,
  params: QueryParams,
): { readonly from: Bound | null; readonly to: Bound | null } | null {
  const prefix = params[name + SUFFIXES.prefix] as string | undefined
  const [from, to] = [params[name + SUFFIXES.from], params[name + SUFFIXES.to]]
  if (prefix !== undefined) {
    const end = afterPrefix(prefix)
    return {
      from: { key: textKey(prefix), inclusive: true },
      to: end === null ? null : { key: end, inclusive: false },
    }
  }
  if (from === undefined && to === undefined) return null
  // Records without a value are in no range.
  const [first, last] = [keyOf(kind, from), keyOf(kind, to)]
  return {
    from: first === null ? { key: ABSENT, inclusive: false } : { key: first, inclusive: true },
    to: last === null ? null : { key: last, inclusive: false },
  }
}

function refuse(message: string): Read {
  return { ok: false, error: { code: 'InvalidRequest', message } }
}
