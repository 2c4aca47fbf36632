// Columns of indexes: fields of records, and what is known of a record beside its content.

import { VALIDITIES, type Validity } from '../database/codes.ts'
import type { Field } from './field.ts'
import type { Key } from './key.ts'

/** The account whose record it is. */
export const AUTHOR = 'author'
/** What its lexicon says of it. */
export const VALIDITY = 'validity'
/** When it came into the index as it is, ms since the epoch. */
export const INDEXED_AT = 'indexedAt'

/** What is known of a record beside its content. It takes the place of a field of that name. */
export type OwnColumn = typeof AUTHOR | typeof VALIDITY | typeof INDEXED_AT

/** A column of an index. */
export type Column = Field | OwnColumn

/** The own columns by their names. */
export const OWN_COLUMNS: ReadonlyMap<string, OwnColumn> = new Map(
  ([AUTHOR, VALIDITY, INDEXED_AT] as const).map((name) => [name, name]),
)

/** What stands in the own columns of a record: the id of its DID, the number of its validity, ms since the epoch. */
export type OwnKeys = Readonly<Record<OwnColumn, number>>

/** What is asked of `indexedAt` is what is asked of a field that each record has. */
export const INDEXED_AT_FIELD: Field = {
  path: INDEXED_AT,
  kind: 'datetime',
  many: false,
  format: 'datetime',
}

/** The name of a column: the path of a field, or its own. */
export function pathOf(column: Column): string {
  return typeof column === 'string' ? column : column.path
}

/** Whether a record may stand in an index more than once because of it. */
export function isList(column: Column): boolean {
  return typeof column !== 'string' && column.many
}

/** Whether its values are times. */
export function isTime(column: Column): boolean {
  return column === INDEXED_AT || (typeof column !== 'string' && column.kind === 'datetime' && !column.many)
}

/** Whether what stands in it may change while the record stays as it is. */
export function isLabel(column: Column): boolean {
  return column === VALIDITY || column === INDEXED_AT
}

/** The key of a validity. */
export function validityKey(validity: Validity): Key {
  return VALIDITIES.indexOf(validity)
}
