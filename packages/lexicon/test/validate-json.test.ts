// JSON checked as it came: what `fromJson` and the schema accept, it accepts, and it says the same of what they refuse.
import { cidForCbor, cidForRaw, formatCid, fromJson, toJson, type DataValue } from '@avocet/data'
import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  createCatalog,
  parseLexicon,
  validateJson,
  type BlobRef,
  type CID,
  type JsonForm,
} from '../src/index.ts'

const parsed = parseLexicon({
  lexicon: 1,
  id: 'com.example.thing',
  defs: {
    main: {
      type: 'record',
      key: 'any',
      record: {
        type: 'object',
        properties: {
          link: { type: 'cid-link' },
          sig: { type: 'bytes', minLength: 2, maxLength: 4 },
          image: { type: 'blob', accept: ['image/*'], maxSize: 1000 },
          other: { type: 'unknown' },
          list: { type: 'array', items: { type: 'union', refs: ['#a'] } },
        },
      },
    },
    a: { type: 'object', properties: { link: { type: 'cid-link' }, n: { type: 'integer', default: 3 } } },
  },
})
if (!parsed.ok) throw new Error(parsed.error.message)
const schema = createCatalog([parsed.value]).record('com.example.thing')!
const $type = 'com.example.thing'
const link = cidForCbor(Uint8Array.of(1))
const ref = cidForRaw(Uint8Array.of(1))
const blob: BlobRef = { $type: 'blob', ref, mimeType: 'image/png', size: 10 }

const codes = (json: unknown, options?: object): string[] => {
  const result = validateJson(schema, json, options)
  return result.ok ? [] : result.issues.map(({ path, code }) => `${path} ${code}`)
}

describe('validateJson', () => {
  it('says of JSON what the schema says of its value', () => {
    const values: DataValue[] = [
      { $type, link, sig: Uint8Array.of(1, 2), image: blob, other: { a: link } },
      { $type, list: [{ $type: `${$type}#a`, link }, { $type: 'com.example.unknown' }] },
      { $type, list: [{ $type: `${$type}#a`, link: 'x' }] },
      { $type, link: 'bafy' },
      { $type, link: Uint8Array.of(1) },
      { $type, link: blob },
      { $type, sig: link },
      { $type, sig: 'AQI' },
      { $type, sig: new Uint8Array(1) },
      { $type, sig: new Uint8Array(5) },
      { $type, sig: new Uint8Array(4) },
      { $type, image: { ...blob, size: 1001 } },
      { $type, image: { ...blob, mimeType: 'text/plain' } },
      { $type, image: link },
      { $type, image: { cid: formatCid(ref), mimeType: 'image/png' } },
      { $type, other: blob },
      { $type, other: link },
      { $type, other: Uint8Array.of(1) },
      { $type: 'com.example.other' },
      [],
      null,
    ]
    for (const value of values) {
      const json: unknown = JSON.parse(JSON.stringify(toJson(value)))
      const expected = schema.validate(fromJson(json))
      const sorted = expected.ok ? [] : expected.issues.map(({ path, code }) => `${path} ${code}`)
      expect(codes(json), JSON.stringify(json)).toEqual(sorted)
    }
  })

  it('gives the JSON back, not a value', () => {
    const json = { $type, link: { $link: formatCid(link) }, sig: { $bytes: 'AQI=' } }
    const result = validateJson(schema, json)
    expect(result).toEqual({ ok: true, value: json })
    expect(result.ok && result.value).toBe(json)
  })

  it('refuses links, bytes and blobs that are not exactly such', () => {
    const text = formatCid(link)
    for (const odd of [
      { $link: text, more: 1 },
      { $link: `${text.slice(0, -1)}b` },
      { $link: 'bafkqaaa' },
      { $link: 5 },
      {},
      [text],
      link,
    ]) {
      expect(codes({ $type, link: odd }), JSON.stringify(odd)).toEqual(['/link invalid-type'])
    }
    for (const odd of [
      { $bytes: 'A' },
      { $bytes: '!!!!' },
      { $bytes: 5 },
      { $bytes: 'AQI', x: 1 },
      Uint8Array.of(1, 2),
    ]) {
      expect(codes({ $type, sig: odd }), JSON.stringify(odd)).toEqual(['/sig invalid-type'])
    }
    const image = { $type: 'blob', ref: { $link: formatCid(ref) }, mimeType: 'image/png', size: 10 }
    expect(codes({ $type, image })).toEqual([])
    for (const odd of [
      { ...image, more: 1 },
      { ...image, size: -1 },
      { ...image, size: '1' },
      { ...image, ref },
      blob,
    ]) {
      expect(codes({ $type, image: odd })).toEqual(['/image invalid-type'])
    }
  })

  it('takes the options of the schema', () => {
    expect(codes({ $type, x: 1 }, { unknownFields: 'reject' })).toEqual(['/x unknown-field'])
    const legacy = { $type, image: { cid: formatCid(ref), mimeType: 'image/png' } }
    expect(codes(legacy)).toEqual(['/image invalid-type'])
    expect(codes(legacy, { legacyBlobs: true })).toEqual([])
    const filled = validateJson(schema, { $type, list: [{ $type: `${$type}#a` }] }, { defaults: true })
    expect(filled).toMatchObject({ ok: true, value: { list: [{ n: 3 }] } })
  })

  it('is typed', () => {
    type Thing = { a: CID; b?: Uint8Array; c: BlobRef[]; d: `did:${string}`; e: { n: number } | null }
    expectTypeOf<JsonForm<Thing>>().toEqualTypeOf<{
      a: { $link: string }
      b?: { $bytes: string }
      c: { $type: 'blob'; ref: { $link: string }; mimeType: string; size: number }[]
      d: `did:${string}`
      e: { n: number } | null
    }>()
  })
})
