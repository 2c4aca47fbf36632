// What `@ipld/dag-cbor` accepts, refuses and produces, and where this codec is stricter.
import { CID, equals, type DataValue } from '@avocet/data'
import { createRandom, fuzzRounds, mutate, sameBytes, toHex } from '@avocet/testing'
import * as dagCbor from '@ipld/dag-cbor'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CborError, decode, encode, type CborErrorCode, type DecodeOptions } from '../src/index.ts'
import { anyValue, randomValue } from './values.ts'

/**
 * The written list: where the protocol's profile refuses what `@ipld/dag-cbor` takes.
 * - `float`: the data model has no floating-point numbers.
 * - `integer-out-of-range`: dag-cbor gives a BigInt; the data model's integers are safe ones.
 * - `unsupported-simple`: dag-cbor reads `undefined` as null.
 * - `invalid-cid`: only version 1, codec dag-cbor or raw, sha-256; dag-cbor takes every CID, in any form of byte string.
 * - `key-order`: dag-cbor takes keys in any order.
 * - `invalid-utf8`: dag-cbor puts U+FFFD in the place of what is not UTF-8.
 *
 * One thing dag-cbor gets wrong instead of being laxer: it drops U+FEFF from the start of a text, so the text does not
 * come back, and two keys can become one. Here every text comes back (`hasMark` leaves those inputs out). Another: it takes
 * a map whose entries `/` and `bytes` are equal for a CID, and cannot encode it.
 */
const STRICTER: readonly CborErrorCode[] = [
  'float',
  'integer-out-of-range',
  'unsupported-simple',
  'invalid-cid',
  'key-order',
  'invalid-utf8',
]

/** With `lenient`, these are left. */
const STRICTER_WHEN_LENIENT: readonly CborErrorCode[] = ['integer-out-of-range', 'invalid-utf8']

type Verdict = { value: DataValue } | { code: CborErrorCode }

function ours(bytes: Uint8Array, options?: DecodeOptions): Verdict {
  try {
    return { value: decode(bytes, options) }
  } catch (error) {
    if (error instanceof CborError) return { code: error.code }
    throw error
  }
}

function theirs(bytes: Uint8Array): { value: DataValue } | null {
  try {
    return { value: dagCbor.decode(bytes) }
  } catch {
    return null
  }
}

const shown = (bytes: Uint8Array): string => toHex(bytes).slice(0, 300)

/** Whether the UTF-8 of U+FEFF is in there. */
function hasMark(bytes: Uint8Array): boolean {
  return bytes.some((byte, i) => byte === 0xef && bytes[i + 1] === 0xbb && bytes[i + 2] === 0xbf)
}

/** What is wrong with the two verdicts on some bytes, or null. */
function disagreement(bytes: Uint8Array): string | null {
  const expected = theirs(bytes)
  if (hasMark(bytes)) {
    const verdict = ours(bytes)
    return 'value' in verdict && !sameBytes(encode(verdict.value), bytes)
      ? 'accepted, but not canonical'
      : null
  }
  const strict = ours(bytes)
  if ('value' in strict) {
    if (expected === null) return 'accepted, but refused by dag-cbor'
    if (!equals(strict.value, expected.value)) return 'another value than dag-cbor'
    if (!sameBytes(encode(strict.value), bytes)) return 'accepted, but not canonical'
  } else if (expected !== null && !STRICTER.includes(strict.code)) {
    return `refused with ${strict.code}, which is not on the list`
  }
  const lenient = ours(bytes, { lenient: true })
  if ('value' in strict && !('value' in lenient)) return 'refused only when lenient'
  if (expected !== null && 'code' in lenient && !STRICTER_WHEN_LENIENT.includes(lenient.code)) {
    return `refused with ${lenient.code} when lenient`
  }
  return null
}

describe('against @ipld/dag-cbor', () => {
  test('the same bytes for the same value, and the value back (fast-check)', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encode(value)
        expect(toHex(bytes)).toBe(toHex(dagCbor.encode(value)))
        expect(equals(decode(bytes), value)).toBe(true)
      }),
      { numRuns: fuzzRounds(300, 5000) },
    )
  })

  test(
    'generated values and mutated encodings: the same verdict, but for the written list',
    { timeout: 600_000 },
    () => {
      const random = createRandom(42)
      const found: string[] = []
      let encodings: Uint8Array[] = [encode(null)]
      for (let round = fuzzRounds(3000, 100_000); round > 0; round--) {
        const value = randomValue(random)
        const bytes = encode(value)
        if (!sameBytes(bytes, dagCbor.encode(value))) found.push(`encodes otherwise: ${shown(bytes)}`)
        for (const input of [bytes, mutate(random, bytes, encodings), mutate(random, bytes, encodings)]) {
          const problem = disagreement(input)
          if (problem !== null) found.push(`${problem}: ${shown(input)}`)
        }
        encodings = [...encodings.slice(-20), bytes]
      }
      expect(found.slice(0, 10)).toEqual([])
    },
  )

  test.each<[name: string, value: unknown, theirs: boolean]>([
    ['undefined', undefined, false],
    ['an undefined entry', { a: undefined }, false],
    ['NaN', Number.NaN, false],
    ['an infinity', -Infinity, false],
    ['a function', () => 1, false],
    ['a symbol', Symbol.iterator, false],
    // The written list for encoding: dag-cbor takes these.
    ['a float', 1.5, true],
    ['an unsafe integer', 2 ** 60, true],
    ['a BigInt', 1n, true],
    ['a Map', new Map([['a', 1]]), true],
    ['an object of a class', new URLSearchParams(), true],
    [
      'a CID of another codec',
      CID.parse('bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'),
      true,
    ],
  ])('refuses to encode %s', (_name, value, takenByThem) => {
    expect(() => encode(value as DataValue)).toThrow(CborError)
    let taken = true
    try {
      dagCbor.encode(value)
    } catch {
      taken = false
    }
    expect(taken).toBe(takenByThem)
  })

  test('a map is not a CID because of its keys', () => {
    const value = { '/': 1, bytes: 1 }
    expect(() => dagCbor.encode(value)).toThrow(TypeError)
    expect(toHex(encode(value))).toBe('a2612f0165627974657301')
    const bytes = new Uint8Array(36)
    expect(equals(decode(encode({ '/': bytes, bytes })), { '/': bytes, bytes })).toBe(true)
  })

  test.each([
    ['float', 'fb3ff8000000000000'],
    ['integer-out-of-range', '1b0020000000000000'],
    ['unsupported-simple', 'f7'],
    ['invalid-cid', `d82a5825000170122000${'00'.repeat(31)}`],
    ['key-order', 'a2616201616101'],
    ['invalid-utf8', '61ff'],
  ] as const)('the list is true: %s', (code, hex) => {
    const bytes = Uint8Array.from(hex.match(/../g)!, (pair) => Number.parseInt(pair, 16))
    expect(theirs(bytes)).not.toBeNull()
    expect(ours(bytes)).toEqual({ code })
  })
})
