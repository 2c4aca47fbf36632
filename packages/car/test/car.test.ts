import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from '@avocet/cbor'
import { cidForCbor, cidForRaw, parseCid } from '@avocet/data'
import { describe, expect, test } from 'vitest'
import {
  type CarBlock,
  CarError,
  type ReadCarOptions,
  readCar,
  readCarStream,
  writeCar,
  writeCarStream,
} from '../src/index.ts'
import { fixturesFolder } from './fixtures.ts'

const folder = fixturesFolder()

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

function sample(count = 5): { roots: ReturnType<typeof cidForCbor>[]; blocks: CarBlock[] } {
  const blocks = Array.from({ length: count }, (_, i) => {
    const bytes = encode({ i, text: 'x'.repeat(i * 50) })
    return { cid: cidForCbor(bytes), bytes }
  })
  return { roots: blocks.slice(0, 1).map(({ cid }) => cid), blocks }
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size)
}

async function readAll(bytes: Uint8Array, size: number, options?: ReadCarOptions) {
  const { roots, blocks } = await readCarStream(inPieces(bytes, size), options)
  return { roots, blocks: await collect(blocks) }
}

/** The code that the whole reader and the streaming reader, in several chunk sizes, agree on. */
async function codeOf(bytes: Uint8Array, options?: ReadCarOptions): Promise<string> {
  const codes: string[] = []
  const attempt = async (read: () => unknown): Promise<void> => {
    try {
      await read()
      codes.push('accepted')
    } catch (error) {
      if (!(error instanceof CarError)) throw error
      codes.push(error.code)
    }
  }
  await attempt(() => readCar(bytes, options))
  for (const size of [1, 7, 1000]) await attempt(() => readAll(bytes, size, options))
  expect(new Set(codes).size).toBe(1)
  return codes.join().split(',', 1).join()
}

describe('CAR', () => {
  test('round trip, whole and in pieces of any size', async () => {
    const { roots, blocks } = sample()
    const bytes = writeCar(roots, blocks)
    expect(readCar(bytes)).toEqual({ roots, blocks })
    for (const size of [1, 2, 36, 37, 100, 10_000]) {
      const read = await readAll(bytes, size)
      expect(read.roots.map(String)).toEqual(roots.map(String))
      expect(read.blocks.map((b) => [b.cid.toString(), Buffer.from(b.bytes).toString('hex')])).toEqual(
        blocks.map((b) => [b.cid.toString(), Buffer.from(b.bytes).toString('hex')]),
      )
    }
  })

  test('the stream writer writes the same bytes in chunks', async () => {
    const { roots, blocks } = sample(400)
    const big = new Uint8Array(200_000)
    blocks.push({ cid: cidForRaw(big), bytes: big })
    const chunks = await collect(writeCarStream(roots, blocks))
    expect(chunks.length).toBeGreaterThan(10)
    expect(Buffer.concat(chunks).equals(writeCar(roots, blocks))).toBe(true)
  })

  test('no root, no block', () => {
    expect(readCar(writeCar([], []))).toEqual({ roots: [], blocks: [] })
  })

  test('reads a ReadableStream and lets it go when the reader stops early', async () => {
    const { roots, blocks } = sample(50)
    const bytes = writeCar(roots, blocks)
    let cancelled = false
    let at = 0
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(bytes.subarray(at, (at += 100)))
      },
      cancel() {
        cancelled = true
      },
    })
    const stream = await readCarStream(source)
    for await (const block of stream.blocks) {
      expect(block.cid.toString()).toBe(String(roots.at(0)))
      break
    }
    expect(cancelled).toBe(true)
    await expect(collect(stream.blocks)).rejects.toMatchObject({ code: 'already-read' })
  })

  test('every truncation is refused', async () => {
    const { roots, blocks } = sample(3)
    const bytes = writeCar(roots, blocks)
    const whole = new Set<number>()
    let end = bytes.length
    for (const block of blocks.toReversed()) {
      whole.add(end)
      end -= 36 + block.bytes.length + (36 + block.bytes.length < 128 ? 1 : 2)
    }
    whole.add(end)
    for (let size = 0; size < bytes.length; size++) {
      const expected = whole.has(size) ? 'accepted' : 'unexpected-end'
      expect(await codeOf(bytes.subarray(0, size))).toBe(expected)
    }
  })

  test('a flipped bit in any block is found', () => {
    const { roots, blocks } = sample(2)
    const bytes = writeCar(roots, blocks)
    const header = writeCar(roots, []).length
    for (let at = header; at < bytes.length; at++) {
      const damaged = bytes.slice()
      damaged.set([bytes.at(at)! ^ 0x10], at)
      expect(() => readCar(damaged)).toThrow(CarError)
    }
  })

  test('typed refusals', async () => {
    const { roots, blocks } = sample(3)
    const good = writeCar(roots, blocks)
    const header = writeCar(roots, []).length
    const damaged = good.slice()
    damaged.set([damaged.at(-1)! ^ 1], damaged.length - 1)
    expect(await codeOf(damaged)).toBe('hash-mismatch')
    expect(await codeOf(damaged, { unsafeSkipHashes: true })).toBe('accepted')
    expect(await codeOf(new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]))).toBe(
      'invalid-varint',
    )
    expect(await codeOf(new Uint8Array([0x81, 0x00, 0xa0]))).toBe('invalid-varint')
    expect(await codeOf(new Uint8Array([0x80, 0x80, 0x04]))).toBe('header-too-large')
    expect(await codeOf(new Uint8Array([1, 0xff]))).toBe('invalid-header')
    expect(await codeOf(new Uint8Array([1, 0x01]))).toBe('invalid-header')
    const withHeader = (value: Parameters<typeof encode>[0]): Uint8Array => {
      const bytes = encode(value)
      return new Uint8Array([bytes.length, ...bytes])
    }
    expect(await codeOf(withHeader({ version: 2 }))).toBe('unsupported-version')
    expect(await codeOf(withHeader({ version: 1 }))).toBe('invalid-header')
    expect(await codeOf(withHeader({ version: 1, roots: ['x'] }))).toBe('invalid-header')
    expect(await codeOf(new Uint8Array([...good.subarray(0, header), 3, 1, 2, 3]))).toBe('invalid-cid')
    expect(await codeOf(new Uint8Array([...good.subarray(0, header), 40, ...new Uint8Array(40)]))).toBe(
      'invalid-cid',
    )
    expect(await codeOf(good, { maxBlockSize: 20 })).toBe('block-too-large')
    expect(await codeOf(good, { maxBlocks: 2 })).toBe('too-many-blocks')
    expect(await codeOf(good, { maxSize: good.length - 1 })).toBe('too-large')
    expect(await codeOf(good, { maxSize: good.length, maxBlocks: 3 })).toBe('accepted')
  })
})

describe.skipIf(folder === null)('real CARs', () => {
  test('car-file-fixtures', () => {
    type Fixture = { root: string; blocks: { cid: string; bytes: string }[]; car: string }
    const fixtures = JSON.parse(
      readFileSync(join(folder!, 'cars/car-file-fixtures.json'), 'utf8'),
    ) as Fixture[]
    expect(fixtures.length).toBeGreaterThan(0)
    for (const fixture of fixtures) {
      const car = new Uint8Array(Buffer.from(fixture.car, 'base64'))
      const { roots, blocks } = readCar(car)
      expect(roots.map(String)).toEqual([fixture.root])
      expect(
        blocks.map(({ cid, bytes }) => ({
          cid: cid.toString(),
          bytes: Buffer.from(bytes).toString('base64').replace(/=+$/, ''),
        })),
      ).toEqual(fixture.blocks)
      const input = fixture.blocks.map((b) => ({
        cid: parseCid(b.cid),
        bytes: new Uint8Array(Buffer.from(b.bytes, 'base64')),
      }))
      expect(Buffer.from(writeCar([parseCid(fixture.root)], input)).equals(car)).toBe(true)
    }
  })

  test.each([
    'cars/empty.car',
    'cars/greenground.repo.car',
    'cars/repo_slice.car',
    'cars/tiny.car',
    'relay-capture/repo.car',
  ])('%s is read whole, and written again byte for byte', async (name) => {
    const car = new Uint8Array(readFileSync(join(folder!, name)))
    const { roots, blocks } = readCar(car)
    expect(roots).toHaveLength(1)
    expect(blocks.length).toBeGreaterThan(0)
    expect(Buffer.from(writeCar(roots, blocks)).equals(car)).toBe(true)
    expect((await readAll(car, 100)).blocks).toHaveLength(blocks.length)
  })
})
