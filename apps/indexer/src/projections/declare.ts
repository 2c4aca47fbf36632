// What indexes there are to be: from what a person writes, checked against the lexicons.

import type { Catalog } from '@avocet/lexicon'
import { isNsid } from '@avocet/syntax'
import { IndexerError } from '../errors.ts'
import { AUTHOR, type Column, INDEXED_AT, isList, OWN_COLUMNS, pathOf } from './columns.ts'
import { type Field, findField, recordObject } from './field.ts'

/** One index of a collection: its records in the order of the columns. */
export type IndexSpec = {
  readonly collection: string
  readonly columns: readonly Column[]
  /** Records without a value in the first column stand in it too. */
  readonly absent: boolean
}

/** Columns of one index. */
export const MAX_COLUMNS = 3
/** Indexes of one collection. */
const MAX_INDEXES = 16

/** `app.bsky.feed.post:createdAt,reply.parent.uri+createdAt`: a collection, and after a colon its indexes. */
export type DeclaredIndexes = { readonly collection: string; readonly indexes: readonly string[] }

/** Reads an `--index`. @throws IndexerError `bad-config` */
export function parseIndexes(text: string): DeclaredIndexes {
  const [collection = '', list, ...rest] = text.split(':')
  const indexes = (list ?? '').split(',').map((item) => item.trim())
  if (!isNsid(collection.trim()) || rest.length > 0 || indexes.some((item) => item === '')) {
    throw new IndexerError(
      'bad-config',
      `Not an index: ${text} (like app.bsky.feed.post:createdAt,reply.parent.uri+createdAt)`,
    )
  }
  return { collection: collection.trim(), indexes }
}

/**
 * The indexes that are declared, and for each collection of `own` that has none, one by `createdAt`, or by `indexedAt` where it has no
 * such field.
 * @throws IndexerError `bad-config` what does not fit the lexicons
 */
export function declareIndexes(
  catalog: Catalog,
  declared: readonly DeclaredIndexes[],
  own: readonly string[],
): IndexSpec[] {
  const found = new Map<string, IndexSpec>()
  for (const { collection, indexes } of declared) {
    for (const text of indexes) {
      const spec = declareIndex(catalog, collection, text)
      found.set(`${collection}:${specText(spec)}`, spec)
    }
  }
  for (const collection of own) {
    if (declared.some((one) => one.collection === collection)) continue
    const created = findField(catalog, collection, 'createdAt')
    const isTimed = created.ok && created.value.kind === 'datetime' && !created.value.many
    const spec: IndexSpec = { collection, columns: [isTimed ? created.value : INDEXED_AT], absent: false }
    found.set(`${collection}:${specText(spec)}`, spec)
  }
  const specs = [...found.values()]
  for (const { collection } of specs) {
    const all = specs.filter((spec) => spec.collection === collection)
    if (all.length > MAX_INDEXES) throw wrong(`${collection} has more than ${MAX_INDEXES} indexes`)
    checkNames(collection, all)
  }
  return specs
}

function declareIndex(catalog: Catalog, collection: string, text: string): IndexSpec {
  if (recordObject(catalog, collection) === null) {
    throw wrong(`there is no lexicon of records ${collection}: give it with --lexicons`)
  }
  const absent = text.endsWith('?')
  const paths = (absent ? text.slice(0, -1) : text).split('+')
  if (paths.length > MAX_COLUMNS) throw wrong(`${text} of ${collection} has more than ${MAX_COLUMNS} fields`)
  if (new Set(paths).size < paths.length) throw wrong(`${text} of ${collection} names a field twice`)
  const columns = paths.map((path): Column => {
    const own = OWN_COLUMNS.get(path)
    if (own !== undefined) return own
    const field = findField(catalog, collection, path)
    if (!field.ok) throw wrong(field.error)
    return field.value
  })
  if (columns.every((column) => column === AUTHOR)) {
    throw wrong(`${text} of ${collection}: records of an author are in the order of their keys anyway`)
  }
  if (columns.filter(isList).length > 1) {
    throw wrong(`${text} of ${collection}: one of the fields of an index may be a list`)
  }
  return { collection, columns, absent }
}

/** Names of parameters that are taken. */
const TAKEN: ReadonlySet<string> = new Set(
  'author validity indexedAt indexedAtFrom indexedAtTo sort order limit cursor hydrate linked linkedLimit q lang interval by rkey collection'.split(
    ' ',
  ),
)
/** What is behind a name in parameters for ranges. */
export const SUFFIXES = { from: 'From', to: 'To', prefix: 'Prefix', exists: 'Exists' } as const

/** The name of a field as a parameter: `reply.parent.uri` → `replyParentUri`. */
export function paramName(path: string): string {
  return path.replaceAll(/\.(.)/g, (_, first: string) => first.toUpperCase())
}

function checkNames(collection: string, specs: readonly IndexSpec[]): void {
  const byName = new Map<string, string>()
  for (const { path } of fieldsOf(specs)) {
    const name = paramName(path)
    for (const one of [name, ...Object.values(SUFFIXES).map((suffix) => name + suffix)]) {
      const other = byName.get(one)
      if (TAKEN.has(one) || (other !== undefined && other !== path)) {
        throw wrong(`${path} of ${collection} cannot be indexed: ${one} means something else in queries`)
      }
      byName.set(one, path)
    }
  }
}

/** The fields of indexes, each once. */
export function fieldsOf(specs: readonly IndexSpec[]): Field[] {
  const fields = new Map<string, Field>()
  for (const { columns } of specs) {
    for (const column of columns) if (typeof column !== 'string') fields.set(column.path, column)
  }
  return [...fields.values()]
}

/** An index as text, the types of its fields included: another text is another index. */
export function specText({ columns, absent }: IndexSpec): string {
  const names = columns.map((column) =>
    typeof column === 'string' ? column : `${column.path}:${column.kind}${column.many ? '[]' : ''}`,
  )
  return names.join('+') + (absent ? '?' : '')
}

/** An index as a person declares it. */
export function declarationOf({ columns, absent }: IndexSpec): string {
  return columns.map(pathOf).join('+') + (absent ? '?' : '')
}

function wrong(message: string): IndexerError {
  return new IndexerError('bad-config', `Cannot index: ${message}`)
}
