import type { DataValue } from '@avocet/data'

/** A definition's object where its `$type` must be present: as a variant of a union. */
export type Typed<T, N extends string> = T & { $type: N }

declare const unknownType: unique symbol

/**
 * A variant of an open union that this code does not know. Its `$type` is branded, so that comparing `$type` with a
 * known name narrows to the known variant alone.
 */
export type UnknownVariant = {
  $type: string & { readonly [unknownType]: true }
  [field: string]: DataValue
}
