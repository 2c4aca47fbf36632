// Values of the data model for the differential tests.
import { cidForCbor, cidForRaw, type DataValue } from '@avocet/data'
import type { Random } from '@avocet/testing'
import * as fc from 'fast-check'

/** Any value, by fast-check, which shrinks what it finds. */
export const anyValue: fc.Arbitrary<DataValue> = fc.letrec<{ value: DataValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.string({ unit: 'grapheme' }),
    fc.string(),
    fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
    fc.uint8Array().map((bytes) => cidForCbor(bytes)),
    fc.array(tie('value')),
    fc.dictionary(fc.oneof(fc.string(), fc.string({ unit: 'grapheme' })), tie('value')),
  ),
})).value

const WORDS = [
  '',
  'a',
  'b',
  '$type',
  'text',
  'createdAt',
  'é',
  'ß',
  '日本語',
  '😀',
  '\u{10ffff}',
  '\uffff',
  '\ufeff',
  '\ufffd',
  '\0',
  '__proto__',
  'constructor',
  'app.bsky.feed.post',
  'a/b',
  'bytes',
  'x'.repeat(23),
  'x'.repeat(24),
  'x'.repeat(255),
  'é'.repeat(128),
]
const NUMBERS = [
  0,
  1,
  23,
  24,
  255,
  256,
  65_535,
  65_536,
  4_294_967_295,
  4_294_967_296,
  Number.MAX_SAFE_INTEGER,
  -1,
  -24,
  -25,
  -256,
  -257,
  -65_537,
  -4_294_967_296,
  -4_294_967_297,
  Number.MIN_SAFE_INTEGER,
]

/** A value like records have, with limits and odd keys; several times as quick to make as fast-check's. */
export function randomValue(random: Random, depth = 0): DataValue {
  switch (random.below(depth > 4 ? 6 : 9)) {
    case 0:
      return random.pick([null, true, false])
    case 1:
      return random.pick(NUMBERS)
    case 2:
      return random.below(2) === 0 ? random.below(1000) : -random.below(100_000)
    case 3:
      return random.pick(WORDS) + (random.below(2) === 0 ? '' : random.pick(WORDS))
    case 4:
      return random.bytes(random.below(40))
    case 5:
      return random.below(2) === 0 ? cidForCbor(random.bytes(4)) : cidForRaw(random.bytes(4))
    case 6:
      return Array.from({ length: random.below(5) }, () => randomValue(random, depth + 1))
    default: {
      const keys = Array.from(
        { length: random.below(8) },
        () => random.pick(WORDS) + (random.below(2) === 0 ? '' : String(random.below(100))),
      )
      // fromEntries makes `__proto__` a property of its own.
      return Object.fromEntries(keys.map((key) => [key, randomValue(random, depth + 1)]))
    }
  }
}
