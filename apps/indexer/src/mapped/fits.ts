// Whether every value of one type of a lexicon is one of another. https://atproto.com/specs/lexicon#data-types

import type {
  Catalog,
  LexiconArray,
  LexiconField,
  LexiconInteger,
  LexiconObject,
  LexiconString,
  StringFormat,
} from '@avocet/lexicon'

/** A type, and the document that its references are relative to. */
export type Typed = { readonly field: LexiconField; readonly nsid: string } | { readonly record: string }

/** Where it does not fit, and why. */
export type Misfit = { readonly path: readonly string[]; readonly why: string }

/** Pairs of definitions that are compared on the way to each other: those may contain themselves. */
type Seen = ReadonlySet<string>

/** @returns null: each value that `from` allows is one that `to` allows */
export function misfit(catalog: Catalog, from: Typed, to: Typed): Misfit | null {
  return compare({ catalog, path: [] }, from, to, new Set())
}

type Context = { readonly catalog: Catalog; readonly path: readonly string[] }

function compare(context: Context, from: Typed, to: Typed, seen: Seen): Misfit | null {
  const { catalog } = context
  const no = (why: string): Misfit => ({ path: context.path, why })
  const [source, target] = [resolve(catalog, from), resolve(catalog, to)]
  if (source === null || target === null) return no('refers to nothing that is here')
  const pair = `${source.name} ${target.name}`
  if (source.name !== null && (source.name === target.name || seen.has(pair))) return null
  const deeper = source.name === null ? seen : new Set([...seen, pair])
  if ('record' in target) return no('is a whole record there, of another kind')
  const { field: wanted } = target
  if (wanted.type === 'unknown') return isObject(source) ? null : no('is no object')
  if (wanted.type === 'union')
    return inUnion(
      context,
      source,
      wanted.refs.map((ref) => full(ref, target.nsid)),
      wanted.closed === true,
    )
  const given = 'record' in source ? recordOf(catalog, source.record) : source
  if (given === null) return no('refers to nothing that is here')
  if (given.field.type !== wanted.type) return no(`is ${given.field.type} and not ${wanted.type}`)
  switch (wanted.type) {
    case 'string':
      return texts(no, given.field as LexiconString, wanted)
    case 'integer':
      return integers(no, given.field as LexiconInteger, wanted)
    case 'boolean':
      return wanted.const === undefined ? null : no('may be another than the one that is allowed')
    case 'array':
      return arrays(context, given as Of<LexiconArray>, { field: wanted, nsid: target.nsid }, deeper)
    case 'object':
      return objects(context, given as Of<LexiconObject>, { field: wanted, nsid: target.nsid }, deeper)
    default:
      return JSON.stringify(given.field) === JSON.stringify(wanted) ? null : no('is bounded otherwise')
  }
}

type Of<T> = { readonly field: T; readonly nsid: string }
type Resolved = (Of<LexiconField> | { readonly record: string }) & { readonly name: string | null }

const MAX_REFS = 16

/** The definition behind references, with its full name where it has one. */
function resolve(catalog: Catalog, typed: Typed): Resolved | null {
  if ('record' in typed) return { ...typed, name: typed.record }
  let { field, nsid } = typed
  let name: string | null = null
  for (let i = 0; field.type === 'ref' && i < MAX_REFS; i++) {
    name = full(field.ref, nsid)
    const def = catalog.def(name)
    if (def === undefined) return null
    if (def.type === 'record') return { record: name, name }
    nsid = name.split('#', 1)[0]!
    field = def as LexiconField
  }
  return field.type === 'ref' ? null : { field, nsid, name }
}

function recordOf(catalog: Catalog, collection: string): Of<LexiconField> | null {
  const def = catalog.def(collection)
  return def?.type === 'record' ? { field: def.record, nsid: collection } : null
}

function full(ref: string, nsid: string): string {
  return ref.startsWith('#') ? nsid + ref : ref
}

function isObject(source: Resolved): boolean {
  return 'record' in source || ['object', 'union', 'unknown'].includes(source.field.type)
}

function inUnion(
  { path }: Context,
  source: Resolved,
  refs: readonly string[],
  isClosed: boolean,
): Misfit | null {
  const names =
    'record' in source
      ? [source.record]
      : source.field.type === 'union'
        ? source.field.refs.map((ref) => full(ref, source.nsid))
        : null
  if (names === null) return { path, why: 'has no $type, which a union needs' }
  const isOpen = 'field' in source && source.field.type === 'union' && source.field.closed !== true
  const odd = names.find((name) => !refs.includes(name))
  if (!isClosed) return null
  if (odd !== undefined) return { path, why: `may be ${odd}, which the union has not` }
  return isOpen ? { path, why: 'may be of any type' } : null
}

/** Formats whose values are of another format as well. */
const NARROWER: ReadonlyMap<string, readonly string[]> = new Map([
  ['at-identifier', ['did', 'handle']],
  ['uri', ['at-uri', 'did']],
])

/** Whether each text of one format is of another; undefined: of none. */
export function fitsFormat(from: StringFormat | undefined, to: StringFormat | undefined): boolean {
  return to === undefined || from === to || NARROWER.get(to)?.includes(from ?? '') === true
}

function texts(no: (why: string) => Misfit, from: LexiconString, to: LexiconString): Misfit | null {
  if (!fitsFormat(from.format, to.format)) return no(`is ${from.format ?? 'any text'} and not ${to.format}`)
  const values = from.const === undefined ? from.enum : [from.const]
  if (to.const !== undefined && !isAmong(values, [to.const]))
    return no('may be another than the one that is allowed')
  if (to.enum !== undefined && !isAmong(values, to.enum))
    return no('may be another than those that are allowed')
  if (isBelow(from.minLength, to.minLength) || isBelow(from.minGraphemes, to.minGraphemes))
    return no('may be shorter')
  if (isAbove(from.maxLength, to.maxLength) || isAbove(from.maxGraphemes, to.maxGraphemes))
    return no('may be longer')
  return null
}

function integers(no: (why: string) => Misfit, from: LexiconInteger, to: LexiconInteger): Misfit | null {
  const values = from.const === undefined ? from.enum : [from.const]
  if (to.const !== undefined && !isAmong(values, [to.const]))
    return no('may be another than the one that is allowed')
  if (to.enum !== undefined && !isAmong(values, to.enum))
    return no('may be another than those that are allowed')
  if (isBelow(from.minimum, to.minimum)) return no('may be less')
  return isAbove(from.maximum, to.maximum) ? no('may be more') : null
}

function isAmong<T>(values: readonly T[] | undefined, allowed: readonly T[]): boolean {
  return values?.every((value) => allowed.includes(value)) === true
}
const isBelow = (from: number | undefined, to: number | undefined): boolean =>
  to !== undefined && (from ?? -Infinity) < to
const isAbove = (from: number | undefined, to: number | undefined): boolean =>
  to !== undefined && (from ?? Infinity) > to

function arrays(context: Context, from: Of<LexiconArray>, to: Of<LexiconArray>, seen: Seen): Misfit | null {
  if (isBelow(from.field.minLength, to.field.minLength))
    return { path: context.path, why: 'may have fewer items' }
  if (isAbove(from.field.maxLength, to.field.maxLength))
    return { path: context.path, why: 'may have more items' }
  const inner = { ...context, path: [...context.path, '[]'] }
  return compare(inner, { ...from, field: from.field.items }, { ...to, field: to.field.items }, seen)
}

/** What one has beyond the other is of no harm; what the other names and the first does not may be anything. */
function objects(
  context: Context,
  from: Of<LexiconObject>,
  to: Of<LexiconObject>,
  seen: Seen,
): Misfit | null {
  const { required = [], nullable = [] } = from.field
  for (const [name, field] of Object.entries(to.field.properties)) {
    const inner = { ...context, path: [...context.path, name] }
    if (!Object.hasOwn(from.field.properties, name)) return { path: inner.path, why: 'is not there' }
    if (to.field.required?.includes(name) === true && !required.includes(name)) {
      return { path: inner.path, why: 'may be absent' }
    }
    if (nullable.includes(name) && to.field.nullable?.includes(name) !== true) {
      return { path: inner.path, why: 'may be null' }
    }
    const found = compare(inner, { ...from, field: from.field.properties[name]! }, { ...to, field }, seen)
    if (found !== null) return found
  }
  return null
}
