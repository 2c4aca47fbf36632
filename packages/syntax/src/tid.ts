// https://atproto.com/specs/tid

import { createAssert, createParse, SyntaxFault, type Result } from './result.ts'

/** A timestamp identifier: 13 characters that sort by time. */
export type Tid = string

const ALPHABET = '234567abcdefghijklmnopqrstuvwxyz'
const LENGTH = 13
/** 11 characters of time, then 2 of clock id. */
const TIME_LENGTH = 11
const CLOCK_IDS = 1024

const VALUES: Int8Array = /* @__PURE__ */ makeValues()

function makeValues(): Int8Array {
  const values = new Int8Array(128).fill(-1)
  for (let i = 0; i < ALPHABET.length; i++) values[ALPHABET.charCodeAt(i)] = i
  return values
}

function valueAt(text: string, index: number): number {
  const code = text.charCodeAt(index)
  return code < 128 ? VALUES[code]! : -1
}

function problem(text: string): string | null {
  if (text.length !== LENGTH) return `not ${LENGTH} characters`
  for (let i = 0; i < LENGTH; i++) {
    const value = valueAt(text, i)
    if (value === -1) return 'a character outside 2-7 a-z'
    if (i === 0 && value > 15) return 'a first character past j: more than 64 bits'
  }
  return null
}

/** All that {@link problem} finds nothing wrong with, but for the length, which is quicker to look at than to count. */
const TID = /^[2-7a-j][2-7a-z]+$/

/** Whether a value is a TID. */
export function isTid(value: unknown): value is Tid {
  return typeof value === 'string' && value.length === LENGTH && TID.test(value)
}

/** The TID in a text; failure `invalid-tid`. */
export const parseTid: (value: unknown) => Result<Tid> = /* @__PURE__ */ createParse('tid', problem)

/** @throws SyntaxFault `invalid-tid` unless the value is a TID. */
export const assertTid: (value: unknown) => asserts value is Tid = /* @__PURE__ */ createAssert(
  'tid',
  problem,
)

/** Writes `length` base32-sortable digits of a whole number below 2^53. */
function digits(number: number, length: number): string {
  let text = ''
  for (let rest = number, i = 0; i < length; i++, rest = Math.floor(rest / 32))
    text = ALPHABET[rest % 32]! + text
  return text
}

/**
 * The TID of a moment.
 *
 * @param micros - whole microseconds since 1970, below 2^53.
 * @param clockId - 0 to 1023.
 * @throws SyntaxFault `invalid-tid` for a number out of range.
 */
export function tidFromMicros(micros: number, clockId: number): Tid {
  if (!Number.isSafeInteger(micros) || micros < 0) {
    throw new SyntaxFault('invalid-tid', `not a time a TID can hold; micros=${micros}`)
  }
  if (!Number.isInteger(clockId) || clockId < 0 || clockId >= CLOCK_IDS) {
    throw new SyntaxFault('invalid-tid', `not a clock id; clockId=${clockId}`)
  }
  return digits(micros, TIME_LENGTH) + digits(clockId, LENGTH - TIME_LENGTH)
}

/**
 * The moment of a TID in microseconds since 1970. Times past the year 2255 do not fit in a number and are rounded.
 *
 * @throws SyntaxFault `invalid-tid`.
 */
export function tidToMicros(tid: Tid): number {
  assertTid(tid)
  let micros = 0
  for (let i = 0; i < TIME_LENGTH; i++) micros = micros * 32 + valueAt(tid, i)
  return micros
}

/**
 * The clock id of a TID, 0 to 1023.
 *
 * @throws SyntaxFault `invalid-tid`.
 */
export function tidClockId(tid: Tid): number {
  assertTid(tid)
  return valueAt(tid, TIME_LENGTH) * 32 + valueAt(tid, TIME_LENGTH + 1)
}

/**
 * The moment of a TID, to the millisecond below.
 *
 * @throws SyntaxFault `invalid-tid`.
 */
export function tidToDate(tid: Tid): Date {
  return new Date(Math.floor(tidToMicros(tid) / 1000))
}

/** Where a clock takes its time and its id from. */
export interface TidClockOptions {
  /** Milliseconds since 1970, fractions allowed; `Date.now` unless told. */
  now?: () => number
  /** 0 to 1023, told apart from other writers'; random unless told. */
  clockId?: number
  /** How far ahead of `now` a TID may be, in milliseconds. Five minutes unless told, which is what relays bear. */
  maxAheadMs?: number
}

/** A source of TIDs. What callers hand in never moves it: one bad floor spoils the call it came with and no other. */
export interface TidClock {
  /**
   * A TID greater than every one `next` gave before, while the time stands still and when it goes back by less than
   * `maxAheadMs`. When it goes back further, the clock that ran ahead was wrong, and the TIDs go back with it.
   */
  next(): Tid
  /**
   * A TID greater than `previous` (a TID of any clock, or null for none). It is that of `next` wherever that suffices; else
   * the one just above `previous`, which this clock does not remember.
   *
   * @throws SyntaxFault `tid-ahead` when `previous` is more than `maxAheadMs` ahead of the time: it was made by a wrong clock
   *   or in bad faith, and whatever follows it would be refused elsewhere. `invalid-tid` when it is no TID.
   */
  nextAfter(previous: Tid | null): Tid
}

const MAX_AHEAD_MS = 5 * 60 * 1000

/**
 * A clock of TIDs.
 *
 * @throws SyntaxFault `invalid-tid` for a clock id out of range.
 */
export function createTidClock(options: TidClockOptions = {}): TidClock {
  const now = options.now ?? Date.now
  const clockId = options.clockId ?? Math.floor(Math.random() * CLOCK_IDS)
  const maxAhead = (options.maxAheadMs ?? MAX_AHEAD_MS) * 1000
  // Refuses a bad clock id here, not at the first use.
  tidFromMicros(0, clockId)
  let last = -1

  const upcoming = (time: number): number => (last >= time && last - time < maxAhead ? last + 1 : time)
  const take = (micros: number): Tid => {
    // Made before it is remembered: a time that no TID can hold must not outlast its call.
    const tid = tidFromMicros(micros, clockId)
    last = micros
    return tid
  }
  const microsNow = (): number => Math.floor(now() * 1000)
  return {
    next: () => take(upcoming(microsNow())),
    nextAfter: (previous) => {
      const time = microsNow()
      const micros = upcoming(time)
      if (previous === null) return take(micros)
      const floor = tidToMicros(previous)
      if (floor - time > maxAhead) {
        throw new SyntaxFault('tid-ahead', `TID is too far ahead of the clock; tid=${previous}`)
      }
      return floor < micros ? take(micros) : tidFromMicros(floor + 1, clockId)
    },
  }
}
