// What a value of a record becomes in an index: numbers in the order of numbers, texts in the order of their UTF-8 bytes.

import { hash } from 'node:crypto'
import { isDatetime } from '@avocet/syntax'

/** The type of an indexed field. `datetime` is kept as ms since the epoch, `boolean` as 0 or 1, all others as they are. */
export type FieldKind = 'datetime' | 'integer' | 'boolean' | 'string'

/** A value as it stands in an index. */
export type Key = number | string

/** Where a record has no value: before all others. */
export const ABSENT: number = -Infinity

/** Texts up to this many UTF-16 units stand in an index as they are; of longer ones the beginning and a hash of the whole do. */
const MAX_TEXT = 192

/** The key of a value; null when it is not of the kind. */
export function keyOf(kind: FieldKind, value: unknown): Key | null {
  switch (kind) {
    case 'integer':
      return Number.isSafeInteger(value) ? (value as number) : null
    case 'boolean':
      return typeof value === 'boolean' ? Number(value) : null
    case 'datetime':
      return isDatetime(value) ? Date.parse(value) : null
    default:
      return typeof value === 'string' ? textKey(value) : null
  }
}

/** The key of a text: two texts have the same one only if they are the same. */
export function textKey(text: string): string {
  if (text.length <= MAX_TEXT) return text.isWellFormed() && !text.includes('\0') ? text : escaped(text)
  return escaped(text)
}

/** The beginning cannot be a whole key, as that is shorter: so no text is taken for another. */
function escaped(text: string): string {
  const begin = text.slice(0, MAX_TEXT).toWellFormed().replaceAll('\0', '\u{FFFD}')
  return `${begin.padEnd(MAX_TEXT)}\u{10FFFF}${hash('sha256', Buffer.from(text, 'utf16le'), 'hex').slice(0, 32)}`
}

/** The least text that is greater than all that begin with this one; null when there is none. */
export function afterPrefix(prefix: string): string | null {
  const points = Array.from(prefix)
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const next = last.codePointAt(0)! + 1
    if (next > 0x10ffff) continue
    return points.join('') + String.fromCodePoint(next >= 0xd800 && next <= 0xdfff ? 0xe000 : next)
  }
  return null
}

/** Negative, zero or positive, in the order of the database: numbers before texts. */
export function compareKeys(a: Key, b: Key): number {
  if (typeof a === 'number') return typeof b === 'number' ? (a < b ? -1 : a > b ? 1 : 0) : -1
  return typeof b === 'number' ? 1 : compareTexts(a, b)
}

/** The order of UTF-8: that of code points. Surrogates stand below U+E000 to U+FFFF in UTF-16. */
function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (left !== right) return raised(left) - raised(right)
  }
  return a.length - b.length
}

function raised(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
