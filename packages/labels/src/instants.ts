// Datetimes as moments. Texts do not compare: they have offsets, and fractions of any length.
import type { Datetime } from '@avocet/syntax'

const FRACTION = /\.(\d+)/

/** The fraction of a second, as digits without zeros at the end. */
function fractionOf(text: string): string {
  const digits = FRACTION.exec(text)?.[1] ?? ''
  let end = digits.length
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end--
  return digits.slice(0, end)
}

/** Milliseconds of the second that a datetime is in; one that cannot be read is older than all others. */
function secondOf(text: string): number {
  const time = Date.parse(text.replace(FRACTION, ''))
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time
}

/** Below zero where `a` is before `b`, above where it is after: exact, however many digits a fraction has. */
export function compareInstants(a: Datetime, b: Datetime): number {
  const first = secondOf(a)
  const second = secondOf(b)
  if (first !== second) return first < second ? -1 : 1
  const digits = fractionOf(a)
  const others = fractionOf(b)
  if (digits === others) return 0
  return digits < others ? -1 : 1
}

/** Whether a moment has come, in milliseconds. */
export function isReached(moment: Datetime, now: number): boolean {
  return Date.parse(moment) <= now
}
