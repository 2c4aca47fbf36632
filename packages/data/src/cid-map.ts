import type { CID } from 'multiformats/cid'

/** Up to this many entries a look at each is quicker than a table. */
const FEW = 16

const EMPTY = -1
const NO_SLOTS = new Int32Array(0)

/**
 * A `Map` keyed by the value of a CID, not by the identity of its object. Iterates in the order of insertion; do not add
 * to it while iterating.
 *
 * A table of its own because a `Map` would need each CID as a string: making and hashing one takes several times as long
 * as looking at the digest, which is a hash already.
 */
export class CidMap<V> {
  /** Entries in the order of insertion; a deleted one leaves a hole. */
  #cids: Array<CID | undefined> = []
  #values: Array<V | undefined> = []
  /** The end of each CID as a number: of those that are looked at, few others are touched, which lie about in memory. */
  #ends: number[] = []
  #size = 0
  /** Open addressing: slot → index of an entry plus one, or 0. At most half full; no slots while there are few entries. */
  #slots = NO_SLOTS
  /** Secret odd multipliers: nobody can prepare digests that all meet in one slot. */
  readonly #first = randomOdd()
  readonly #second = randomOdd()
  readonly #third = randomOdd()

  constructor(entries: Iterable<readonly [CID, V]> = []) {
    for (const [cid, value] of entries) this.set(cid, value)
  }

  /** Entries. */
  get size(): number {
    return this.#size
  }

  /** The value of a CID, or undefined. */
  get(cid: CID): V | undefined {
    const index = this.#find(cid)
    return index === EMPTY ? undefined : this.#values[index]
  }

  /** Whether there is an entry for a CID. */
  has(cid: CID): boolean {
    return this.#find(cid) !== EMPTY
  }

  /** Adds an entry, or changes the value of the one there is. */
  set(cid: CID, value: V): this {
    const index = this.#find(cid)
    if (index !== EMPTY) {
      this.#values[index] = value
      return this
    }
    if (this.#cids.length >= Math.max(FEW, this.#slots.length / 2)) this.#grow()
    const added = this.#cids.length
    this.#cids.push(cid)
    this.#values.push(value)
    this.#ends.push(endOf(cid.bytes))
    this.#size++
    if (this.#slots.length > 0) this.#occupy(cid, added)
    return this
  }

  /** Removes an entry; false where there was none. */
  delete(cid: CID): boolean {
    const index = this.#find(cid)
    if (index === EMPTY) return false
    // The slot keeps pointing at the hole, so that what lies behind it is still found.
    this.#cids[index] = undefined
    this.#values[index] = undefined
    this.#ends[index] = EMPTY
    this.#size--
    return true
  }

  /** Removes all entries. */
  clear(): void {
    this.#cids = []
    this.#values = []
    this.#ends = []
    this.#slots = NO_SLOTS
    this.#size = 0
  }

  /** The CIDs, in the order of insertion. */
  *keys(): Generator<CID, void> {
    for (const cid of this.#cids) if (cid !== undefined) yield cid
  }

  /** The values, in the order of insertion. */
  *values(): Generator<V, void> {
    for (const [, value] of this.entries()) yield value
  }

  /** The entries, in the order of insertion. */
  *entries(): Generator<[CID, V], void> {
    const cids = this.#cids
    const values = this.#values
    for (let i = 0; i < cids.length; i++) {
      const cid = cids[i]
      if (cid !== undefined) yield [cid, values[i] as V]
    }
  }

  /** The entries, in the order of insertion. */
  [Symbol.iterator](): Generator<[CID, V], void> {
    return this.entries()
  }

  #find(cid: CID): number {
    const cids = this.#cids
    const slots = this.#slots
    const { bytes } = cid
    const ends = this.#ends
    const end = endOf(bytes)
    if (slots.length === 0) {
      for (let i = 0; i < ends.length; i++) if (ends[i] === end && isSame(cids[i], bytes)) return i
      return EMPTY
    }
    const mask = slots.length - 1
    for (let slot = this.#hash(bytes) & mask; ; slot = (slot + 1) & mask) {
      const index = slots[slot]! - 1
      if (index === EMPTY) return EMPTY
      if (ends[index] === end && isSame(cids[index], bytes)) return index
    }
  }

  #occupy(cid: CID, index: number): void {
    const mask = this.#slots.length - 1
    let slot = this.#hash(cid.bytes) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = index + 1
  }

  /** Makes room for twice the entries there are, without the holes. */
  #grow(): void {
    const cids = this.#cids
    const values = this.#values
    let length = 4 * FEW
    while (length < this.#size * 4) length *= 2
    this.#cids = []
    this.#values = []
    this.#ends = []
    this.#slots = new Int32Array(length)
    for (let i = 0; i < cids.length; i++) {
      const cid = cids[i]
      if (cid === undefined) continue
      this.#occupy(cid, this.#cids.length)
      this.#cids.push(cid)
      this.#values.push(values[i])
      this.#ends.push(endOf(cid.bytes))
    }
  }

  /** Multiply-shift over 12 bytes of the digest. */
  #hash(bytes: Uint8Array): number {
    const sum =
      Math.imul(word(bytes, 4), this.#first) +
      Math.imul(word(bytes, 8), this.#second) +
      Math.imul(word(bytes, 12), this.#third)
    // The high bits are the mixed ones.
    return (sum >>> 5) ^ (sum >>> 18)
  }
}

function randomOdd(): number {
  return (Math.random() * 0x1_0000_0000) | 1
}

/** The last three bytes. */
function endOf(bytes: Uint8Array): number {
  const { length } = bytes
  return bytes[length - 1]! | (bytes[length - 2]! << 8) | (bytes[length - 3]! << 16)
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function isSame(cid: CID | undefined, bytes: Uint8Array): boolean {
  if (cid === undefined) return false
  const other = cid.bytes
  if (other === bytes) return true
  if (other.length !== bytes.length) return false
  // From the end: the first four bytes are the same in all CIDs.
  for (let i = bytes.length - 1; i >= 0; i--) if (other[i] !== bytes[i]) return false
  return true
}

/** Blocks of a repository by their CID. */
export type BlockMap = CidMap<Uint8Array>
