// Lengths and offsets at their edges, and errors with the place they are about.
import { CID, cidForCbor } from '@avocet/data'
import { fromHex, toHex } from '@avocet/testing'
import { describe, expect, test } from 'vitest'
import { CborError, decode, decodeFirst, encode, type DecodeOptions } from '../src/index.ts'
import { sortAsciiKeys, sortKeys } from '../src/key-order.ts'
import { createTextTable, decodeKey, decodeShort, decodeUtf8, MAX_INTERNED } from '../src/text.ts'

const CID_HEX = `01711220${'ab'.repeat(32)}`
const zeros = (count: number): string => '00'.repeat(count)
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

function failure(input: string, options?: DecodeOptions): [code: string, offset: number] {
  try {
    decode(fromHex(input), options)
  } catch (error) {
    if (error instanceof CborError) return [error.code, error.offset]
    throw error
  }
  return ['accepted', -1]
}

describe('where decoding fails', () => {
  test.each<[string, string, number]>([
    // Heads: of each size, cut by one byte.
    ['18', 'unexpected-end', 1],
    ['1901', 'unexpected-end', 1],
    ['1a000100', 'unexpected-end', 1],
    ['1b00000001000000', 'unexpected-end', 1],
    ['8218', 'unexpected-end', 1],
    ['811817', 'not-minimal', 1],
    ['1800', 'not-minimal', 0],
    ['1817', 'not-minimal', 0],
    ['190000', 'not-minimal', 0],
    ['1900ff', 'not-minimal', 0],
    ['1a00000000', 'not-minimal', 0],
    ['1a0000ffff', 'not-minimal', 0],
    ['1b0000000000000000', 'not-minimal', 0],
    ['1b00000000ffffffff', 'not-minimal', 0],
    ['1b0020000000000000', 'integer-out-of-range', 0],
    ['1b0020000000000001', 'integer-out-of-range', 0],
    ['3b001fffffffffffff', 'integer-out-of-range', 0],
    ['1c', 'unsupported-simple', 0],
    ['1d', 'unsupported-simple', 0],
    ['1e', 'unsupported-simple', 0],
    ['1f', 'indefinite-length', 0],
    // Counts and lengths one above what is there.
    ['81', 'unexpected-end', 1],
    ['830000', 'unexpected-end', 1],
    ['828200000000', 'trailing-bytes', 5],
    ['820083', 'unexpected-end', 3],
    ['a1', 'unexpected-end', 1],
    ['a4616100616200', 'unexpected-end', 1],
    ['a16161', 'unexpected-end', 3],
    ['a26161006162', 'unexpected-end', 6],
    ['a3616100616200', 'unexpected-end', 7],
    ['a16261', 'unexpected-end', 2],
    ['a1626100', 'unexpected-end', 4],
    ['a163610000', 'unexpected-end', 5],
    ['41', 'unexpected-end', 1],
    ['430000', 'unexpected-end', 1],
    ['61', 'unexpected-end', 1],
    ['636161', 'unexpected-end', 1],
    ['00ff', 'trailing-bytes', 1],
    // Keys.
    ['a1010000', 'key-not-string', 1],
    ['a2616200616100', 'key-order', 5],
    ['a262616100616200', 'key-order', 6],
    ['a263616161006161006161', 'key-order', 7],
    ['a2616100616100', 'duplicate-key', 5],
    ['a260006000', 'duplicate-key', 4],
    ['a26261620062616100', 'key-order', 6],
    ['a161ff00', 'invalid-utf8', 2],
    [`a17821${'61'.repeat(32)}ff00`, 'invalid-utf8', 3],
    [`a17820${'61'.repeat(31)}ff00`, 'invalid-utf8', 3],
    ['8161ff', 'invalid-utf8', 2],
    [`7821${'61'.repeat(32)}ff`, 'invalid-utf8', 2],
    // Tags and simple values.
    ['81c100', 'unsupported-tag', 1],
    ['d82b00', 'unsupported-tag', 0],
    ['d82900', 'unsupported-tag', 0],
    ['d82a', 'unexpected-end', 2],
    ['d82a00', 'invalid-cid', 2],
    ['d82a40', 'invalid-cid', 2],
    ['d82a4201', 'unexpected-end', 3],
    [`d82a582500${CID_HEX.slice(2)}`, 'unexpected-end', 4],
    [`d82a582501${CID_HEX}`, 'invalid-cid', 2],
    [`d82a582600${CID_HEX}00`, 'invalid-cid', 2],
    ['81f93c00', 'float', 1],
    ['fa3f800000', 'float', 0],
    ['fb3ff0000000000000', 'float', 0],
    ['f7', 'unsupported-simple', 0],
    ['f8ff', 'unsupported-simple', 0],
    ['fc', 'unsupported-simple', 0],
    ['ff', 'indefinite-length', 0],
    ['e0', 'unsupported-simple', 0],
  ])('%s: %s at %i', (input, code, offset) => {
    expect(failure(input)).toEqual([code, offset])
  })

  test('of lenient decoding', () => {
    for (const [input, code, offset] of [
      ['f93c', 'unexpected-end', 1],
      ['fa3f8000', 'unexpected-end', 1],
      ['fb3ff00000000000', 'unexpected-end', 1],
      ['81fa7f800000', 'float', 1],
      ['f9fc00', 'float', 0],
      ['d82a4101', 'invalid-cid', 2],
      ['d82a410000', 'invalid-cid', 2],
      ['a2616100616100', 'duplicate-key', 5],
      ['1b0020000000000000', 'integer-out-of-range', 0],
    ] as const) {
      expect([input, ...failure(input, { lenient: true })]).toEqual([input, code, offset])
    }
  })

  test('is said in the message, with the reason of a class of its own behind it', () => {
    expect(() => decode(fromHex('8161ff'))).toThrow(
      expect.objectContaining({
        name: 'CborError',
        message: 'text is not valid UTF-8; code=invalid-utf8 offset=2',
        cause: expect.any(TypeError) as TypeError,
      }),
    )
    expect(() => encode(1.5)).toThrow(
      expect.objectContaining({
        message: 'only integers can be encoded; value=1.5; code=float path=/',
        offset: -1,
      }),
    )
    expect(() => encode(2 ** 53)).toThrow(
      'integer is not safe; value=9007199254740992; code=integer-out-of-range',
    )
    expect(() =>
      encode(
        new (class Thing {
          a = 1
        })() as never,
      ),
    ).toThrow('objects of a class cannot be encoded; type=Thing; code=unsupported-type')
    expect(() => encode({ a: Symbol('x') } as never)).toThrow(
      'value cannot be encoded; type=symbol; code=unsupported-type',
    )
  })
})

describe('what is read', () => {
  test.each<[string, unknown]>([
    ['1818', 24],
    ['190100', 256],
    ['1a00010000', 65_536],
    ['1b0000000100000000', 2 ** 32],
    ['1b001fffffffffffff', 2 ** 53 - 1],
    ['1affffffff', 2 ** 32 - 1],
    ['1a80000000', 2 ** 31],
    ['1b00000001ffffffff', 2 ** 33 - 1],
    ['3b001ffffffffffffe', -(2 ** 53 - 1)],
    ['3a7fffffff', -(2 ** 31)],
    ['3affffffff', -(2 ** 32)],
    ['8200f6', [0, null]],
    ['a1617800', { x: 0 }],
    ['a261610062616100', { a: 0, aa: 0 }],
    ['a262616100626162f5', { aa: 0, ab: true }],
  ])('%s', (input, value) => {
    expect(decode(fromHex(input))).toEqual(value)
    expect(toHex(encode(value as never))).toBe(input)
  })

  test('nesting is counted by depth, not by number', () => {
    const beside = `98ff${'80'.repeat(255)}`
    expect(decode(fromHex(beside), { maxDepth: 2 })).toHaveLength(255)
    expect(decode(fromHex(beside.replaceAll('80', 'a0')), { maxDepth: 2 })).toHaveLength(255)
    expect(failure('8180', { maxDepth: 1 })).toEqual(['too-deep', 2])
    expect(failure('a1617880', { maxDepth: 1 })[0]).toBe('too-deep')
    expect(failure('81a0', { maxDepth: 1 })[0]).toBe('too-deep')
    expect(failure('8180', { maxDepth: 2 })[0]).toBe('accepted')
    expect(failure(`${'81'.repeat(255)}80`)[0]).toBe('accepted')
    expect(failure(`${'81'.repeat(256)}80`)[0]).toBe('too-deep')
    expect(failure(`${'a16161'.repeat(255)}a0`)[0]).toBe('accepted')
    expect(failure(`${'a16161'.repeat(256)}a0`)[0]).toBe('too-deep')
  })

  test('what can be decoded can be encoded: 256 levels, and not one more', () => {
    const nested = (levels: number): unknown[] => {
      let value: unknown[] = []
      for (let i = 1; i < levels; i++) value = [value]
      return value
    }
    const bytes = encode(nested(256) as never)
    expect(toHex(encode(decode(bytes)))).toBe(toHex(bytes))
    expect(() => encode(nested(257) as never)).toThrow(expect.objectContaining({ code: 'too-deep' }))
    // Beside each other they are not deep.
    const wide = Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? [] : {}))
    expect(decode(encode(wide))).toEqual(wide)
  })

  test('a link, and what comes after it', () => {
    const link = `d82a582500${CID_HEX}`
    const [cid, after] = decode(fromHex(`82${link}07`)) as [CID, number]
    expect([toHex(cid.bytes), after]).toEqual([CID_HEX, 7])
    const { value, rest } = decodeFirst(fromHex(`${link}f5f4`))
    expect([toHex((value as CID).bytes), toHex(rest)]).toEqual([CID_HEX, 'f5f4'])
    const raw = CID_HEX.replace('0171', '0155')
    expect(toHex((decode(fromHex(`d82a582500${raw}`)) as CID).bytes)).toBe(raw)
  })

  test.skipIf(typeof Buffer === 'undefined')('parts of a Buffer are plain arrays, whose slice copies', () => {
    for (const bytes of [Buffer.from('43010203', 'hex'), Buffer.from('ff43010203', 'hex').subarray(1)]) {
      const part = decode(bytes) as Uint8Array
      expect(Object.getPrototypeOf(part)).toBe(Uint8Array.prototype)
      expect([...part]).toEqual([1, 2, 3])
      const copy = part.slice()
      bytes[1] = 9
      expect([part[0], copy[0]]).toEqual([9, 1])
      expect(Object.getPrototypeOf(decodeFirst(bytes).rest)).toBe(Uint8Array.prototype)
    }
  })

  test('numbers of the lenient forms', () => {
    for (const [input, value] of [
      ['1800', 0],
      ['190000', 0],
      ['1a00000000', 0],
      ['1b0000000000000001', 1],
      ['3800', -1],
      ['f97bff', 65_504],
      ['f90400', 2 ** -14],
      ['f903ff', 1023 * 2 ** -24],
      ['f98001', -(2 ** -24)],
      ['f90000', 0],
      ['fa47c35000', 100_000],
      ['fbc010666666666666', -4.1],
    ] as const) {
      expect([input, decode(fromHex(input), { lenient: true })]).toEqual([input, value])
    }
    expect(decode(fromHex('82f93c0001'), { lenient: true })).toEqual([1, 1])
    expect(decode(fromHex('82fa3fc00000f7'), { lenient: true })).toEqual([1.5, null])
  })
})

describe('texts', () => {
  test('with and without replacement characters, of lengths around the memo', () => {
    for (const length of [1, MAX_INTERNED - 1, MAX_INTERNED, MAX_INTERNED + 1, 200]) {
      for (const text of ['a'.repeat(length), `${'a'.repeat(length)}\uFFFD`, `é${'a'.repeat(length)}`]) {
        const bytes = utf8(text)
        for (let twice = 0; twice < 2; twice++) {
          expect(decode(encode(text))).toBe(text)
          expect(decode(encode({ [text]: text }))).toEqual({ [text]: text })
          expect(decodeUtf8(bytes, 0, bytes.length)).toBe(text)
        }
      }
      // Half of a surrogate pair, an overlong form, a byte too few.
      for (const wrong of ['eda080', 'c1bf', 'e282', 'f8888080']) {
        const bytes = Uint8Array.from([...utf8('a'.repeat(length)), ...fromHex(wrong)])
        expect(() => decodeUtf8(bytes, 0, bytes.length), wrong).toThrow(TypeError)
      }
    }
  })

  test('a memo gives back what stands there and nothing else', () => {
    for (const read of [decodeKey, decodeShort]) {
      const table = createTextTable()
      // One length, the same first, middle and last bytes: one slot for all of them.
      const texts = ['abcdefg', 'axcdxxg', 'abcdefg', 'aXXdXXg', 'axcdxxg']
      for (const text of texts) expect(read(table, utf8(`-${text}-`), 1, 8)).toBe(text)
      expect(table.filter((text) => text !== undefined)).toEqual(['axcdxxg'])
      // A longer text and a shorter one that begin alike, put into its slot by hand.
      const slot = table.indexOf('axcdxxg')
      for (const other of ['axcdxxgh', 'axcdxx']) {
        table[slot] = other
        expect(read(table, utf8('axcdxxg'), 0, 7)).toBe('axcdxxg')
      }
      const before = table.filter((text) => text !== undefined)
      expect(read(table, utf8('é'), 0, 2)).toBe('é')
      expect(table.filter((text) => text !== undefined)).toEqual(before)
    }
  })
})

describe('order of keys', () => {
  const shuffled = (keys: string[]): string[] =>
    keys
      .map((key, i) => ({ key, order: (i * 7919) % 101 }))
      .toSorted((a, b) => a.order - b.order)
      .map(({ key }) => key)

  test.each([0, 1, 2, 31, 32, 33, 60])('of %i ASCII keys: shorter first, then by letter', (count) => {
    const keys = Array.from(
      { length: count },
      (_, i) => 'z'.repeat(i % 4) + String.fromCharCode(97 + (i % 26)) + i,
    )
    const expected = keys.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1))
    const own = shuffled(keys)
    sortAsciiKeys(own)
    expect(own).toEqual(expected)
    expect(sortKeys(shuffled(keys))).toEqual(expected)
    expect(
      Object.keys(decode(encode(Object.fromEntries(shuffled(keys).map((key) => [key, 1])))) as object),
    ).toEqual(
      // Keys that are whole numbers would come first; none is.
      expected,
    )
  })

  test('of others: by the length and the bytes of their UTF-8', () => {
    expect(sortKeys(['é', 'zz', 'z', '\u{10000}', '\uFFFF', 'aaa', ''])).toEqual([
      '',
      'z',
      'zz',
      'é',
      'aaa',
      '\uFFFF',
      '\u{10000}',
    ])
  })
})

describe('what is written', () => {
  test.each([23, 24, 255, 256, 65_535, 65_536, 70_000])('texts, keys and bytes of %i', (length) => {
    const head = (major: number): string =>
      length < 24
        ? (major + length).toString(16)
        : length < 256
          ? `${(major + 24).toString(16)}${length.toString(16).padStart(2, '0')}`
          : length < 65_536
            ? `${(major + 25).toString(16)}${length.toString(16).padStart(4, '0')}`
            : `${(major + 26).toString(16)}${length.toString(16).padStart(8, '0')}`
    const text = 'a'.repeat(length)
    expect(toHex(encode(text))).toBe(head(0x60) + '61'.repeat(length))
    expect(toHex(encode({ [text]: 1 }))).toBe(`a1${head(0x60)}${'61'.repeat(length)}01`)
    expect(toHex(encode(new Uint8Array(length)))).toBe(head(0x40) + zeros(length))
    expect(toHex(encode(Array.from({ length }, () => 0)))).toBe(head(0x80) + zeros(length))
    // One byte more in UTF-8 than characters: the head may be longer than guessed.
    expect(toHex(encode([`${'a'.repeat(length - 1)}é`, 1]))).toBe(
      toHex(encode([`${'a'.repeat(length - 1)}é`, 1])),
    )
    expect(decode(encode([`${'a'.repeat(length - 1)}é`, 1]))).toEqual([`${'a'.repeat(length - 1)}é`, 1])
    expect(decode(encode([`é${'a'.repeat(length - 2)}`, 1]))).toEqual([`é${'a'.repeat(length - 2)}`, 1])
  })

  test('a map with many entries has a longer head', () => {
    for (const count of [23, 24, 255, 256]) {
      const map = Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]))
      expect(decode(encode(map))).toEqual(map)
      expect(encode(map)[0]).toBe(count < 24 ? 0xa0 + count : count < 256 ? 0xb8 : 0xb9)
    }
  })

  test('results of up to 4096 bytes share memory, larger ones have their own', () => {
    const own = (size: number): boolean => {
      const bytes = encode(new Uint8Array(size - 3))
      expect(bytes).toHaveLength(size)
      return bytes.buffer.byteLength === size
    }
    expect([own(4_096), own(4_097), own(20_000)]).toEqual([false, true, true])
  })

  test('a failure or a large result in between leaves what was handed out before as it was', () => {
    const results: [Uint8Array, string][] = []
    for (let i = 0; i < 600; i++) {
      const text = String(i).repeat(20)
      results.push([encode([text]), text])
      if (i % 7 === 0) expect(() => encode(['x'.repeat(50), 1.5])).toThrow(CborError)
      if (i % 11 === 0) expect(encode('y'.repeat(5_000 + i))).toHaveLength(5_003 + i)
      if (i % 13 === 0) expect(() => encode(['z'.repeat(30_000), 1.5])).toThrow(CborError)
    }
    for (const [bytes, text] of results) expect(decode(bytes)).toEqual([text])
  })

  test('texts of two to four bytes a character, at every length of a short text', () => {
    for (const unit of ['a', 'é', '€', '😀']) {
      for (let length = 0; length < 40; length++) {
        for (const text of [
          unit.repeat(length),
          `${'a'.repeat(length)}${unit}`,
          `${unit}${'a'.repeat(length)}`,
        ]) {
          expect(toHex(encode(text)).slice(-2 * utf8(text).length || undefined)).toBe(
            text === '' ? '60' : toHex(utf8(text)),
          )
          expect(decode(encode([text, 7]))).toEqual([text, 7])
        }
      }
    }
    expect(toHex(encode('\u007f\u0080'))).toBe('637fc280')
    expect(toHex(encode({ '\u007f': 1, '\u0080': 2 }))).toBe('a2617f0162c28002')
  })

  test('a class without a name, a link of another copy of its class, and a wrong version', () => {
    expect(() => encode(Object.create({ constructor: 1 }) as never)).toThrow('type=object')
    const cid = cidForCbor(Uint8Array.of(0xa0))
    expect(toHex(encode([cid, 1]))).toBe(`82d82a582500${toHex(cid.bytes)}01`)
  })
})
