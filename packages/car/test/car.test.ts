import { encode } from '@avocet/cbor'
import { cidForCbor, cidForRaw, parseCid } from '@avocet/data'
import {
  fromBase64,
  fromHex,
  readFixture,
  readFixtureText,
  sameBytes,
  toBase64,
  toHex,
} from '@avocet/testing'
import { describe, expect, test } from 'vitest'
import {
  type CarBlock,
  CarError,
  type ReadCarOptions,
  readCar,
  readCarStream,
  unsafeReadCar,
  unsafeReadCarStream,
  writeCar,
  writeCarStream,
} from '../src/index.ts'

const vectors = JSON.parse((await readFixtureText('cars/car-file-fixtures.json')) ?? '[]') as Array<{
  root: string
  blocks: Array<{ cid: string; bytes: string }>
  car: string
}>

const joined = (chunks: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

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
      expect(read.blocks.map((b) => [b.cid.toString(), toHex(b.bytes)])).toEqual(
        blocks.map((b) => [b.cid.toString(), toHex(b.bytes)]),
      )
    }
  })

  test('the stream writer writes the same bytes in chunks', async () => {
    const { roots, blocks } = sample(400)
    const big = new Uint8Array(200_000)
    blocks.push({ cid: cidForRaw(big), bytes: big })
    const chunks = await collect(writeCarStream(roots, blocks))
    expect(chunks.length).toBeGreaterThan(10)
    expect(sameBytes(joined(chunks), writeCar(roots, blocks))).toBe(true)
  })

  test('a known archive', () => {
    // The header, then the empty map under its CID: 0x3a and 0x25 are the lengths.
    const cid = '01711220c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0'
    const car = `3aa265726f6f747381d82a582500${cid}6776657273696f6e0125${cid}a0`
    const bytes = encode({})
    const block = { cid: cidForCbor(bytes), bytes }
    expect(toHex(writeCar([block.cid], [block]))).toBe(car)
    expect(readCar(fromHex(car))).toEqual({ roots: [block.cid], blocks: [block] })
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
    expect(unsafeReadCar(damaged).blocks).toHaveLength(3)
    const believed = await unsafeReadCarStream(inPieces(damaged, 7))
    expect(await collect(believed.blocks)).toEqual(unsafeReadCar(damaged).blocks)
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

describe('spans, repeats and kinds of bytes', () => {
  test('a block longer than every chunk, and chunks that are empty', async () => {
    const bytes = new Uint8Array(300_000).fill(7)
    const blocks = [{ cid: cidForRaw(bytes), bytes }]
    async function* pieces(): AsyncGenerator<Uint8Array> {
      const car = writeCar([], blocks)
      for (let at = 0; at < car.length; at += 1000) {
        yield new Uint8Array()
        yield car.subarray(at, at + 1000)
      }
    }
    const read = await readCarStream(pieces())
    const [block] = await collect(read.blocks)
    expect(sameBytes(block!.bytes, bytes)).toBe(true)
    expect(block!.bytes.buffer.byteLength).toBeLessThan(301_000)
  })

  test('repeated blocks come out as often as they are there, in order', () => {
    const { roots, blocks } = sample(2)
    const twice = [...blocks, ...blocks]
    expect(readCar(writeCar(roots, twice)).blocks).toEqual(twice)
  })

  test('roots need not be among the blocks, and may be several or none', () => {
    const roots = [cidForRaw(new Uint8Array([1])), cidForCbor(new Uint8Array([0xa0]))]
    expect(readCar(writeCar(roots, [])).roots.map(String)).toEqual(roots.map(String))
    expect(readCar(writeCar([], [])).roots).toEqual([])
  })

  test.skipIf(typeof Buffer === 'undefined')('blocks out of a Buffer are not Buffers', async () => {
    const { roots, blocks } = sample(2)
    const car = Buffer.from(writeCar(roots, blocks))
    expect(readCar(car).blocks[0]!.bytes.constructor).toBe(Uint8Array)
    const read = await readCarStream(inPieces(car, 50))
    for (const block of await collect(read.blocks)) expect(block.bytes.constructor).toBe(Uint8Array)
  })

  test('the source is read no further than is asked for', async () => {
    const { roots, blocks } = sample(100)
    const car = writeCar(roots, blocks)
    let given = 0
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < car.length; at += 500) {
        given += 500
        yield car.subarray(at, at + 500)
      }
    }
    const read = await readCarStream(pieces())
    let taken = 0
    for await (const block of read.blocks) {
      taken += block.bytes.length + 40
      expect(given).toBeLessThan(taken + 2000)
    }
  })

  test('batches are what has arrived, within bounds, and end before a fault', async () => {
    const blocks = Array.from({ length: 1000 }, (_, i) => {
      const bytes = encode({ i })
      return { cid: cidForCbor(bytes), bytes }
    })
    const car = writeCar([], blocks)
    async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    }
    const sizes = async (read: Awaited<ReturnType<typeof readCarStream>>): Promise<number[]> => {
      const found: CarBlock[] = []
      const lengths: number[] = []
      for await (const batch of read.batches) {
        lengths.push(batch.length)
        found.push(...batch)
      }
      expect(found).toEqual(blocks)
      return lengths
    }
    expect(await sizes(await readCarStream(cut(car, car.length)))).toEqual([512, 488])
    const pieces = await sizes(await readCarStream(cut(car, Math.ceil(car.length / 4))))
    expect(pieces.length).toBeGreaterThanOrEqual(4)
    expect(Math.max(...pieces)).toBeLessThan(300)
    expect(await sizes(await readCarStream(cut(car, 1)))).toEqual(blocks.map(() => 1))

    const large = Array.from({ length: 4 }, (_, i) => {
      const bytes = encode({ i, text: 'x'.repeat(300_000) })
      return { cid: cidForCbor(bytes), bytes }
    })
    const lengths: number[] = []
    const whole = writeCar([], large)
    for await (const batch of (await readCarStream(cut(whole, whole.length))).batches) {
      lengths.push(batch.length)
    }
    expect(lengths).toEqual([2, 2])

    const broken = car.slice()
    broken[broken.length - 1]! ^= 1
    const read = await readCarStream(cut(broken, broken.length))
    let good = 0
    const failure = (async () => {
      for await (const batch of read.batches) good += batch.length
    })()
    await expect(failure).rejects.toMatchObject({ code: 'hash-mismatch' })
    expect(good).toBe(999)
    // Iterated once, this way or that.
    expect(() => read.blocks[Symbol.asyncIterator]()).toThrow('blocks can be iterated once')
  })

  test.skipIf(typeof process === 'undefined')(
    'a long stream needs no more memory than a short one',
    { timeout: 60_000 },
    async () => {
      // One block over and over: making and hashing 200 000 others is not what is measured.
      const bytes = encode({ text: 'x'.repeat(1000) })
      const block = { cid: cidForCbor(bytes), bytes }
      const total = 200_000
      function* many(): Generator<CarBlock> {
        for (let i = 0; i < total; i++) yield block
      }
      const read = await unsafeReadCarStream(writeCarStream([block.cid], many()))
      let count = 0
      let size = 0
      let peak = 0
      const before = process.memoryUsage().rss
      for await (const { bytes: part } of read.blocks) {
        size += part.length
        if (++count % 10_000 === 0) peak = Math.max(peak, process.memoryUsage().rss - before)
      }
      expect(count).toBe(total)
      expect(size).toBeGreaterThan(200_000_000)
      expect(peak).toBeLessThan(150_000_000)
    },
  )

  test('the writer asks for blocks no faster than its chunks are taken', async () => {
    let made = 0
    function* endless(): Generator<CarBlock> {
      for (;;) {
        const bytes = encode({ made: made++, text: 'x'.repeat(1000) })
        yield { cid: cidForCbor(bytes), bytes }
      }
    }
    let chunks = 0
    for await (const chunk of writeCarStream([], endless())) {
      expect(chunk.length).toBeLessThanOrEqual(64 * 1024)
      expect(made).toBeLessThan((chunks + 1) * 70)
      if (++chunks === 20) break
    }
  })

  test('a source that fails is passed on, and one that is refused is closed', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield writeCar([], []).subarray(0, 5)
      throw new Error('connection lost')
    }
    await expect(readCarStream(broken())).rejects.toThrow('connection lost')
    let closed = false
    async function* refused(): AsyncGenerator<Uint8Array> {
      try {
        yield new Uint8Array(100)
      } finally {
        closed = true
      }
    }
    await expect(readCarStream(refused())).rejects.toMatchObject({ name: 'CarError' })
    expect(closed).toBe(true)
  })
})

describe.skipIf(vectors.length === 0)('car-file vectors', () => {
  test.each(vectors)('$root', ({ root, blocks: expected, car: text }) => {
    const car = fromBase64(text)
    const { roots, blocks } = readCar(car)
    expect(roots.map(String)).toEqual([root])
    expect(
      blocks.map(({ cid, bytes }) => ({ cid: cid.toString(), bytes: toBase64(bytes).replace(/=+$/, '') })),
    ).toEqual(expected)
    const input = expected.map(({ cid, bytes }) => ({ cid: parseCid(cid), bytes: fromBase64(bytes) }))
    expect(sameBytes(writeCar([parseCid(root)], input), car)).toBe(true)
  })
})

const CARS = [
  'cars/empty.car',
  'cars/greenground.repo.car',
  'cars/repo_slice.car',
  'cars/tiny.car',
  'relay-capture/repo.car',
]
const cars = new Map<string, Uint8Array>()
for (const name of CARS) {
  const car = await readFixture(name)
  if (car !== null) cars.set(name, car)
}

describe.skipIf(cars.size === 0)('real CARs', () => {
  test.each([...cars])('%s is read whole, and written again byte for byte', async (_name, car) => {
    const { roots, blocks } = readCar(car)
    expect(roots).toHaveLength(1)
    expect(blocks.length).toBeGreaterThan(0)
    expect(sameBytes(writeCar(roots, blocks), car)).toBe(true)
    expect((await readAll(car, 100)).blocks).toHaveLength(blocks.length)
  })
})
