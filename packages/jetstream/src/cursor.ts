// Cursors: one parameter, two kinds of number.

/** From here on a cursor is a time in unix microseconds, below it a seq. */
export const FIRST_TIME_CURSOR = 1e15

/** Where a subscriber wants to begin: inclusive. */
export type Cursor =
  | { readonly kind: 'tip' }
  | { readonly kind: 'seq'; readonly seq: number }
  | { readonly kind: 'time'; readonly us: number }

const INTEGER = /^[+-]?\d{1,19}$/
const MAX_INT64 = 2n ** 63n - 1n

/**
 * Reads the parameter `cursor` as servers of v2 do on both wires: null for what they refuse (no integer of 64 bits, negative).
 * An absent one is the tip. What comes after the newest event is the tip too, but only the server knows that.
 */
export function parseCursor(text: string | null): Cursor | null {
  if (text === null) return { kind: 'tip' }
  if (!INTEGER.test(text)) return null
  const exact = BigInt(text.startsWith('+') ? text.slice(1) : text)
  if (exact < 0n || exact > MAX_INT64) return null
  // Past this a double has gaps; such a time is some 250 years ahead.
  const value = exact > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(exact)
  return value < FIRST_TIME_CURSOR ? { kind: 'seq', seq: value } : { kind: 'time', us: value }
}
