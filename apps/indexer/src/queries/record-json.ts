// Records as JSON, made when somebody asks. https://atproto.com/specs/data-model#json-representation

import { CborError, decode, type ItemBudget } from '@avocet/cbor'
import { DataError, toJson } from '@avocet/data'

/** Values of the records in one answer: what of them takes time. One record that is looked at at all has at most as many. */
export const MAX_ANSWER_ITEMS = 50_000

/**
 * The JSON text of a record, or why there is none: `over` the budget that the answer has left, or nothing that JSON could say.
 * @param budget what the record has is taken from it
 */
export function recordJson(
  bytes: Uint8Array,
  budget: ItemBudget,
): { readonly ok: true; readonly json: string } | { readonly ok: false; readonly error: 'over' | 'no-json' } {
  try {
    return { ok: true, json: JSON.stringify(toJson(decode(bytes, { budget }))) }
  } catch (error) {
    if (error instanceof CborError && error.code === 'too-many-items') return { ok: false, error: 'over' }
    if (error instanceof CborError || error instanceof DataError) return { ok: false, error: 'no-json' }
    throw error
  }
}
