import { CID, cidForCbor } from '@avocet/data'
import { toHex } from '@avocet/testing'
import { describe, expect, test } from 'vitest'
import { CborError, decode, encode } from '../src/index.ts'

function codeOf(value: unknown): string {
  try {
    encode(value as string)
  } catch (error) {
    if (error instanceof CborError) return error.code
    throw error
  }
  return 'accepted'
}

describe('encode', () => {
  test.each([
    [0, '00'],
    [-0, '00'],
    [23, '17'],
    [24, '1818'],
    [256, '190100'],
    [65536, '1a00010000'],
    [4294967296, '1b0000000100000000'],
    [Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'],
    [Number.MIN_SAFE_INTEGER, '3b001ffffffffffffe'],
    ['', '60'],
    ['€', '63e282ac'],
    [{ b: 1, a: 2, aa: 0, '': null }, 'a460f661610261620162616100'],
    [{ é: 1, zz: 2, z: 3 }, 'a3617a03627a7a0262c3a901'],
    [{ '\u{10000}': 1, '\uFFFF\u0061': 2 }, 'a264efbfbf610264f090808001'],
    [Object.assign(Object.create(null) as object, { a: 1 }), 'a1616101'],
    [[true, false, null], '83f5f4f6'],
    [Uint8Array.of(1, 2), '420102'],
    [new (class extends Uint8Array {})([1, 2]), '420102'],
  ])('%j', (value, expected) => {
    expect(toHex(encode(value))).toBe(expected)
  })

  test.each([
    [undefined, 'unsupported-type'],
    [{ a: undefined }, 'unsupported-type'],
    [[undefined], 'unsupported-type'],
    [() => 1, 'unsupported-type'],
    [Symbol('x'), 'unsupported-type'],
    [1n, 'unsupported-type'],
    [new Date(0), 'unsupported-type'],
    [new Map(), 'unsupported-type'],
    [CID.parse('QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR'), 'invalid-cid'],
    [CID.parse('bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'), 'invalid-cid'],
    [1.5, 'float'],
    [Number.NaN, 'float'],
    [Infinity, 'float'],
    [2 ** 53, 'integer-out-of-range'],
    [-(2 ** 53), 'integer-out-of-range'],
    ['\uD800', 'invalid-utf8'],
    [`${'a'.repeat(100)}\uDC00`, 'invalid-utf8'],
    [{ '\uD800': 1 }, 'invalid-utf8'],
  ])('refuses %s', (value, code) => {
    expect(codeOf(value)).toBe(code)
  })

  test('refuses a cycle instead of overflowing the stack', () => {
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    expect(codeOf(cycle)).toBe('too-deep')
  })

  test('texts of every length around the sizes of heads', () => {
    for (const unit of ['a', 'é', '€', '😀']) {
      for (const length of [
        1, 5, 6, 7, 8, 11, 12, 22, 23, 24, 25, 63, 64, 85, 86, 127, 128, 255, 256, 257, 21846, 65536,
      ]) {
        const text = unit.repeat(length)
        expect(decode(encode(text))).toBe(text)
        expect(decode(encode({ [text]: 1 }))).toEqual({ [text]: 1 })
      }
    }
  })

  test('earlier results stay as they are', () => {
    const results = Array.from({ length: 3000 }, (_, i) => encode({ i, text: 'x'.repeat(i % 300) }))
    for (const [i, bytes] of results.entries()) {
      expect(decode(bytes)).toEqual({ i, text: 'x'.repeat(i % 300) })
    }
  })

  test('a failure, and encoding inside a getter, leave other results alone', () => {
    const before = encode({ a: 'before' })
    expect(codeOf({ a: 'x'.repeat(100), b: 1.5 })).toBe('float')
    const value = {
      get a(): Uint8Array {
        return encode({ inner: 'y'.repeat(50) })
      },
      b: 'z'.repeat(50),
    }
    const outer = decode(encode(value)) as { a: Uint8Array; b: string }
    expect(decode(outer.a)).toEqual({ inner: 'y'.repeat(50) })
    expect(outer.b).toBe('z'.repeat(50))
    expect(decode(before)).toEqual({ a: 'before' })
  })

  test('keys beyond ASCII, deep inside and at the end, cost one round more', () => {
    let value: { [key: string]: unknown } = { é: 1 }
    for (let i = 0; i < 100; i++) value = { a: value, b: i, é: i }
    const start = performance.now()
    const bytes = encode(value as { a: string })
    expect(performance.now() - start).toBeLessThan(5000)
    expect(encode(decode(bytes))).toEqual(bytes)
  })

  test('CIDs', () => {
    const cid = cidForCbor(new Uint8Array([0xa0]))
    const bytes = encode({ link: cid })
    expect(toHex(bytes)).toBe(`a1646c696e6bd82a582500${toHex(cid.bytes)}`)
    expect((decode(bytes) as { link: typeof cid }).link.equals(cid)).toBe(true)
  })
})
