import { fromHex, toHex } from '@avocet/testing'
import { describe, expect, test } from 'vitest'
import { CborError, decode, decodeFirst, type DecodeOptions } from '../src/index.ts'

const hex = fromHex
const CID_HEX = `01711220${'ab'.repeat(32)}`

function codeOf(text: string, options?: DecodeOptions): string {
  try {
    decode(hex(text), options)
  } catch (error) {
    if (error instanceof CborError) return error.code
    throw error
  }
  return 'accepted'
}

describe('decode', () => {
  test.each([
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['18ff', 255],
    ['190100', 256],
    ['19ffff', 65535],
    ['1a00010000', 65536],
    ['1affffffff', 4294967295],
    ['1b0000000100000000', 4294967296],
    ['1b001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['20', -1],
    ['3818', -25],
    ['3b001ffffffffffffe', Number.MIN_SAFE_INTEGER],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['60', ''],
    ['6161', 'a'],
    ['63e282ac', '€'],
    ['63efbfbd', '\uFFFD'],
    ['63efbbbf', '\uFEFF'],
    ['64f09f9880', '😀'],
    ['80', []],
    ['83010203', [1, 2, 3]],
    ['a0', {}],
    ['a26161016162820203', { a: 1, b: [2, 3] }],
    ['a1600a', { '': 10 }],
    ['4401020304', new Uint8Array([1, 2, 3, 4])],
    ['40', new Uint8Array(0)],
  ])('%s', (input, expected) => {
    expect(decode(hex(input))).toEqual(expected)
  })

  test.each([
    ['', 'unexpected-end'],
    ['18', 'unexpected-end'],
    ['1a000100', 'unexpected-end'],
    ['6261', 'unexpected-end'],
    ['4201', 'unexpected-end'],
    ['8201', 'unexpected-end'],
    ['a16161', 'unexpected-end'],
    ['a1', 'unexpected-end'],
    ['9b001fffffffffffff', 'unexpected-end'],
    ['bb001fffffffffffff', 'unexpected-end'],
    ['5b001fffffffffffff', 'unexpected-end'],
    ['7b001fffffffffffff', 'unexpected-end'],
    ['0000', 'trailing-bytes'],
    ['1817', 'not-minimal'],
    ['1900ff', 'not-minimal'],
    ['1a0000ffff', 'not-minimal'],
    ['1b00000000ffffffff', 'not-minimal'],
    ['780161', 'not-minimal'],
    ['1b0020000000000000', 'integer-out-of-range'],
    ['3b001fffffffffffff', 'integer-out-of-range'],
    ['1bffffffffffffffff', 'integer-out-of-range'],
    ['9fff', 'indefinite-length'],
    ['bfff', 'indefinite-length'],
    ['5f4101ff', 'indefinite-length'],
    ['ff', 'indefinite-length'],
    ['1c', 'unsupported-simple'],
    ['f7', 'unsupported-simple'],
    ['f0', 'unsupported-simple'],
    ['f820', 'unsupported-simple'],
    ['f93c00', 'float'],
    ['fa3f800000', 'float'],
    ['fb3ff0000000000000', 'float'],
    ['61ff', 'invalid-utf8'],
    ['62c080', 'invalid-utf8'],
    ['63eda080', 'invalid-utf8'],
    [`7830${'61'.repeat(47)}ff`, 'invalid-utf8'],
    ['a161ff01', 'invalid-utf8'],
    ['a10101', 'key-not-string'],
    ['a14101f6', 'key-not-string'],
    ['a2616201616101', 'key-order'],
    ['a262616101616201', 'key-order'],
    ['a2616101616101', 'duplicate-key'],
    ['a260016001', 'duplicate-key'],
    ['c001', 'unsupported-tag'],
    ['d82b40', 'unsupported-tag'],
    [`d82a${'60'.repeat(40)}`, 'invalid-cid'],
    ['d82a60', 'invalid-cid'],
    ['d82a4100', 'invalid-cid'],
    ['d82a', 'unexpected-end'],
    ['d82a5825', 'unexpected-end'],
    [`d82a582501${CID_HEX}`, 'invalid-cid'],
    [`d82a582500${CID_HEX.replace('0171', '0170')}`, 'invalid-cid'],
    [`d82a582500${CID_HEX.replace('0171', '0071')}`, 'invalid-cid'],
    [`d82a5824${CID_HEX}00`, 'invalid-cid'],
  ])('refuses %s: %s', (input, code) => {
    expect(codeOf(input)).toBe(code)
  })

  test('reads a CID', () => {
    const value = decode(hex(`a1616cd82a582500${CID_HEX}`)) as { l: { bytes: Uint8Array } }
    expect(toHex(value.l.bytes)).toBe(CID_HEX)
  })

  test('bounds items at any depth, keys and values alike', () => {
    // [[], {}, {a: []}]: three, then two for the entry.
    const items = '8380a0a1616180'
    expect(codeOf(items, { maxItems: 4 })).toBe('too-many-items')
    expect(decode(fromHex(items), { maxItems: 5 })).toEqual([[], {}, { a: [] }])
    expect(decode(fromHex(items), { maxItems: 6 })).toEqual([[], {}, { a: [] }])
    expect(decode(fromHex('00'), { maxItems: 0 })).toBe(0)
    // Without a bound a lying count is told as what it is.
    expect(codeOf('82820000')).toBe('unexpected-end')
  })

  test('shares a budget among values, and leaves it alone when a value is refused', () => {
    const budget = { left: 5 }
    const two = fromHex('820102')
    decode(two, { budget })
    expect(budget.left).toBe(3)
    decodeFirst(two, { budget })
    expect(budget.left).toBe(1)
    expect(codeOf('820102', { budget })).toBe('too-many-items')
    expect(budget.left).toBe(1)
    decode(fromHex('8101'), { budget })
    expect(budget.left).toBe(0)
    expect(decode(fromHex('80'), { budget, maxItems: 9 })).toEqual([])
    const wide = { left: 100 }
    decode(two, { budget: wide, maxItems: 2 })
    expect(wide.left).toBe(98)
  })

  test('bounds the nesting', () => {
    expect(codeOf(`${'81'.repeat(256)}00`)).toBe('accepted')
    expect(codeOf(`${'81'.repeat(257)}00`)).toBe('too-deep')
    expect(codeOf(`${'a16161'.repeat(257)}00`)).toBe('too-deep')
    expect(codeOf('8100', { maxDepth: 0 })).toBe('too-deep')
    expect(codeOf(`${'81'.repeat(2_000_000)}00`)).toBe('too-deep')
  })

  test('__proto__ is a property like others', () => {
    const value = decode(hex('a1695f5f70726f746f5f5fa1617801')) as { [key: string]: unknown }
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect('x' in value).toBe(false)
  })

  test('byte strings are views of the input', () => {
    const input = hex('43010203')
    expect((decode(input) as Uint8Array).buffer).toBe(input.buffer)
  })

  test('a memo of texts never changes one', () => {
    // Same length, same first, middle and last letters: they share a slot of the memo.
    for (const text of ['abxcdxe', 'abyczxe', 'abxcdxe', 'aéxcxe']) {
      const bytes = new TextEncoder().encode(text)
      expect(decode(new Uint8Array([0x60 + bytes.length, ...bytes]))).toBe(text)
    }
  })

  test('decodeFirst hands back the rest', () => {
    const { value, rest } = decodeFirst(hex('a1616101f5'))
    expect(value).toEqual({ a: 1 })
    expect(rest).toEqual(hex('f5'))
    expect(() => decodeFirst(new Uint8Array(0))).toThrow(CborError)
  })
})

describe('decode, lenient', () => {
  const lenient = { lenient: true }
  test.each([
    ['1817', 23],
    ['1900ff', 255],
    ['1b00000000ffffffff', 4294967295],
    ['780161', 'a'],
    ['f7', null],
    ['f93c00', 1],
    ['f90001', 2 ** -24],
    ['f9c400', -4],
    ['fa3fc00000', 1.5],
    ['fb3ff199999999999a', 1.1],
    ['a2616201616102', { b: 1, a: 2 }],
    ['a262616101616202', { aa: 1, b: 2 }],
    ['a1695f5f70726f746f5f5f01', JSON.parse('{"__proto__":1}')],
  ])('takes %s', (input, expected) => {
    expect(codeOf(input)).not.toBe(input.startsWith('a1') ? '' : 'accepted')
    expect(decode(hex(input), lenient)).toEqual(expected)
  })

  test('takes CIDs of other kinds', () => {
    const dagPb = CID_HEX.replace('0171', '0170')
    const value = decode(hex(`d82a582500${dagPb}`), lenient) as { bytes: Uint8Array }
    expect(toHex(value.bytes)).toBe(dagPb)
    const sha512 = `01711340${'cd'.repeat(64)}`
    const long = decode(hex(`d82a584500${sha512}`), lenient) as { bytes: Uint8Array }
    expect(toHex(long.bytes)).toBe(sha512)
  })

  test.each([
    ['a2616101616102', 'duplicate-key'],
    ['a3616101616202616103', 'duplicate-key'],
    ['a2695f5f70726f746f5f5f01695f5f70726f746f5f5f02', 'duplicate-key'],
    ['f97c00', 'float'],
    ['f97e00', 'float'],
    ['fb7ff0000000000000', 'float'],
    ['fb3ff1', 'unexpected-end'],
    ['1b0020000000000000', 'integer-out-of-range'],
    ['9fff', 'indefinite-length'],
    ['61ff', 'invalid-utf8'],
    ['a10101', 'key-not-string'],
    ['c001', 'unsupported-tag'],
    ['d82a4101', 'invalid-cid'],
    ['d82a4100', 'invalid-cid'],
    [`d82a582501${CID_HEX}`, 'invalid-cid'],
    ['0000', 'trailing-bytes'],
  ])('refuses %s: %s', (input, code) => {
    expect(codeOf(input, lenient)).toBe(code)
  })
})
