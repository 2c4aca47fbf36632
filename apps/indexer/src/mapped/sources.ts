// What the values of an answer may be taken from, with their types.

import type { Catalog, LexiconField } from '@avocet/lexicon'
import { isNsid } from '@avocet/syntax'
import { recordObject } from '../projections/field.ts'
import type { Typed } from './fits.ts'
import type { MappedKind } from './mapping.ts'

/** Where a source is read: in an answer as a whole, or in one record of it. */
export type Scope =
  | { readonly level: 'answer'; readonly kind: MappedKind }
  /** `collection` null: a record of any. */
  | { readonly level: 'record'; readonly collection: string | null }

/** A source's type, and whether it may be absent; or why there is none. */
export type SourceType =
  | { readonly ok: true; readonly typed: Typed; readonly optional: boolean }
  | { readonly ok: false; readonly why: string }

const OF_RECORD: ReadonlyMap<string, LexiconField> = new Map([
  ['uri', { type: 'string', format: 'at-uri' }],
  ['cid', { type: 'string', format: 'cid' }],
  ['did', { type: 'string', format: 'did' }],
  ['rkey', { type: 'string', format: 'record-key' }],
  ['handle', { type: 'string', format: 'handle' }],
  ['indexedAt', { type: 'string', format: 'datetime' }],
])
const COUNT: LexiconField = { type: 'integer', minimum: 0 }
/** The beginning of a count of links: `count com.example.like:subject.uri`. */
const COUNT_OF = 'count '
/** The beginning of the path of a field. */
const VALUE = 'value.'
const MAX_PATH = 8

/** The source of links that a text counts; null: it counts none. */
export function countedLinks(source: string): { readonly collection: string; readonly path: string } | null {
  if (!source.startsWith(COUNT_OF)) return null
  const [collection = '', path = '', ...rest] = source.slice(COUNT_OF.length).split(':')
  return isNsid(collection) && path !== '' && rest.length === 0 ? { collection, path } : null
}

/** The path of a field that a text names; null: it names none. */
export function fieldPath(source: string): string | null {
  return source.startsWith(VALUE) ? source.slice(VALUE.length) : null
}

/** What a source is. */
export function typeOfSource(catalog: Catalog, source: string, scope: Scope): SourceType {
  const found =
    scope.level === 'answer' ? ofAnswer(source, scope.kind) : ofRecord(catalog, source, scope.collection)
  return found ?? { ok: false, why: `is nothing that there is: ${choices(scope)}` }
}

function choices(scope: Scope): string {
  if (scope.level === 'record') {
    return `${[...OF_RECORD.keys()].join(', ')}, value, value.<field>, count <collection>:<path>`
  }
  return scope.kind === 'count' ? 'count, cursor' : 'cursor, {"$each": …}'
}

function ofAnswer(source: string, kind: MappedKind): SourceType | null {
  if (source === 'cursor') return { ok: true, typed: scalar({ type: 'string' }), optional: true }
  return source === 'count' && kind === 'count' ? { ok: true, typed: scalar(COUNT), optional: false } : null
}

function ofRecord(catalog: Catalog, source: string, collection: string | null): SourceType | null {
  const own = OF_RECORD.get(source)
  if (own !== undefined) return { ok: true, typed: scalar(own), optional: false }
  if (countedLinks(source) !== null) return { ok: true, typed: scalar(COUNT), optional: false }
  if (source === 'value') {
    return {
      ok: true,
      typed: collection === null ? scalar({ type: 'unknown' }) : { record: collection },
      optional: false,
    }
  }
  const path = fieldPath(source)
  if (path === null) return null
  return collection === null
    ? { ok: false, why: 'is of a record of any collection: say which by $of' }
    : typeOfField(catalog, collection, path)
}

function typeOfField(catalog: Catalog, collection: string, path: string): SourceType {
  const nothing: SourceType = { ok: false, why: `is no field of ${collection}` }
  const segments = path.split('.')
  let object = recordObject(catalog, collection)
  let nsid = collection
  let optional = false
  for (const [i, segment] of segments.entries()) {
    if (object === null || i >= MAX_PATH || !Object.hasOwn(object.properties, segment)) return nothing
    const field: LexiconField = object.properties[segment]!
    if (object.required?.includes(segment) !== true || object.nullable?.includes(segment) === true)
      optional = true
    if (i === segments.length - 1) return { ok: true, typed: { field, nsid }, optional }
    const inner = field.type === 'ref' ? follow(catalog, field.ref, nsid) : { field, nsid }
    object = inner?.field.type === 'object' ? inner.field : null
    nsid = inner?.nsid ?? nsid
  }
  return nothing
}

function follow(catalog: Catalog, ref: string, nsid: string): { field: LexiconField; nsid: string } | null {
  const full = ref.startsWith('#') ? nsid + ref : ref
  const def = catalog.def(full)
  return def?.type === 'object' ? { field: def, nsid: full.split('#', 1)[0]! } : null
}

function scalar(field: LexiconField): Typed {
  return { field, nsid: 'com.example.none' }
}
