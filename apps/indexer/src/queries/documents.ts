// The lexicons of the queries that this indexer serves for a collection: `app.bsky.feed.post.listRecords` and its like. Clients are
// generated from them, and requests are checked by them.

import { type Catalog, type LexiconDocument, type LexiconParam, parseLexicon } from '@avocet/lexicon'
import { INDEXED_AT, INDEXED_AT_FIELD, isList, pathOf } from '../projections/columns.ts'
import { fieldsOf, type IndexSpec, paramName, SUFFIXES } from '../projections/declare.ts'
import type { Validity } from '../database/codes.ts'
import type { Field } from '../projections/field.ts'
import type { StoredSearch } from '../search/texts.ts'
import { INCLUDED_PROPERTY, JOIN_DEFS, joinParams, LINKED_PROPERTY } from './join-schema.ts'
import { json, MAX_CURSOR, MAX_LIMIT, RECORD_REQUIRED, recordProperties } from './output.ts'
import { referencePaths } from './references.ts'
import { searchDocument } from './search-document.ts'
import { BY_KEY, MAX_STRETCHES } from './plan.ts'

/** What may be asked for of a record's validity: others have nothing to show. */
const ASKED_VALIDITIES: readonly Validity[] = ['valid', 'invalid', 'unknown']
/** Characters of a prefix. */
const MAX_PREFIX = 128

/** A field as the parameters of a collection's queries have it. */
export type QueryField = Field & {
  /** The name of its parameter. */
  readonly name: string
  /** Records may be in its order, and between two of its values. */
  readonly isSortable: boolean
}

/** What may be asked of a collection. */
export type CollectionQueries = {
  readonly collection: string
  readonly fields: readonly QueryField[]
  /** By the names of parameters for them: paths of references to records. */
  readonly references: ReadonlyMap<string, string>
  /** null: it cannot be searched. */
  readonly search: StoredSearch | null
  /** `<collection>.listRecords`, `<collection>.countRecords`, and `<collection>.searchRecords`. */
  readonly documents: readonly LexiconDocument[]
}

/** The errors of all of them. */
const ERRORS = ['InvalidCursor', 'IndexRequired', 'IndexBuilding', 'TooManyValues'].map((name) => ({ name }))

/** What may be asked of the collection that these indexes are of. */
export function describeQueries(
  catalog: Catalog,
  collection: string,
  specs: readonly IndexSpec[],
  search: StoredSearch | null,
): CollectionQueries {
  const sortable = new Set<string>()
  for (const { columns } of specs) {
    for (const column of columns) if (!isList(column)) sortable.add(pathOf(column))
  }
  const own = sortable.has(INDEXED_AT) ? [INDEXED_AT_FIELD] : []
  const fields = [...fieldsOf(specs), ...own].map((field) => ({
    ...field,
    name: paramName(field.path),
    isSortable: sortable.has(field.path),
  }))
  const references = new Map(referencePaths(catalog, collection).map((path) => [paramName(path), path]))
  const filters = filterParams(fields)
  const documents = [
    listDocument(collection, fields, [...references.keys()], filters),
    countDocument(collection, fields, filters),
  ]
  if (search !== null) documents.push(searchDocument(collection, [...references.keys()]))
  return { collection, fields, references, search, documents: documents.map(parsed) }
}

type Params = Record<string, LexiconParam>

function filterParams(fields: readonly QueryField[]): Params {
  const params: Params = {
    author: {
      type: 'array',
      items: { type: 'string', format: 'at-identifier' },
      maxLength: MAX_STRETCHES,
      description: 'Only records of these accounts.',
    },
    validity: {
      type: 'array',
      items: { type: 'string', enum: ASKED_VALIDITIES },
      maxLength: ASKED_VALIDITIES.length,
      description: 'What their lexicon says of the records: those that fit it, unless others are asked for.',
    },
  }
  for (const field of fields) {
    const { name, path, kind, isSortable } = field
    const item = valueParam(field)
    // Each record has this one, and hardly two the same.
    const isOwn = path === INDEXED_AT
    if (!isOwn) {
      params[name] = {
        type: 'array',
        items: item,
        maxLength: MAX_STRETCHES,
        description: `Only records whose ${path} is one of these.`,
      }
    }
    if (isSortable && kind !== 'boolean') {
      params[name + SUFFIXES.from] = { ...item, description: `Only records whose ${path} is this or more.` }
      params[name + SUFFIXES.to] = { ...item, description: `Only records whose ${path} is less than this.` }
    }
    if (isSortable && kind === 'string') {
      params[name + SUFFIXES.prefix] = {
        type: 'string',
        maxLength: MAX_PREFIX,
        description: `Only records whose ${path} begins so.`,
      }
    }
    if (!isOwn) {
      params[name + SUFFIXES.exists] = {
        type: 'boolean',
        description: `Only records that have ${path}, or that have it not.`,
      }
    }
  }
  return params
}

function valueParam({ kind, format }: Field): Exclude<LexiconParam, { readonly type: 'array' }> {
  switch (kind) {
    case 'boolean':
    case 'integer':
      return { type: kind }
    case 'datetime':
      return { type: 'string', format: 'datetime' }
    default:
      return { type: 'string', ...(format === null ? {} : { format: format as 'uri' }) }
  }
}

function listDocument(
  collection: string,
  fields: readonly QueryField[],
  references: readonly string[],
  filters: Params,
): object {
  const sorts = [BY_KEY, ...fields.filter(({ isSortable }) => isSortable).map(({ name }) => name)]
  const parameters: Params = {
    ...filters,
    sort: {
      type: 'string',
      enum: sorts,
      description: 'The order of the records; rkey: of record keys, for records of accounts.',
    },
    order: { type: 'string', enum: ['asc', 'desc'], default: 'desc' },
    limit: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: 50 },
    cursor: { type: 'string', maxLength: MAX_CURSOR },
    ...joinParams(references),
  }
  return {
    lexicon: 1,
    id: `${collection}.listRecords`,
    defs: {
      main: {
        type: 'query',
        description: `Records of ${collection} by their fields.`,
        parameters: { type: 'params', properties: parameters },
        output: json({
          required: ['records'],
          properties: {
            cursor: { type: 'string' },
            records: { type: 'array', items: { type: 'ref', ref: '#record' } },
            unfit: {
              type: 'array',
              items: { type: 'ref', ref: '#unfit' },
              description:
                'Those that do not fit their lexicon, in the same order, where they are asked for.',
            },
            ...INCLUDED_PROPERTY,
          },
        }),
        errors: ERRORS,
      },
      record: {
        type: 'object',
        required: RECORD_REQUIRED,
        properties: {
          ...recordProperties(collection),
          ...LINKED_PROPERTY,
        },
      },
      unfit: {
        type: 'object',
        description: 'A record that does not fit its lexicon, or was not judged by it yet.',
        required: [...RECORD_REQUIRED, 'validity', 'reason'],
        properties: {
          ...recordProperties(collection),
          value: { type: 'unknown' },
          validity: { type: 'string', enum: ASKED_VALIDITIES },
          reason: { type: 'string', description: 'Why it does not.' },
          ...LINKED_PROPERTY,
        },
      },
      ...JOIN_DEFS,
    },
  }
}

function countDocument(collection: string, fields: readonly QueryField[], filters: Params): object {
  const times = fields.filter(({ kind, isSortable }) => kind === 'datetime' && isSortable)
  const parameters: Params = {
    ...filters,
    cursor: { type: 'string', maxLength: MAX_CURSOR },
    ...(times.length === 0
      ? {}
      : {
          interval: {
            type: 'string',
            enum: ['hour', 'day', 'week'],
            description: 'Count by intervals of time, in UTC; weeks begin on Monday.',
          },
          by: {
            type: 'string',
            enum: times.map(({ name }) => name),
            description: 'The time that is meant.',
          },
        }),
  }
  return {
    lexicon: 1,
    id: `${collection}.countRecords`,
    defs: {
      main: {
        type: 'query',
        description: `How many records of ${collection} there are. An answer with a cursor counts a part: add what the next one says.`,
        parameters: { type: 'params', properties: parameters },
        output: json({
          required: ['count'],
          properties: {
            cursor: { type: 'string' },
            count: { type: 'integer', minimum: 0 },
            buckets: { type: 'array', items: { type: 'ref', ref: '#bucket' } },
          },
        }),
        errors: ERRORS,
      },
      bucket: {
        type: 'object',
        required: ['start', 'count'],
        properties: {
          start: { type: 'string', format: 'datetime' },
          count: { type: 'integer', minimum: 0 },
        },
      },
    },
  }
}

function parsed(written: object): LexiconDocument {
  const document = parseLexicon(written)
  if (document.ok) return document.value
  throw new TypeError(document.error.message)
}
