import { type CID, CID_LENGTH } from '@avocet/data'

/**
 * The blocks used last, up to a number of bytes: a record that stands at several paths may come only once in a CAR.
 * Copies go round in one buffer with a table of positions beside it, since an object for each of a million records would
 * cost more than everything else.
 */
export interface RecentBlocks {
  add(cid: CID, bytes: Uint8Array): void
  /** A copy, or undefined when the block was never added or is forgotten. */
  get(cid: CID): Uint8Array | undefined
  has(cid: CID): boolean
}

const FIRST_SIZE = 64 * 1024
/** CID and length before each block. */
const HEAD = CID_LENGTH + 4
/** Bytes of ring per slot of the table. */
const SLOT = 16
/** Slots looked at. */
const PROBES = 24

/** @param limit bytes kept; blocks of more than a 64th of it are not. */
export function createRecentBlocks(limit: number): RecentBlocks {
  let ring = new Uint8Array(Math.min(FIRST_SIZE, limit))
  /**
   * Digest → where its block begins, counted from the first byte ever written, plus one; 0 is free. A table of a slot per
   * 16 bytes is at most a third full, so a free or outdated slot is always near.
   */
  let positions = new Float64Array(ring.length / SLOT)
  /** Bytes ever written, gaps at the end of the ring included. */
  let written = 0

  /** First slot for the CID that ends at `end` of some bytes. */
  const slotOf = (bytes: Uint8Array, end: number): number =>
    ((bytes[end - 1]! << 16) | (bytes[end - 2]! << 8) | bytes[end - 3]!) % positions.length
  const isOutdated = (position: number): boolean => position - 1 < written - ring.length
  const put = (first: number, position: number): void => {
    for (let probe = 0; probe < PROBES; probe++) {
      const slot = (first + probe) % positions.length
      if (positions[slot] !== 0 && !isOutdated(positions[slot]!)) continue
      positions[slot] = position
      return
    }
    positions[first] = position
  }
  const grow = (): void => {
    const larger = new Uint8Array(Math.min(ring.length * 4, limit))
    larger.set(ring)
    ring = larger
    const before = positions
    positions = new Float64Array(ring.length / SLOT)
    for (const position of before) if (position > 0) put(slotOf(ring, position - 1 + CID_LENGTH), position)
  }
  const isAt = (at: number, cid: Uint8Array): boolean => {
    for (let i = CID_LENGTH - 1; i >= 0; i--) if (ring[at + i] !== cid[i]) return false
    return true
  }

  /** Where a block begins in the ring, or -1. */
  const find = (cid: CID): number => {
    const { bytes } = cid
    const first = slotOf(bytes, CID_LENGTH)
    for (let probe = 0; probe < PROBES; probe++) {
      const position = positions[(first + probe) % positions.length]!
      if (position === 0) return -1
      if (isOutdated(position)) continue
      const at = (position - 1) % ring.length
      if (isAt(at, bytes)) return at
    }
    return -1
  }

  return {
    add(cid, bytes) {
      const size = HEAD + bytes.length
      if (size > limit / 64) return
      // Before the ring goes round for the first time it grows, so positions are offsets then.
      while (written + size > ring.length && ring.length < limit) grow()
      const left = ring.length - (written % ring.length)
      if (left < size) written += left
      const at = written % ring.length
      ring.set(cid.bytes, at)
      const { length } = bytes
      ring[at + CID_LENGTH] = length >> 24
      ring[at + CID_LENGTH + 1] = length >> 16
      ring[at + CID_LENGTH + 2] = length >> 8
      ring[at + CID_LENGTH + 3] = length
      ring.set(bytes, at + HEAD)
      put(slotOf(cid.bytes, CID_LENGTH), written + 1)
      written += size
    },
    get(cid) {
      const at = find(cid)
      if (at < 0) return undefined
      const from = at + CID_LENGTH
      const length = (ring[from]! << 24) | (ring[from + 1]! << 16) | (ring[from + 2]! << 8) | ring[from + 3]!
      return ring.slice(at + HEAD, at + HEAD + length)
    },
    has: (cid) => find(cid) >= 0,
  }
}
