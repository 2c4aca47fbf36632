// The file that says how query lexicons of an author are answered: each by a list, a search, a count or one record of a collection, under
// the author's own names. Read here as far as its form goes; what it says is held against the lexicons in check.ts.

import { readFileSync } from 'node:fs'
import { isNsid } from '@avocet/syntax'
import { IndexerError } from '../errors.ts'

/** What a query is answered with: a page of records in the order of a field, or of what fits words best; how many there are; one. */
export type MappedKind = 'list' | 'search' | 'count' | 'get'

/** Where a value of an answer comes from. */
export type Output =
  /** Of the record (`uri`, `value.title`, `count com.example.like:subject`), or of the answer (`cursor`, `count`). */
  | { readonly kind: 'source'; readonly source: string }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, Output> }
  /** One of these for each record of the page. */
  | { readonly kind: 'each'; readonly item: Output }
  /** Of the record that a field of this one points to. `of`: its collection; null: whatever it is of. */
  | { readonly kind: 'behind'; readonly path: string; readonly of: string | null; readonly item: Output }

/** How one query is answered. */
export type Mapping = {
  /** The NSID of its lexicon. */
  readonly nsid: string
  readonly kind: MappedKind
  readonly collection: string
  /** The parameters of the collection's own query, by those of this one. */
  readonly parameters: ReadonlyMap<string, string>
  /** What its parameters are always. */
  readonly constants: ReadonlyMap<string, readonly string[]>
  readonly output: Output
}

const KINDS: readonly MappedKind[] = ['list', 'search', 'count', 'get']
const MAX_QUERIES = 200
const MAX_DEPTH = 8

/** Reads a file of mappings. @throws IndexerError `bad-config` */
export function readMappings(file: string): Mapping[] {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new IndexerError('bad-config', `Cannot read the queries of ${file}: ${(cause as Error).message}`, {
      cause,
    })
  }
  return parseMappings(json, file)
}

/** Reads mappings. @param file named in errors @throws IndexerError `bad-config`, with the place */
export function parseMappings(json: unknown, file: string): Mapping[] {
  const place: Place = { file, path: [] }
  const entries = [...objectOf(json, place)]
  if (entries.length > MAX_QUERIES) throw wrong(place, `has more than ${MAX_QUERIES} queries`)
  return entries.map(([nsid, entry]) => {
    if (!isNsid(nsid)) throw wrong(at(place, nsid), 'is no NSID of a query')
    return parseMapping(nsid, entry, at(place, nsid))
  })
}

/** Where something stands in a file. */
type Place = { readonly file: string; readonly path: readonly string[] }

function parseMapping(nsid: string, entry: unknown, place: Place): Mapping {
  const members = objectOf(entry, place)
  const kinds = KINDS.filter((kind) => members.has(kind))
  const known = new Set<string>([...KINDS, 'parameters', 'constants', 'output'])
  const odd = [...members.keys()].find((name) => !known.has(name))
  if (odd !== undefined) throw wrong(at(place, odd), 'means nothing here')
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1) throw wrong(place, `has one of ${KINDS.join(', ')}`)
  const collection = members.get(kind)
  if (typeof collection !== 'string' || !isNsid(collection)) throw wrong(at(place, kind), 'is no collection')
  const parameters = new Map<string, string>()
  for (const [name, target] of objectOf(members.get('parameters') ?? {}, at(place, 'parameters'))) {
    if (typeof target !== 'string') throw wrong(at(place, 'parameters', name), 'is no text')
    parameters.set(name, target)
  }
  const constants = new Map<string, readonly string[]>()
  for (const [name, value] of objectOf(members.get('constants') ?? {}, at(place, 'constants'))) {
    const values = Array.isArray(value) ? (value as unknown[]) : [value]
    if (values.some((one) => !['string', 'number', 'boolean'].includes(typeof one))) {
      throw wrong(at(place, 'constants', name), 'is no text, number, boolean, nor a list of such')
    }
    constants.set(name, values.map(String))
  }
  return {
    nsid,
    kind,
    collection,
    parameters,
    constants,
    output: parseOutput(members.get('output'), at(place, 'output')),
  }
}

function parseOutput(value: unknown, place: Place, depth = 0): Output {
  if (depth > MAX_DEPTH) throw wrong(place, 'is too deep')
  if (typeof value === 'string') return { kind: 'source', source: value }
  const members = objectOf(value, place)
  const inner = (name: string): Output => parseOutput(members.get(name), at(place, name), depth + 1)
  if (members.has('$each')) {
    only(members, ['$each'], place)
    return { kind: 'each', item: inner('$each') }
  }
  if (members.has('$behind')) {
    only(members, ['$behind', '$of', '$as'], place)
    const [path, of = null] = [members.get('$behind'), members.get('$of')]
    if (typeof path !== 'string') throw wrong(at(place, '$behind'), 'is no text')
    if (of !== null && (typeof of !== 'string' || !isNsid(of)))
      throw wrong(at(place, '$of'), 'is no collection')
    return { kind: 'behind', path, of, item: inner('$as') }
  }
  const fields = [...members.keys()].map((name) => [name, inner(name)] as const)
  return { kind: 'object', fields: new Map(fields) }
}

function only(members: ReadonlyMap<string, unknown>, names: readonly string[], place: Place): void {
  const odd = [...members.keys()].find((name) => !names.includes(name))
  if (odd !== undefined) throw wrong(at(place, odd), `means nothing beside ${names[0]}`)
}

function objectOf(value: unknown, place: Place): Map<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return new Map(Object.entries(value))
  throw wrong(place, 'is no object')
}

function at(place: Place, ...names: readonly string[]): Place {
  return { ...place, path: [...place.path, ...names] }
}

function wrong({ file, path }: Place, message: string): IndexerError {
  return new IndexerError('bad-config', `${[file, ...path].join(' > ')} ${message}`)
}
