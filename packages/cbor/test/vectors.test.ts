import { cidForCbor, fromJson, toJson } from '@avocet/data'
import { fromBase64, readFixtureText, toBase64 } from '@avocet/testing'
import { describe, expect, test } from 'vitest'
import { decode, encode } from '../src/index.ts'

type Vector = { json: unknown; cbor_base64: string; cid: string }

const text = await readFixtureText('interop/data-model/data-model-fixtures.json')
const vectors = JSON.parse(text ?? '[]') as Vector[]

// Known encodings and CIDs, so that the same is tested without the fixtures.
const KNOWN: Vector[] = [
  { json: {}, cbor_base64: 'oA', cid: 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua' },
  {
    json: { root: { $link: 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua' }, n: [-1, 24] },
    cbor_base64: 'omFugiAYGGRyb290',
    cid: '',
  },
]

describe('known encodings', () => {
  test('the empty map', () => {
    const [known] = KNOWN
    expect(toBase64(encode(fromJson(known!.json)))).toBe(`${known!.cbor_base64}==`)
    expect(cidForCbor(encode({})).toString()).toBe(known!.cid)
  })
  test('a map with a link', () => {
    const known = KNOWN[1]!
    expect(toBase64(encode(fromJson(known.json)))).toContain(known.cbor_base64)
    expect(toJson(decode(encode(fromJson(known.json))))).toEqual(known.json)
  })
})

describe.skipIf(vectors.length === 0)('interop data model vectors', () => {
  test.each(vectors)('$cid', ({ json, cbor_base64, cid }) => {
    const bytes = encode(fromJson(json))
    expect(toBase64(bytes).replace(/=+$/, '')).toBe(cbor_base64)
    expect(cidForCbor(bytes).toString()).toBe(cid)
    expect(toJson(decode(fromBase64(cbor_base64)))).toEqual(json)
  })
})
