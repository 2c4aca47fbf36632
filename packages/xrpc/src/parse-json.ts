// JSON text of a stranger: bounded before anything walks it.
import type { JsonValue } from '@avocet/data'

/** Why a text was not taken. */
export type JsonFault = 'not-json' | 'too-deep' | 'bad-number'

const DEFAULT_DEPTH = 256

/**
 * The value of a JSON text, as `JSON.parse` gives it. Refused: what is nested deeper than `maxDepth` (code that walks it could
 * run out of stack), and numbers past the range of a double (`1e999`), which would be written back as `null`. The length of the text
 * is for the caller to bound. Never throws.
 */
export function parseJson(
  text: string,
  maxDepth: number = DEFAULT_DEPTH,
): { readonly ok: true; readonly value: JsonValue } | { readonly ok: false; readonly error: JsonFault } {
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    return { ok: false, error: 'not-json' }
  }
  const fault = faultOf(value, maxDepth)
  return fault === null ? { ok: true, value } : { ok: false, error: fault }
}

function faultOf(value: JsonValue, left: number): JsonFault | null {
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'bad-number'
  if (typeof value !== 'object' || value === null) return null
  if (left === 0) return 'too-deep'
  if (Array.isArray(value)) {
    for (const item of value) {
      const fault = faultOf(item, left - 1)
      if (fault !== null) return fault
    }
    return null
  }
  for (const key in value) {
    const fault = faultOf(value[key]!, left - 1)
    if (fault !== null) return fault
  }
  return null
}
