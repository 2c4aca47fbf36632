// The parameters of blue.microcosm.links.*, read as Constellation's server reads them.
// https://github.com/at-microcosm/microcosm-rs/tree/main/constellation

import { type List, type Position, readCursor } from './cursor.ts'

/** What is asked about links. */
export type LinkQuery = {
  readonly subject: string
  readonly collection: string
  /** With its leading dot, as links have it. */
  readonly path: string
  readonly limit: number
  readonly after: Position | null
  readonly reverse: boolean
  /** Of whom links are asked for; null: of everybody. */
  readonly dids: readonly string[] | null
  /** Where the other link of a record stands. */
  readonly pathToOther: string
  /** What the other link may point to; null: anything. */
  readonly otherSubjects: readonly string[] | null
}

/** Which of the parameters a method has. */
export type Wanted = { readonly list: List | null; readonly isPair: boolean }

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000
const MAX_U64 = 2n ** 64n - 1n
/** Longer ones are no targets of links. */
const MAX_FILTERS = 1000

/** Why a question is refused: in words where the query cannot be read, without any where it asks for what is not given. */
export type Refused = { readonly message: string | null }

type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Refused }

const refuse = (message: string | null): { readonly ok: false; readonly error: Refused } => ({
  ok: false,
  error: { message: message === null ? null : `Failed to deserialize query string: ${message}` },
})

/** Reads them. */
export function readLinkQuery(query: URLSearchParams, { list, isPair }: Wanted): Read<LinkQuery> {
  const named = ['subject', 'source', ...(isPair ? ['pathToOther'] : [])]
  const read = readPage(query, named, ['reverse'], list)
  if (!read.ok) return read
  const reverse = query.get('reverse')
  const source = query.get('source')!
  const colon = source.indexOf(':')
  if (colon < 0) return refuse(null)
  const dids = filterOf(query, 'did', ...(isPair ? ['linkDid'] : []))
  const otherSubjects = filterOf(query, 'otherSubject')
  if ((dids?.length ?? 0) > MAX_FILTERS || (otherSubjects?.length ?? 0) > MAX_FILTERS) return refuse(null)
  const value: LinkQuery = {
    ...read.value,
    subject: query.get('subject')!,
    collection: source.slice(0, colon),
    path: `.${source.slice(colon + 1)}`,
    reverse: reverse === 'true',
    dids,
    pathToOther: `.${query.get('pathToOther') ?? ''}`,
    otherSubjects,
  }
  return { ok: true, value }
}

/** What is asked at an older address. */
export type TargetQuery = Pick<LinkQuery, 'limit' | 'after' | 'dids'> & {
  readonly target: string
  readonly collection: string
  readonly path: string
}

/** Reads the parameters of an older address: `path` has its leading dot there. @param named those that have to be given */
export function readTargetQuery(
  query: URLSearchParams,
  named: readonly string[],
  list: List | null,
): Read<TargetQuery> {
  const isFiltered = list === 'records'
  const read = readPage(query, named, isFiltered ? ['from_dids'] : [], list)
  if (!read.ok) return read
  const [dids, joined] = [filterOf(query, 'did'), query.get('from_dids') ?? '']
  if (isFiltered && dids !== null && joined !== '') return refuse(null)
  const wanted = !isFiltered ? null : joined === '' ? dids : [...new Set(joined.split(','))]
  if ((wanted?.length ?? 0) > MAX_FILTERS) return refuse(null)
  const [target, collection, path] = ['target', 'collection', 'path'].map((name) => query.get(name) ?? '')
  return {
    ok: true,
    value: { ...read.value, target: target!, collection: collection!, path: path!, dids: wanted },
  }
}

/** What all have in common; what has no list has no pages. @param others which may be given once, beside `named`, `limit` and `cursor` */
function readPage(
  query: URLSearchParams,
  named: readonly string[],
  others: readonly string[],
  list: List | null,
): Read<Pick<LinkQuery, 'limit' | 'after'>> {
  for (const name of [...named, ...(list === null ? [] : ['limit', 'cursor']), ...others]) {
    if (query.getAll(name).length > 1) return refuse(`duplicate field \`${name}\``)
  }
  for (const name of named) {
    if (!query.has(name)) return refuse(`missing field \`${name}\``)
  }
  const limit = readLimit(list === null ? null : query.get('limit'))
  if (typeof limit === 'string') return refuse(limit)
  if (others.includes('reverse') && !['true', 'false', null].includes(query.get('reverse'))) {
    return refuse('provided string was not `true` or `false`')
  }
  const cursor = query.get('cursor') ?? ''
  const after = cursor === '' || list === null ? null : readCursor(list, cursor)
  if (cursor !== '' && list !== null && after === null) return refuse(null)
  return limit > MAX_LIMIT ? refuse(null) : { ok: true, value: { limit: Number(limit), after } }
}

/** @returns why it is none, as text */
function readLimit(text: string | null): bigint | string {
  if (text === null) return BigInt(DEFAULT_LIMIT)
  if (text === '') return 'cannot parse integer from empty string'
  if (!/^\+?[0-9]+$/.test(text)) return 'invalid digit found in string'
  let start = text.startsWith('+') ? 1 : 0
  while (text[start] === '0' && start < text.length - 1) start++
  const digits = text.slice(start)
  const value = digits.length > 20 ? MAX_U64 + 1n : BigInt(digits)
  return value > MAX_U64 ? 'number too large to fit in target type' : value
}

/** Spaces around them do not count, nor do empty ones. */
function filterOf(query: URLSearchParams, ...names: string[]): readonly string[] | null {
  const values = names.flatMap((name) => query.getAll(name)).map((value) => value.trim())
  const given = values.filter((value) => value !== '')
  return given.length === 0 ? null : [...new Set(given)]
}
