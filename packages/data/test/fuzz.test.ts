import { createRandom, fuzzRounds, mutate, toHex } from '@avocet/testing'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  cidForCbor,
  cidForRaw,
  cidFromBytes,
  DataError,
  equals,
  formatCid,
  fromJson,
  parseCid,
  toJson,
  type DataValue,
} from '../src/index.ts'

const value: fc.Arbitrary<DataValue> = fc.letrec<{ value: DataValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
    fc.uint8Array().map((bytes) => cidForRaw(bytes)),
    fc.array(tie('value')),
    fc.dictionary(
      fc
        .oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', '$x'))
        .filter((key) => !['$link', '$bytes', '$type'].includes(key)),
      tie('value'),
    ),
  ),
})).value

test('every value comes back from its JSON text', () => {
  fc.assert(
    fc.property(value, (input) => {
      const back = fromJson(JSON.parse(JSON.stringify(toJson(input))))
      expect(equals(back, input)).toBe(true)
      expect(equals(input, back)).toBe(true)
    }),
    { numRuns: fuzzRounds(300, 20_000) },
  )
})

describe('hostile input', () => {
  test('any JSON: a value with a JSON form, or a DataError', { timeout: 600_000 }, () => {
    const random = createRandom(17)
    const keys = [
      '$link',
      '$bytes',
      '$type',
      'ref',
      'mimeType',
      'size',
      'a',
      '__proto__',
      'constructor',
      '\ud800',
    ]
    const leaves = [
      null,
      true,
      0,
      -0,
      1.5,
      2 ** 53,
      Number.NaN,
      '',
      'blob',
      'AQID',
      'A',
      '=',
      '\ud800',
      'a/b',
      undefined,
      10n,
      'bafkreiccldh766hwcnuxnf2wh6jgzepf2nlu2lvcllt63eww5p6chi4ity',
      Symbol.iterator,
      new Date(0),
    ]
    const make = (depth: number): unknown => {
      const kind = random.below(depth > 3 ? 3 : 6)
      if (kind < 3) return random.pick(leaves)
      if (kind === 3) return Array.from({ length: random.below(4) }, () => make(depth + 1))
      if (kind === 4)
        return {
          $type: 'blob',
          ref: { $link: random.pick(leaves) },
          mimeType: random.pick(leaves),
          size: random.pick(leaves),
        }
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [random.pick(keys), make(depth + 1)]),
      )
    }
    let accepted = 0
    for (let round = fuzzRounds(5000, 1_000_000); round > 0; round--) {
      const json = make(0)
      let read: DataValue
      try {
        read = fromJson(json)
      } catch (error) {
        if (error instanceof DataError) continue
        throw error
      }
      accepted++
      if (!equals(fromJson(toJson(read)), read)) throw new Error('another value from its own JSON form')
    }
    expect(accepted).toBeGreaterThan(100)
  })

  test(
    'CIDs from damaged texts and bytes: the same text and bytes again, or a DataError',
    { timeout: 600_000 },
    () => {
      const random = createRandom(19)
      const encoder = new TextEncoder()
      const decoder = new TextDecoder()
      let accepted = 0
      const attempt = (read: () => boolean): void => {
        try {
          if (!read()) throw new Error('another spelling was taken')
          accepted++
        } catch (error) {
          if (!(error instanceof DataError)) throw error
        }
      }
      for (let round = fuzzRounds(5000, 1_000_000); round > 0; round--) {
        const cid = random.below(2) === 0 ? cidForCbor(random.bytes(3)) : cidForRaw(random.bytes(3))
        const text = decoder.decode(mutate(random, encoder.encode(formatCid(cid))))
        attempt(() => formatCid(parseCid(text)) === text)
        const bytes = mutate(random, cid.bytes)
        attempt(() => toHex(cidFromBytes(bytes).bytes) === toHex(bytes))
      }
      expect(accepted).toBeGreaterThan(100)
    },
  )
})
