import type { DataObject, DataValue } from '@avocet/data'

/** A definition's object where its `$type` must be present: as a variant of a union. */
export type Typed<T, N extends string> = T & { $type: N }

/**
 * A variant of an open union that this code does not know. Its `$type` is typed as a text that no name of a definition
 * matches, so that comparing `$type` with a known name narrows to the known variant alone (a plain or branded string
 * would keep every variant in).
 */
export type UnknownVariant = {
  $type: `${string}?`
  [field: string]: DataValue
}

/** An object of another lexicon, to be put where an open union stands. */
export function openVariant(object: DataObject & { $type: string }): UnknownVariant {
  return object as UnknownVariant
}
