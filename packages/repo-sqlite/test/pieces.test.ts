// The parts of the store by themselves, at their bounds.
import { type CID } from '@avocet/data'
import { openDatabase } from '@avocet/sqlite'
import { describe, expect, it } from 'vitest'
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
