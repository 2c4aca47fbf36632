// https://atproto.com/specs/lexicon#datetime

import { DIGIT, isAll } from './chars.ts'
import { createAssert, createParse, type Result } from './result.ts'

/** A moment as RFC 3339, ISO 8601 and WHATWG HTML all write it, with its zone. */
export type Datetime = `${string}T${string}`

const MAX_LENGTH = 64
const SHAPE = 'dddd-dd-ddTdd:dd:dd'
const MONTH_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const

function number(text: string, start: number, end: number): number {
  return Number(text.slice(start, end))
}

function monthLength(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return MONTH_LENGTHS[month - 1]! + (leap ? 1 : 0)
}

function problem(text: string): string | null {
  if (text.length > MAX_LENGTH) return `longer than ${MAX_LENGTH} characters`
  for (let i = 0; i < SHAPE.length; i++) {
    const fits = SHAPE[i] === 'd' ? isAll(text, i, i + 1, DIGIT) : text[i] === SHAPE[i]
    if (!fits) return 'does not start with YYYY-MM-DDTHH:mm:ss'
  }
  const year = number(text, 0, 4)
  const month = number(text, 5, 7)
  if (month < 1 || month > 12) return 'no such month'
  const day = number(text, 8, 10)
  if (day < 1 || day > monthLength(year, month)) return 'no such day'
  // A leap second is in the grammar of RFC 3339; no runtime's dates can hold one.
  if (number(text, 11, 13) > 23 || number(text, 14, 16) > 59 || number(text, 17, 19) > 59)
    return 'no such time'

  let zone = SHAPE.length
  if (text[zone] === '.') {
    const start = ++zone
    while (isAll(text, zone, zone + 1, DIGIT)) zone++
    if (zone === start) return 'a point without digits'
  }
  if (text[zone] === 'Z') return zone + 1 === text.length ? null : 'characters after the zone'
  return zoneProblem(text, zone) ?? yearProblem(text)
}

function zoneProblem(text: string, at: number): string | null {
  const isOffset =
    text.length === at + 6 &&
    (text[at] === '+' || text[at] === '-') &&
    isAll(text, at + 1, at + 3, DIGIT) &&
    text[at + 3] === ':' &&
    isAll(text, at + 4, at + 6, DIGIT)
  if (!isOffset) return 'no zone: Z, +HH:mm or -HH:mm'
  if (text.endsWith('-00:00')) return 'the zone -00:00'
  return number(text, at + 1, at + 3) > 23 || number(text, at + 4, at + 6) > 59 ? 'no such zone' : null
}

/** A zone can push a moment out of the four-digit years. */
function yearProblem(text: string): string | null {
  const year = new Date(text).getUTCFullYear()
  return year >= 0 && year <= 9999 ? null : 'outside the years 0000 to 9999'
}

// Every day but the 29th of February, of the years in which no zone leads out of the four digits.
const USUAL =
  /^[12]\d\d\d-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|\+(?:[01]\d|2[0-3]):[0-5]\d|-(?:0[1-9]|1\d|2[0-3]):[0-5]\d)$/

/** The shape of all that {@link problem} finds nothing wrong with. */
const DATETIME =
  /^(\d{4}-\d\d-(\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.\d+)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

/** Whether a value is a datetime: date, time to the second or finer, and zone; a date that exists. */
export function isDatetime(value: unknown): value is Datetime {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return false
  if (USUAL.test(value)) return true
  const [, local, day, zone] = DATETIME.exec(value) ?? []
  if (zone === undefined || zone === '-00:00') return false
  // A day that its month does not have comes back as another; a zone can push a moment out of the four-digit years.
  const year = new Date(`${local}${zone}`).getUTCFullYear()
  return new Date(`${local}Z`).getUTCDate() === Number(day) && year >= 0 && year <= 9999
}

/** The datetime in a text; failure `invalid-datetime`. */
export const parseDatetime: (value: unknown) => Result<Datetime> = /* @__PURE__ */ createParse(
  'datetime',
  problem,
)

/** @throws SyntaxFault `invalid-datetime` unless the value is a datetime. */
export const assertDatetime: (value: unknown) => asserts value is Datetime = /* @__PURE__ */ createAssert(
  'datetime',
  problem,
)

/** A date, and after a `T` or a space a time, a fraction and a zone of any common spelling. */
const LOOSE =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,20}))?)? ?([Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?$/

/**
 * The datetime that a sloppy text means: one-digit fields, a space for the `T`, no seconds, no zone (read as UTC), a
 * zone without its colon. Records of the early network hold such. The same on every machine: the local zone plays no
 * part.
 *
 * @returns UTC with milliseconds (`YYYY-MM-DDTHH:mm:ss.sssZ`), so results sort as text; null where there is no date.
 */
export function normalizeDatetime(text: string): Datetime | null {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return null
  const match = LOOSE.exec(text.trim())
  if (match === null) return null
  const pad = (part: string | undefined): string => (part ?? '').padStart(2, '0')
  const [, year, month, day, hour, minute, second, fraction = '0', zone] = match
  const time = `${pad(hour)}:${pad(minute)}:${pad(second)}.${fraction.padEnd(3, '0')}`
  const strict = `${year}-${pad(month)}-${pad(day)}T${time}${normalizeZone(zone)}`
  return isDatetime(strict) ? (new Date(strict).toISOString() as Datetime) : null
}

function normalizeZone(zone: string | undefined): string {
  if (zone === undefined || !/^[+-]/.test(zone)) return 'Z'
  const sign = zone[0]!
  const numbers = zone.slice(1).replace(':', '').padEnd(4, '0')
  return numbers === '0000' ? 'Z' : `${sign}${numbers.slice(0, 2)}:${numbers.slice(2)}`
}

/**
 * A moment as a datetime, UTC with milliseconds; now unless told.
 *
 * @throws RangeError for a date that is invalid or outside the years 0000 to 9999.
 */
export function currentDatetime(date: Date = new Date()): Datetime {
  const text = date.toISOString()
  if (text.length !== 24) throw new RangeError(`outside the years 0000 to 9999; date=${text}`)
  return text as Datetime
}
