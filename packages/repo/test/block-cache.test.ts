import { cidForCbor, type CID } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import { createBlockCache } from '../src/block-cache.ts'

const blocks = Array.from({ length: 2000 }, (_, i): [CID, Uint8Array] => {
  const bytes = new Uint8Array(300)
  new DataView(bytes.buffer).setUint32(0, i)
  return [cidForCbor(bytes), bytes]
})

it('keeps what was used last within its bytes, per repository', () => {
  const cache = createBlockCache(100_000)
  const [hot, hotBytes] = blocks[0]!
  cache.set(1, hot, hotBytes)
  let kept = 0
  for (const [cid, bytes] of blocks.slice(1)) {
    cache.set(1, cid, bytes)
    expect(cache.get(1, cid)).toBe(bytes)
    expect(cache.get(1, hot)).toBe(hotBytes)
  }
  for (const [cid, bytes] of blocks) if (cache.get(1, cid) === bytes) kept++
  expect(kept).toBeGreaterThan(60)
  expect(kept).toBeLessThan(200)
  expect(cache.get(2, hot)).toBeUndefined()
  cache.delete(1, hot)
  expect(cache.get(1, hot)).toBeUndefined()
})

it('gives no repository the blocks of another', () => {
  const cache = createBlockCache(100_000)
  const [[one, oneBytes], [two, twoBytes]] = [blocks[0]!, blocks[1]!]
  cache.set(1, one, oneBytes)
  cache.set(2, two, twoBytes)
  expect([cache.get(1, one), cache.get(2, two)]).toEqual([oneBytes, twoBytes])
  expect([cache.get(1, two), cache.get(2, one)]).toEqual([undefined, undefined])
})

it('of no bytes keeps nothing', () => {
  const cache = createBlockCache(0)
  cache.set(1, ...blocks[0]!)
  expect(cache.get(1, blocks[0]![0])).toBeUndefined()
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
