// Mappings held against the lexicons: of the query that is answered, and of what answers it. What is wrong is told with its place.

import {
  type Catalog,
  createCatalog,
  type LexiconParam,
  type LexiconQuery,
  parseLexicon,
  type Query,
} from '@avocet/lexicon'
import { decodeParams } from '@avocet/xrpc'
import { IndexerError } from '../errors.ts'
import type { AskError, CollectionReader } from '../queries/collections.ts'
import type { CollectionQueries } from '../queries/documents.ts'
import { readQuery } from '../queries/params.ts'
import { referencePaths } from '../queries/references.ts'
import { fitsFormat, misfit, type Typed } from './fits.ts'
import type { MappedKind, Mapping, Output } from './mapping.ts'
import { type Scope, typeOfSource } from './sources.ts'

/** A mapping that fits. */
export type Mapped = {
  readonly mapping: Mapping
  readonly query: Query
  /** What its parameters become parameters of. */
  readonly asked: Query
  /** What may be asked of its collection; null for one record, which needs no index. */
  readonly queries: CollectionQueries | null
}

/** Parameters of that query that change what its answers are made of: outputs say that here. */
const ELSEWHERE: ReadonlySet<string> = new Set('validity linked linkedLimit hydrate interval by'.split(' '))

const METHODS: Readonly<Record<Exclude<MappedKind, 'get'>, string>> = {
  list: 'listRecords',
  search: 'searchRecords',
  count: 'countRecords',
}

/** A record is named by its URI, or by whose it is and its key. */
const GET: Readonly<Record<string, LexiconParam>> = {
  uri: { type: 'string', format: 'at-uri' },
  author: { type: 'string', format: 'at-identifier' },
  rkey: { type: 'string', format: 'record-key' },
}

/**
 * Holds mappings against the lexicons, and the indexes that are declared.
 * @param leavesOut what lacks an index is left out instead of refused
 * @throws IndexerError `bad-config` for the first that does not fit
 */
export function checkMappings(
  mappings: readonly Mapping[],
  catalog: Catalog,
  reader: Pick<CollectionReader, 'all' | 'ask'>,
  leavesOut = false,
): Mapped[] {
  const twice = mappings.find(({ nsid }, i) => mappings.findIndex((one) => one.nsid === nsid) < i)
  if (twice !== undefined) throw wrong([twice.nsid], 'is answered in two files')
  return mappings.flatMap((mapping) => {
    try {
      return checkMapping(mapping, catalog, reader)
    } catch (error) {
      if (leavesOut && error instanceof IndexerError) return []
      throw error
    }
  })
}

function checkMapping(
  mapping: Mapping,
  catalog: Catalog,
  reader: Pick<CollectionReader, 'all' | 'ask'>,
): Mapped {
  const { nsid, kind, collection } = mapping
  const main = catalog.def(nsid)
  const query = catalog.method(nsid)
  if (main?.type !== 'query' || query?.type !== 'query')
    throw wrong([nsid], 'is no query of the lexicons that are given')
  if (reader.all.some(({ documents }) => documents.some(({ id }) => id === nsid))) {
    throw wrong([nsid], 'is answered already')
  }
  if (catalog.record(collection) === undefined) {
    throw wrong([nsid, kind], `there is no lexicon of records ${collection}`)
  }
  const queries = reader.all.find((one) => one.collection === collection) ?? null
  const asked = askedBy(mapping, queries)
  checkParameters(mapping, main, asked.main)
  if (main.output?.encoding !== 'application/json' || main.output.schema === undefined) {
    throw wrong([nsid], 'has no JSON output')
  }
  const scope: Scope = kind === 'get' ? { level: 'record', collection } : { level: 'answer', kind }
  const check = createOutputCheck(catalog, collection)
  check(mapping.output, { field: main.output.schema, nsid }, scope, [nsid, 'output'])
  const mapped = { mapping, query, asked: asked.query, queries: kind === 'get' ? null : queries }
  if (kind === 'list' || kind === 'count') checkIndexes(mapped, main, asked.main, queries!, reader)
  return mapped
}

/** The query of the collection that answers. */
function askedBy(
  { nsid, kind, collection }: Mapping,
  queries: CollectionQueries | null,
): { readonly main: LexiconQuery; readonly query: Query } {
  const name = kind === 'get' ? 'getRecord' : METHODS[kind]
  const id = `${collection}.${name}`
  const own = {
    lexicon: 1,
    id,
    defs: { main: { type: 'query', parameters: { type: 'params', properties: GET } } },
  }
  const document = kind === 'get' ? parseLexicon(own) : null
  const found = document?.ok === true ? document.value : queries?.documents.find((one) => one.id === id)
  if (found === undefined) {
    const flag = kind === 'search' ? '--search' : '--index'
    throw wrong(
      [nsid, kind],
      `${collection} cannot be asked so: declare by what, with ${flag} ${collection}:…`,
    )
  }
  const query = createCatalog([found], { absent: 'allow' }).method(id)
  return { main: found.defs['main'] as LexiconQuery, query: query as Query }
}

function checkParameters(
  { nsid, parameters, constants }: Mapping,
  main: LexiconQuery,
  asked: LexiconQuery,
): void {
  const own = main.parameters?.properties ?? {}
  const theirs = Object.fromEntries(
    Object.entries(asked.parameters?.properties ?? {}).filter(([name]) => !ELSEWHERE.has(name)),
  )
  const targets = new Set<string>()
  for (const [name, target] of parameters) {
    const place = [nsid, 'parameters', name]
    const param = Object.hasOwn(own, name) ? own[name] : undefined
    const there = Object.hasOwn(theirs, target) ? theirs[target] : undefined
    if (param === undefined) throw wrong(place, `is no parameter of ${nsid}`)
    if (there === undefined) throw wrong(place, `${target} is none of ${Object.keys(theirs).join(', ')}`)
    if (targets.has(target)) throw wrong(place, `${target} is given twice`)
    targets.add(target)
    const why = paramMisfit(param, there)
    if (why !== null) throw wrong(place, `${why}, which ${target} is`)
  }
  for (const name of Object.keys(own)) {
    if (!parameters.has(name)) throw wrong([nsid, 'parameters'], `${name} of the lexicon is left out`)
  }
  for (const target of constants.keys()) {
    const place = [nsid, 'constants', target]
    if (!Object.hasOwn(theirs, target)) throw wrong(place, `is none of ${Object.keys(theirs).join(', ')}`)
    if (targets.has(target)) throw wrong(place, 'is a parameter already')
  }
}

/** How long texts are, and how large numbers, is checked with each request. */
function paramMisfit(from: LexiconParam, to: LexiconParam): string | null {
  const [one, other] = [from, to].map((param) => (param.type === 'array' ? param.items : param)) as [
    Exclude<LexiconParam, { readonly type: 'array' }>,
    Exclude<LexiconParam, { readonly type: 'array' }>,
  ]
  if (from.type === 'array' && to.type !== 'array') return 'is a list, not one value'
  if (one.type !== other.type) return `is ${one.type}, not ${other.type}`
  if (one.type !== 'string' || other.type !== 'string') return null
  return fitsFormat(one.format, other.format) ? null : `is ${one.format ?? 'any text'}, not ${other.format}`
}

type CheckOutput = (output: Output, target: Typed, scope: Scope, place: readonly string[]) => boolean

/** Checks a part of an output. @returns whether it may be absent */
function createOutputCheck(catalog: Catalog, collection: string): CheckOutput {
  let lists = 0
  const objectOf = (target: Typed, place: readonly string[]) => {
    let typed = target
    for (let i = 0; 'field' in typed && typed.field.type === 'ref' && i < 16; i++) {
      const full: string = typed.field.ref.startsWith('#') ? typed.nsid + typed.field.ref : typed.field.ref
      const def = catalog.def(full)
      if (def === undefined || def.type === 'record') throw wrong(place, `${full} is no object`)
      typed = { field: def as (typeof typed)['field'], nsid: full.split('#', 1)[0]! }
    }
    return typed as Extract<Typed, { field: unknown }>
  }
  const check: CheckOutput = (output, target, scope, place) => {
    if (output.kind === 'source') {
      const type = typeOfSource(catalog, output.source, scope)
      if (!type.ok) throw wrong(place, `${output.source} ${type.why}`)
      const found = misfit(catalog, type.typed, target)
      if (found !== null) throw wrong([...place, ...found.path], `${output.source} ${found.why}`)
      return type.optional
    }
    const { field, nsid } = objectOf(target, place)
    if (output.kind === 'each') {
      if (scope.level !== 'answer' || scope.kind === 'count')
        throw wrong(place, '$each is of the records of a list')
      if (lists++ > 0) throw wrong(place, '$each stands once in an answer')
      if (field.type !== 'array') throw wrong(place, `is ${field.type} there, not an array`)
      if (field.minLength !== undefined) throw wrong(place, 'a page may be empty')
      const isOptional = check(output.item, { field: field.items, nsid }, { level: 'record', collection }, [
        ...place,
        '$each',
      ])
      if (isOptional) throw wrong([...place, '$each'], 'may be absent of some records')
      return false
    }
    if (output.kind === 'behind') {
      if (scope.level !== 'record' || scope.collection === null) throw wrong(place, '$behind is of a record')
      if (!referencePaths(catalog, scope.collection).includes(output.path)) {
        throw wrong([...place, '$behind'], `${output.path} of ${scope.collection} is no at-uri`)
      }
      if (output.of !== null && catalog.record(output.of) === undefined) {
        throw wrong([...place, '$of'], `there is no lexicon of records ${output.of}`)
      }
      check(output.item, { field, nsid }, { level: 'record', collection: output.of }, [...place, '$as'])
      return true
    }
    if (field.type !== 'object') throw wrong(place, `is ${field.type} there, not an object`)
    for (const [name, part] of output.fields) {
      const inner = [...place, name]
      if (!Object.hasOwn(field.properties, name)) throw wrong(inner, 'is not in the lexicon')
      const isOptional = check(part, { field: field.properties[name]!, nsid }, scope, inner)
      if (isOptional && field.required?.includes(name) === true)
        throw wrong(inner, 'is required, and may be absent')
    }
    const missing = field.required?.find((name) => !output.fields.has(name))
    if (missing !== undefined) throw wrong([...place, missing], 'is required, and left out')
    return false
  }
  return check
}

const SAMPLES: Readonly<Record<string, string>> = {
  'at-identifier': 'did:web:a.example',
  'at-uri': 'at://did:web:a.example/com.example.x/a',
  cid: 'bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku',
  datetime: '2026-01-01T00:00:00Z',
  did: 'did:web:a.example',
  handle: 'a.example',
  language: 'en',
  nsid: 'com.example.x',
  'record-key': 'a',
  tid: '3jzfcijpj2z2a',
  uri: 'https://a.example',
}

function sampleOf(param: LexiconParam): string {
  if (param.type === 'array') return sampleOf(param.items)
  if (param.type === 'boolean') return 'true'
  const [first] = param.enum ?? []
  if (first !== undefined) return String(first)
  return param.type === 'integer' ? String(param.minimum ?? 1) : (SAMPLES[param.format ?? ''] ?? 'text')
}

/** An index answers it with what it needs alone, and with each of its other parameters beside that. */
function checkIndexes(
  { mapping, asked }: Mapped,
  main: LexiconQuery,
  theirs: LexiconQuery,
  queries: CollectionQueries,
  reader: Pick<CollectionReader, 'ask'>,
): void {
  const { nsid, parameters, constants } = mapping
  const required = (main.parameters?.required ?? []).filter((name) => parameters.has(name))
  const others = [...parameters.keys()].filter((name) => !required.includes(name))
  for (const other of [null, ...others]) {
    const search = new URLSearchParams()
    for (const [target, values] of constants) for (const value of values) search.append(target, value)
    const given = other === null ? required : [...required, other]
    for (const name of given) {
      const target = parameters.get(name)!
      if (target !== 'cursor') search.append(target, sampleOf(theirs.parameters!.properties[target]!))
    }
    const decoded = decodeParams(asked.params, search)
    if (!decoded.ok) throw wrong([nsid, 'constants'], decoded.error.message)
    const query = readQuery(
      queries,
      decoded.value as object as Record<string, unknown>,
      search.has('author') ? [1] : null,
    )
    const error: AskError | { code: string; message: string } | null = query.ok
      ? errorOf(reader.ask('check', query.value, null))
      : query.error
    if (error !== null && error.code !== 'IndexBuilding') {
      throw wrong([nsid, ...(other === null ? [] : ['parameters', other])], error.message)
    }
  }
}

function errorOf(asked: ReturnType<CollectionReader['ask']>): AskError | null {
  return asked.ok ? null : asked.error
}

function wrong(place: readonly string[], message: string): IndexerError {
  return new IndexerError('bad-config', `Cannot answer ${place.join(' > ')}: ${message}`)
}
