import { cidForCbor } from '@avocet/data'
import { createRandom } from '@avocet/testing'
import { expect, it } from 'vitest'
import { createRecentBlocks } from '../src/recent-blocks.ts'

it('keeps the newest blocks, whole, and forgets the oldest', () => {
  const limit = 512 * 1024
  const recent = createRecentBlocks(limit)
  const random = createRandom(3)
  const blocks = Array.from({ length: 5000 }, (_, i) => {
    const bytes = new Uint8Array(random.below(400) + 4)
    new DataView(bytes.buffer).setUint32(0, i)
    return { cid: cidForCbor(bytes), bytes }
  })
  let wrong = 0
  blocks.forEach(({ cid, bytes }, i) => {
    expect(recent.get(cid)).toBeUndefined()
    recent.add(cid, bytes)
    expect(recent.get(cid)).toEqual(bytes)
    for (const back of [1, 10, 100, 1000, 4000]) {
      const earlier = blocks[i - back]
      const got = earlier && recent.get(earlier.cid)
      if (got !== undefined && !Buffer.from(got).equals(earlier!.bytes)) wrong++
    }
  })
  expect(wrong).toBe(0)
  // Two fifths of the ring's bytes are the newest 800: all of them are there.
  const kept = blocks.map(({ cid }) => recent.get(cid) !== undefined)
  expect(kept.slice(0, 1000).includes(true)).toBe(false)
  expect(kept.slice(-800)).not.toContain(false)
  recent.add(blocks[0]!.cid, new Uint8Array(limit))
  expect(recent.get(blocks[0]!.cid)).toBeUndefined()
})

it('keeps the oldest block until its first byte is needed', () => {
  // CID and length take 40 bytes, so that 1024 blocks fill the buffer to its last byte.
  const recent = createRecentBlocks(64 * 1024)
  const blocks = Array.from({ length: 1025 }, (_, i) => {
    const bytes = new Uint8Array(24)
    new DataView(bytes.buffer).setUint32(0, i)
    return { cid: cidForCbor(bytes), bytes }
  })
  for (const { cid, bytes } of blocks.slice(0, 1024)) recent.add(cid, bytes)
  expect(recent.get(blocks[0]!.cid)).toEqual(blocks[0]!.bytes)
  const { cid, bytes } = blocks[1024]!
  recent.add(cid, bytes)
  expect(recent.get(blocks[0]!.cid)).toBeUndefined()
  expect(recent.get(blocks[1]!.cid)).toEqual(blocks[1]!.bytes)
})
