import { type CID, CID_LENGTH } from '@avocet/data'

/**
 * Which blocks were handed out before: 52 bits of each digest, eight to sixteen bytes a block. Told apart wrongly are two of a
 * million in 2 billion tries, and then a block is asked for that would have come.
 */
export interface SeenBlocks {
  add(cid: CID): void
  has(cid: CID): boolean
}

/** An empty set. */
export function createSeenBlocks(): SeenBlocks {
  // Open addressing; 0 is free.
  let slots = new Float64Array(1024)
  let size = 0

  const keyOf = ({ bytes }: CID): number => {
    let high = bytes[CID_LENGTH - 4]! & 0x0f
    for (let i = CID_LENGTH - 3; i < CID_LENGTH; i++) high = high * 256 + bytes[i]!
    let low = 0
    for (let i = CID_LENGTH - 7; i < CID_LENGTH - 4; i++) low = low * 256 + bytes[i]!
    return high * 2 ** 24 + low + 1
  }
  const slotOf = (key: number): number => {
    let slot = key % slots.length
    while (slots[slot] !== 0 && slots[slot] !== key) slot = (slot + 1) % slots.length
    return slot
  }

  return {
    add(cid) {
      const key = keyOf(cid)
      const slot = slotOf(key)
      if (slots[slot] === key) return
      slots[slot] = key
      if (++size * 2 < slots.length) return
      const before = slots
      slots = new Float64Array(before.length * 2)
      for (const known of before) if (known !== 0) slots[slotOf(known)] = known
    },
    has(cid) {
      const key = keyOf(cid)
      return slots[slotOf(key)] === key
    },
  }
}
