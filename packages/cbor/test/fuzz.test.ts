import {
  createRandom,
  fuzzRounds,
  mutate,
  readFixture,
  residentBytes,
  sameBytes,
  toHex,
} from '@avocet/testing'
import { expect, test } from 'vitest'
import { CborError, decode, decodeFirst, encode } from '../src/index.ts'
import { randomValue } from './values.ts'

const random = createRandom(7)

/** The captured frames, each after its length; pages are given them unpacked. */
async function readFrames(): Promise<Uint8Array | null> {
  if (typeof process !== 'object') return readFixture('relay-capture/frames.bin')
  const packed = await readFixture('relay-capture/frames.bin.zst')
  const { zstdDecompressSync } = await import('node:zlib')
  return packed === null ? null : new Uint8Array(zstdDecompressSync(packed))
}

/** Encodings to damage: real frames and generated values. */
async function corpus(): Promise<Uint8Array[]> {
  const made = Array.from({ length: 200 }, () => encode(randomValue(random)))
  const all = await readFrames()
  if (all === null) return made
  const view = new DataView(all.buffer, all.byteOffset)
  for (let at = 0; at < all.length && made.length < 400;) {
    const length = view.getUint32(at, true)
    // Long frames are cut: the start holds what is decoded, and a copy of 2 MB for each fault would measure copying.
    made.push(all.subarray(at + 4, at + 4 + Math.min(length, 4000)))
    at += 4 + length
  }
  return made
}

test('damaged input: a value whose encoding it is, or a typed error', { timeout: 600_000 }, async () => {
  const inputs = await corpus()
  const found: string[] = []
  let accepted = 0
  const before = residentBytes()
  for (let round = fuzzRounds(20_000, 1_000_000); round > 0; round--) {
    const input =
      round % 10 === 0 ? random.bytes(random.below(60)) : mutate(random, random.pick(inputs), inputs)
    const lenient = round % 5 === 0
    try {
      const { value, rest } = decodeFirst(input, { lenient })
      accepted++
      if (lenient) continue
      if (!sameBytes(encode(value), input.subarray(0, input.length - rest.length)))
        found.push(toHex(input).slice(0, 300))
    } catch (error) {
      if (!(error instanceof CborError)) found.push(`${String(error)}: ${toHex(input).slice(0, 300)}`)
    }
  }
  expect(found.slice(0, 10)).toEqual([])
  expect(residentBytes() - before).toBeLessThan(300_000_000)
  expect(accepted).toBeGreaterThan(100)
})

test('a lying length costs nothing', () => {
  // Every head that announces 2^53 - 1 or 2^32 - 1 items, entries or bytes.
  for (const major of [2, 3, 4, 5]) {
    for (const tail of ['1b001fffffffffffff', '1affffffff', '1a7fffffff']) {
      const head = Number.parseInt(tail.slice(0, 2), 16) | (major << 5)
      const bytes = new Uint8Array([
        head,
        ...Uint8Array.from(tail.slice(2).match(/../g)!, (x) => Number.parseInt(x, 16)),
        0,
        0,
      ])
      const start = performance.now()
      for (let i = 0; i < 1000; i++) expect(() => decode(bytes)).toThrow(CborError)
      expect(performance.now() - start).toBeLessThan(10_000)
    }
  }
})

test('work grows with the input, whatever its shape', { timeout: 60_000 }, () => {
  const size = 200_000
  const shapes: Record<string, Uint8Array> = {
    'empty arrays': new Uint8Array([0x9a, 0, 3, 0x0d, 0x40, ...new Uint8Array(size).fill(0x80)]),
    'one-letter texts': new Uint8Array([
      0x9a,
      0,
      1,
      0x86,
      0xa0,
      ...Array.from({ length: size }, (_, i) => (i % 2 === 0 ? 0x61 : 0x61 + (i % 20))),
    ]),
    'sorted keys': encode(Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`k${i}`, null]))),
    'keys beyond ASCII': encode(
      Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`é${i}`, null])),
    ),
  }
  for (const [name, bytes] of Object.entries(shapes)) {
    const start = performance.now()
    expect(encode(decode(bytes)).length, name).toBe(bytes.length)
    expect(performance.now() - start, name).toBeLessThan(15_000)
  }
})
