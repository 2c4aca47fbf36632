// The parts of the store by themselves, at their bounds.
import { type CID, cidForCbor } from '@avocet/data'
import { openDatabase } from '@avocet/sqlite'
import { describe, expect, it } from 'vitest'
import { createBlockCache } from '../src/block-cache.ts'
import { blockIds, idAfter } from '../src/block-ids.ts'
import { createDigestRuns, type DigestPlace } from '../src/digest-runs.ts'
import { openRepoStore } from '../src/store.ts'
import { createYoungBlocks } from '../src/young-blocks.ts'

describe('ids of blocks', () => {
  it('of one repository end where those of the next begin, and all are exact', () => {
    const [one, two] = [blockIds(1), blockIds(2)]
    expect([one.end, idAfter(one.first, one), idAfter(one.end - 2, one)]).toEqual([
      two.first,
      one.first + 1,
      one.end - 1,
    ])
    expect(() => idAfter(one.end - 1, one)).toThrow(RangeError)
  })

  it('are there for four million repositories', () => {
    const last = blockIds(2 ** 22 - 1)
    expect([last.end, Number.isSafeInteger(last.end - 1)]).toEqual([2 ** 53, true])
    expect(() => blockIds(2 ** 22)).toThrow(RangeError)
  })
})

describe('blocks in memory', () => {
  const block = (i: number, length: number): [CID, Uint8Array] => {
    const bytes = new Uint8Array(length)
    new DataView(bytes.buffer).setUint32(0, i)
    return [cidForCbor(bytes), bytes]
  }

  it('are none larger than a 64th of the room', () => {
    const cache = createBlockCache(64_000)
    const [fits, large] = [block(1, 1000), block(2, 1001)]
    cache.set(1, ...fits)
    cache.set(1, ...large)
    expect([cache.get(1, fits[0]), cache.get(1, large[0])]).toEqual([fits[1], undefined])
  })

  it('that were deleted are gone, however long they were not asked for, and make room', () => {
    const cache = createBlockCache(100_000)
    const [kept, gone] = [block(1, 500), block(2, 500)]
    cache.set(1, ...gone)
    // Enough for the next generation.
    for (let i = 10; i < 80; i++) cache.set(1, ...block(i, 500))
    cache.delete(1, gone[0])
    expect(cache.get(1, gone[0])).toBeUndefined()
    cache.set(1, ...kept)
    for (let i = 0; i < 1000; i++) {
      const [cid, bytes] = block(1000 + i, 500)
      cache.set(1, cid, bytes)
      cache.delete(1, cid)
    }
    expect(cache.get(1, kept[0])).toBe(kept[1])
  })
})

describe('what is known of the newest blocks', () => {
  it('is read once, and again when a transaction was rolled back', () => {
    using db = openDatabase({ path: ':memory:' })
    openRepoStore(db)
    const young = createYoungBlocks(db)
    expect(young.known(1)).toBeUndefined()
    const read = young.of(1)
    expect([young.known(1), young.of(1), young.known(2)]).toEqual([read, read, undefined])
    expect(young.of(1)).toBe(read)
    const rollBack = (): void => {
      throw new Error('rolled back')
    }
    expect(() => db.transaction(rollBack)).toThrow('rolled back')
    expect(young.known(1)).toBeUndefined()
  })
})

describe('runs of digests', () => {
  /** A block whose digest begins with one byte, and has a number in it. */
  const cidOf = (first: number, n: number): CID => {
    const bytes = new Uint8Array(36)
    bytes[4] = first
    new DataView(bytes.buffer).setUint32(5, n)
    return { bytes } as CID
  }
  const all = (runs: ReturnType<typeof createDigestRuns>): DigestPlace[] => [...runs.take()].flat()

  it('give back every place, in the order of digests', () => {
    const runs = createDigestRuns()
    const expected: number[] = []
    for (let i = 0; i < 1000; i++) {
      runs.add(cidOf(i % 3, 1000 - i), 2 ** 52 + i)
      expected.push(2 ** 52 + i)
    }
    const places = all(runs)
    expect(places.map(([, id]) => id).toSorted((a, b) => a - b)).toEqual(expected)
    const digests = places.map(([digest]) => Buffer.from(digest))
    expect(digests).toEqual(digests.toSorted((a, b) => Buffer.compare(a, b)))
    expect(all(runs)).toEqual([])
  })

  it('are full with 4096 that begin alike, and empty when they were taken', () => {
    const runs = createDigestRuns()
    for (let i = 0; i < 4095; i++) runs.add(cidOf(7, i), i)
    runs.add(cidOf(8, 0), 0)
    expect(runs.isFull()).toBe(false)
    runs.add(cidOf(7, 4095), 4095)
    expect(runs.isFull()).toBe(true)
    expect(all(runs)).toHaveLength(4097)
    runs.add(cidOf(7, 0), 0)
    expect([runs.isFull(), all(runs).length]).toEqual([false, 1])
  })

  it('are full with 262 144 in all, again and again', () => {
    const runs = createDigestRuns()
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 256 * 1024 - 1; i++) runs.add(cidOf(i & 255, i), i)
      expect(runs.isFull()).toBe(false)
      runs.add(cidOf(0, 1), 1)
      expect(runs.isFull()).toBe(true)
      for (const run of runs.take()) expect(run.length).toBeGreaterThan(0)
    }
  })
})
