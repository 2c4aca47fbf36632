// What of a record can be searched. Pure: the same on every thread.

import type { DataObject } from '@avocet/data'
import { valueAt } from '../projections/field.ts'
import type { SearchSpec } from './declare.ts'

/** A full-text index as it is stored: by its id. */
export type StoredSearch = SearchSpec & { readonly id: number }

/** A row of a full-text index: the text of each field, and the words for the record's languages. */
export type SearchedTexts = {
  readonly search: number
  readonly fields: readonly string[]
  readonly languages: string
}

/** Characters of all fields of a record that are searched. */
const MAX_TEXT = 32_768
/** Texts of a list, and languages, that are looked at. */
const MAX_ITEMS = 32

/** The texts of a record; null when it has none. */
export function textsOf({ id, fields }: StoredSearch, record: DataObject): SearchedTexts | null {
  let left = MAX_TEXT
  const texts = fields.map((field) => {
    const value = valueAt(field, record)
    const text = (Array.isArray(value) ? value.slice(0, MAX_ITEMS) : [value])
      .filter((item) => typeof item === 'string')
      .join('\n')
      .slice(0, left)
    left -= text.length
    return text.toWellFormed().replaceAll('\0', ' ')
  })
  return left === MAX_TEXT ? null : { search: id, fields: texts, languages: languagesOf(record) }
}

/** By `langs` or `lang`, where most lexicons say it. */
function languagesOf(record: DataObject): string {
  const given = record['langs'] ?? record['lang']
  const list = Array.isArray(given) ? given.slice(0, MAX_ITEMS) : [given]
  const words = list.flatMap((language) =>
    typeof language === 'string' ? (languageWord(language) ?? []) : [],
  )
  return [...new Set(words)].join(' ')
}

/** The word that stands for a language: its first subtag. null for what is none. */
export function languageWord(language: string): string | null {
  const [primary = ''] = language.split('-', 1)
  return /^[a-z]{2,8}$/i.test(primary) ? `lang${primary.toLowerCase()}x` : null
}

/** The word that stands for an account, by the id of its DID. */
export function authorWord(repo: number): string {
  return `repo${repo}x`
}
