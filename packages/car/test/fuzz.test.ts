import { encode } from '@avocet/cbor'
import { cidEquals, cidForCbor, cidForRaw } from '@avocet/data'
import {
  createRandom,
  fuzzRounds,
  mutate,
  readFixture,
  residentBytes,
  sameBytes,
  toHex,
} from '@avocet/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  CarError,
  readCar,
  readCarStream,
  unsafeReadCar,
  unsafeReadCarStream,
  writeCar,
  type CarBlock,
} from '../src/index.ts'

const random = createRandom(11)

test('any blocks in any order come back, in chunks of any size (fast-check)', async () => {
  const block = fc.uint8Array({ maxLength: 300 }).map((content) => {
    const bytes = new Uint8Array(content)
    return { cid: cidForRaw(bytes), bytes }
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(block, { maxLength: 20 }),
      fc.array(fc.nat(200), { minLength: 1 }),
      async (blocks, sizes) => {
        const roots = blocks.slice(0, 2).map(({ cid }) => cid)
        const car = writeCar(roots, blocks)
        async function* pieces(): AsyncGenerator<Uint8Array> {
          for (let at = 0, i = 0; at < car.length; i++) {
            const end = at + 1 + sizes.at(i % sizes.length)!
            yield car.subarray(at, end)
            at = end
          }
        }
        const read = await readCarStream(pieces())
        expect(read.roots.map(String)).toEqual(roots.map(String))
        let count = 0
        for await (const { cid, bytes } of read.blocks) {
          const expected = blocks.at(count++)!
          expect(cidEquals(cid, expected.cid) && sameBytes(bytes, expected.bytes)).toBe(true)
        }
        expect(count).toBe(blocks.length)
      },
    ),
    { numRuns: fuzzRounds(100, 10_000) },
  )
})

async function corpus(): Promise<Uint8Array[]> {
  const made = Array.from({ length: 30 }, (_, i) => {
    const blocks: CarBlock[] = Array.from({ length: i % 6 }, (_unused, k) => {
      const bytes = encode({ i, k, text: 'x'.repeat(k * 20) })
      return { cid: cidForCbor(bytes), bytes }
    })
    return writeCar(
      blocks.slice(0, 1).map(({ cid }) => cid),
      blocks,
    )
  })
  for (const name of ['cars/empty.car', 'cars/tiny.car', 'relay-capture/repo.car']) {
    const car = await readFixture(name)
    if (car !== null) made.push(car.subarray(0, 4000))
  }
  return made
}

/** The stream in pieces of odd sizes: its blocks, or the code it failed with. */
async function streamed(bytes: Uint8Array, options: object, isBelieved: boolean): Promise<string> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length;) {
      const size = 1 + random.below(90)
      yield bytes.subarray(at, at + size)
      at += size
    }
  }
  try {
    let count = 0
    const { blocks } = await (isBelieved ? unsafeReadCarStream : readCarStream)(pieces(), options)
    for await (const block of blocks) count += block.bytes.length
    return `ok ${count}`
  } catch (error) {
    if (error instanceof CarError) return error.code
    throw error
  }
}

test(
  'damaged CARs: blocks that are what their CIDs say, or a typed error, whole and streamed alike',
  { timeout: 600_000 },
  async () => {
    const cars = await corpus()
    const found: string[] = []
    const seen = new Map<string, number>()
    const before = residentBytes()
    for (let round = fuzzRounds(8000, 1_000_000); round > 0; round--) {
      const input = mutate(random, random.pick(cars), cars)
      const options = { maxBlockSize: 5000, maxBlocks: 50 }
      const isBelieved = round % 2 === 0
      let whole: string
      try {
        const { blocks } = (isBelieved ? unsafeReadCar : readCar)(input, options)
        whole = `ok ${blocks.reduce((sum, block) => sum + block.bytes.length, 0)}`
      } catch (error) {
        whole = error instanceof CarError ? error.code : String(error)
        if (!(error instanceof CarError)) found.push(`${whole}: ${toHex(input).slice(0, 300)}`)
      }
      seen.set(whole.split(' ', 1)[0]!, (seen.get(whole.split(' ', 1)[0]!) ?? 0) + 1)
      // Where two things are wrong the stream may meet the other one first: it has not seen the end yet.
      if (round % 20 === 0) {
        const stream = await streamed(input, options, isBelieved)
        if (
          stream.startsWith('ok') !== whole.startsWith('ok') ||
          (stream.startsWith('ok') && stream !== whole)
        ) {
          found.push(`${whole} but streamed ${stream}: ${toHex(input).slice(0, 300)}`)
        }
      }
    }
    expect(found.slice(0, 5)).toEqual([])
    expect(residentBytes() - before).toBeLessThan(300_000_000)
    for (const code of ['ok', 'hash-mismatch', 'unexpected-end', 'invalid-header', 'invalid-cid']) {
      expect(seen.get(code), code).toBeGreaterThan(0)
    }
  },
)
