import { describe, expect, test } from 'vitest'
import { equals, fromJson, fromJsonObject, parseCid, toJson, type DataValue } from '../src/index.ts'
import { readFixtureText } from '@avocet/testing'

const LINK = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
const RAW_LINK = 'bafkreiccldh766hwcnuxnf2wh6jgzepf2nlu2lvcllt63eww5p6chi4ity'

type Case = { note: string; json: unknown }
const cases = async (name: string): Promise<Case[]> =>
  JSON.parse((await readFixtureText(`interop/data-model/${name}.json`)) ?? '[]') as Case[]

const valid = await cases('data-model-valid')
const invalid = await cases('data-model-invalid')
const values = await cases('data-model-fixtures')

describe.skipIf(values.length === 0)('interop vectors', () => {
  test.each(valid)('valid: $note', ({ json }) => {
    expect(toJson(fromJsonObject(json))).toEqual(json)
  })
  test.each(invalid)('invalid: $note', ({ json }) => {
    expect(() => fromJsonObject(json)).toThrow(expect.objectContaining({ name: 'DataError' }))
  })
  test.each(values)('round trip', ({ json }) => {
    const value = fromJson(json)
    expect(toJson(value)).toEqual(json)
    expect(equals(value, fromJson(structuredClone(json)))).toBe(true)
  })
})

describe('fromJson, lenient', () => {
  test('keeps what the data model has no place for, and reads the rest as ever', () => {
    const odd = {
      float: 52.37,
      large: 2 ** 60,
      half: '\ud800',
      '\udc00': 1,
      link: { $link: 'nothing' },
      links: { $link: LINK, more: 1.5 },
      bytes: { $bytes: '!' },
      blob: { $type: 'blob', ref: 1.5 },
      type: { $type: 7 },
    }
    expect(fromJson(odd, { lenient: true })).toEqual(odd)
    expect(
      equals(fromJson({ a: { $link: LINK }, b: { $bytes: 'AQID' } }, { lenient: true }), {
        a: parseCid(LINK),
        b: new Uint8Array([1, 2, 3]),
      }),
    ).toBe(true)
  })

  test('is bounded, and takes nothing that is no JSON', () => {
    expect(() => fromJson([[1.5]], { lenient: true, maxDepth: 1 })).toThrow('nested too deep')
    expect(() => fromJson([1.5, 1.5], { lenient: true, maxValues: 2 })).toThrow('too many values')
    expect(() => fromJson({ a: undefined }, { lenient: true })).toThrow('not a JSON value')
    expect(() => fromJsonObject([], { lenient: true })).toThrow('not an object')
    const polluted = fromJson(JSON.parse('{"__proto__":{"a":1.5}}'), { lenient: true }) as object
    expect(Object.hasOwn(polluted, '__proto__')).toBe(true)
    expect(Object.getPrototypeOf(polluted)).toBe(Object.prototype)
  })
})

describe('fromJson', () => {
  test('ignores bits beyond the last byte of base64', () => {
    expect(fromJson({ $bytes: 'AR==' })).toEqual(Uint8Array.of(1))
  })

  test('links, bytes and blobs', () => {
    const value = fromJson({
      a: { $link: LINK },
      b: { $bytes: 'AQID' },
      c: { $type: 'blob', ref: { $link: RAW_LINK }, mimeType: 'image/png', size: 3 },
    })
    expect(
      equals(value, {
        a: parseCid(LINK),
        b: new Uint8Array([1, 2, 3]),
        c: { $type: 'blob', ref: parseCid(RAW_LINK), mimeType: 'image/png', size: 3 },
      }),
    ).toBe(true)
  })

  test.each<[value: unknown, code: string, path: string]>([
    [1.5, 'invalid-number', ''],
    [{ a: [0, 2 ** 53] }, 'invalid-number', '/a/1'],
    [Number.NaN, 'invalid-number', ''],
    [{ a: undefined }, 'invalid-value', '/a'],
    [10n, 'invalid-value', ''],
    [new Map(), 'invalid-value', ''],
    [{ 'a/b': { '~': new Date() } }, 'invalid-value', '/a~1b/~0'],
    ['\ud800', 'invalid-string', ''],
    [{ '\udc00': 1 }, 'invalid-string', '/\udc00'],
    [{ $type: '' }, 'invalid-type', '/$type'],
    [{ x: { $type: 1 } }, 'invalid-type', '/x/$type'],
    [{ $link: LINK, a: 1 }, 'invalid-link', ''],
    [{ $link: 'QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR' }, 'invalid-link', ''],
    [{ $bytes: 'A' }, 'invalid-bytes', ''],
    [{ $bytes: 'A===' }, 'invalid-bytes', ''],
    [{ $bytes: 'AQ=' }, 'invalid-bytes', ''],
    [{ $bytes: 'A-==' }, 'invalid-bytes', ''],
    [{ $bytes: 'AQ', a: 1 }, 'invalid-bytes', ''],
    [{ $type: 'blob', ref: { $link: RAW_LINK }, mimeType: 'a/b', size: -1 }, 'invalid-blob', ''],
    [{ $type: 'blob', ref: { $link: RAW_LINK }, mimeType: '', size: 1 }, 'invalid-blob', ''],
    [{ $type: 'blob', ref: RAW_LINK, mimeType: 'a/b', size: 1 }, 'invalid-blob', ''],
    [{ $type: 'blob', ref: { $link: RAW_LINK }, mimeType: 'a/b', size: 1, x: 1 }, 'invalid-blob', ''],
  ])('refuses %o', (json, code, path) => {
    expect(() => fromJson(json)).toThrow(expect.objectContaining({ name: 'DataError', code, path }))
  })

  test('one zero, and __proto__ is a key like another', () => {
    expect(Object.is(fromJson(JSON.parse('-0')), 0)).toBe(true)
    const value = fromJson(JSON.parse('{"__proto__":{"a":1}}')) as Record<string, DataValue>
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(JSON.stringify(toJson(value))).toBe('{"__proto__":{"a":1}}')
  })

  test('bounds', () => {
    let deep: unknown = 1
    for (let i = 0; i < 256; i++) deep = [deep]
    expect(() => fromJson(deep)).not.toThrow()
    expect(() => fromJson([deep])).toThrow(expect.objectContaining({ code: 'too-deep' }))
    for (let i = 0; i < 100_000; i++) deep = { a: deep }
    expect(() => fromJson(deep)).toThrow(expect.objectContaining({ code: 'too-deep' }))
    expect(() => toJson(deep as DataValue)).toThrow(expect.objectContaining({ code: 'too-deep' }))
    expect(() => fromJson([1, 2, 3], { maxValues: 3 })).toThrow(
      expect.objectContaining({ code: 'too-large' }),
    )
    expect(fromJson([1, 2, 3], { maxValues: 4, maxDepth: 1 })).toEqual([1, 2, 3])
  })
})

describe('toJson', () => {
  test.each<[unknown, string]>([
    [undefined, 'invalid-value'],
    [{ a: undefined }, 'invalid-value'],
    [0.1, 'invalid-number'],
    [{ $link: LINK }, 'invalid-link'],
    [{ $bytes: 'AQ' }, 'invalid-bytes'],
    [{ $type: 3 }, 'invalid-type'],
    [{ $type: 'blob' }, 'invalid-blob'],
    [new Date(), 'invalid-value'],
    [new Map(), 'invalid-value'],
  ])('refuses %o', (value, code) => {
    expect(() => toJson(value as DataValue)).toThrow(expect.objectContaining({ code }))
  })

  test('base64 has no padding', () => {
    expect(toJson(new Uint8Array([1]))).toEqual({ $bytes: 'AQ' })
    expect(toJson(new Uint8Array([1, 2]))).toEqual({ $bytes: 'AQI' })
    for (let length = 0; length < 40; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 37)
      expect(equals(fromJson(toJson(bytes)), bytes)).toBe(true)
    }
  })
})
