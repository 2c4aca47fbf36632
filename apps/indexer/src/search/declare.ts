// Which fields of a collection can be searched: from what a person writes, checked against the lexicons.

import type { Catalog } from '@avocet/lexicon'
import { isNsid } from '@avocet/syntax'
import { IndexerError } from '../errors.ts'
import { type Field, findField } from '../projections/field.ts'

/** How texts become words. `words`: as people write them, without accents; `trigram`: any three letters, for languages without spaces. */
export type SearchKind = 'words' | 'trigram'

/** One full-text index: at most one a collection. */
export type SearchSpec = {
  readonly collection: string
  readonly kind: SearchKind
  readonly fields: readonly Field[]
}

/** `com.example.note:title,text` or `com.example.note:title,text:trigram` */
export type DeclaredSearch = {
  readonly collection: string
  readonly kind: SearchKind
  readonly fields: readonly string[]
}

/** Fields of one full-text index. */
const MAX_FIELDS = 8

/** Reads a `--search`. @throws IndexerError `bad-config` */
export function parseSearch(text: string): DeclaredSearch {
  const [collection = '', list = '', kind = 'words', ...rest] = text.split(':').map((part) => part.trim())
  const fields = list.split(',').map((field) => field.trim())
  const isKind = kind === 'words' || kind === 'trigram'
  if (!isNsid(collection) || !isKind || rest.length > 0 || fields.includes('')) {
    throw new IndexerError(
      'bad-config',
      `Not a search: ${text} (like com.example.note:title,text or com.example.note:title,text:trigram)`,
    )
  }
  return { collection, kind, fields }
}

/** The full-text indexes that are declared. @throws IndexerError `bad-config` what does not fit the lexicons */
export function declareSearches(catalog: Catalog, declared: readonly DeclaredSearch[]): SearchSpec[] {
  const specs = declared.map(({ collection, kind, fields }) => {
    if (fields.length > MAX_FIELDS) throw wrong(`more than ${MAX_FIELDS} fields of ${collection}`)
    return { collection, kind, fields: fields.map((path) => searchedField(catalog, collection, path)) }
  })
  const twice = specs.find(({ collection }, i) => specs.findIndex((one) => one.collection === collection) < i)
  if (twice !== undefined) throw wrong(`${twice.collection} is given twice: name its fields together`)
  return specs
}

function searchedField(catalog: Catalog, collection: string, path: string): Field {
  const field = findField(catalog, collection, path)
  if (!field.ok) throw wrong(field.error)
  if (field.value.kind !== 'string') throw wrong(`${path} of ${collection} is no text`)
  return field.value
}

/** A full-text index as text: another text is another index. */
export function searchText({ kind, fields }: SearchSpec): string {
  return `${fields.map(({ path, many }) => path + (many ? '[]' : '')).join()}:${kind}`
}

function wrong(message: string): IndexerError {
  return new IndexerError('bad-config', `Cannot search: ${message}`)
}
