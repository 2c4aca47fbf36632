import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cidForCbor, fromJson, toJson } from '@avocet/data'
import * as dagCbor from '@ipld/dag-cbor'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode } from '../src/index.ts'
import { fixturesFolder } from './fixtures.ts'

const folder = fixturesFolder()

const value = fc.letrec((tie) => ({
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

describe('against @ipld/dag-cbor', () => {
  test('the same bytes, and back', () => {
    fc.assert(
      fc.property(value, (input) => {
        const bytes = encode(input as string)
        expect(bytes).toEqual(new Uint8Array(dagCbor.encode(input)))
        expect(encode(decode(bytes))).toEqual(bytes)
      }),
      { numRuns: 500 },
    )
  })

  test('what it refuses in random and damaged bytes is refused here; what is accepted here is canonical', () => {
    fc.assert(
      fc.property(value, fc.nat(), fc.nat(255), (input, at, byte) => {
        const bytes = encode(input as string).slice()
        bytes[at % bytes.length] = byte
        let decoded
        try {
          decoded = decode(bytes)
        } catch {
          return
        }
        expect(encode(decoded)).toEqual(bytes)
        dagCbor.decode(bytes)
      }),
      { numRuns: 2000 },
    )
  })
})

describe.skipIf(folder === null)('data model fixtures', () => {
  test('same bytes and CIDs', () => {
    type Fixture = { json: unknown; cbor_base64: string; cid: string }
    const path = join(folder!, 'interop/data-model/data-model-fixtures.json')
    const fixtures = JSON.parse(readFileSync(path, 'utf8')) as Fixture[]
    expect(fixtures.length).toBeGreaterThan(2)
    for (const fixture of fixtures) {
      const bytes = encode(fromJson(fixture.json))
      expect(Buffer.from(bytes).toString('base64').replace(/=+$/, '')).toBe(fixture.cbor_base64)
      expect(cidForCbor(bytes).toString()).toBe(fixture.cid)
      expect(toJson(decode(bytes))).toEqual(fixture.json)
    }
  })
})
