// https://atproto.com/specs/repository#car-file-serialization, from blocks that came in one piece.

import { writeCar } from '@avocet/car'
import { CID_LENGTH, cidFromBytes } from '@avocet/data'
import { MAX_DEPTH, scanLinks } from '@avocet/mst'
import { RepoError } from './error.ts'
import { missingBlock, typed } from './load.ts'
import type { PackedBlocks, RepoHead } from './types.ts'

const DIGEST = 32
/** What a CAR section has before a block: at most four bytes of length, then the CID. */
const SECTION_OVERHEAD = 4 + CID_LENGTH
/** Chunks are about this large: few for a small repository, and the event loop gets its turn between those of a larger. */
const CHUNK_SIZE = 256 * 1024
/** CIDv1, dag-cbor, sha-256 of 32 bytes. */
const CID_PREFIX = Uint8Array.of(0x01, 0x71, 0x12, 0x20)

/** Finds blocks by their hash. */
interface BlockTable {
  /** The number of the block whose sha-256 stands in `bytes` at `at`, or -1. */
  find(bytes: Uint8Array, at: number): number
  /** Where block `i` begins in the packed bytes, its hash before it. */
  readonly starts: Int32Array
}

/**
 * The CAR of a repository in pre-order, made without an object per block: bytes are found and copied. The blocks are the
 * store's own, checked when they were stored, so nothing is hashed again.
 *
 * @throws {RepoError} while iterating: `missing-block`, `malformed-repo`
 */
export function* writePacked(head: RepoHead, packed: PackedBlocks): Generator<Uint8Array, void> {
  const { bytes, lengths } = packed
  const table = indexBlocks(packed)
  const { starts } = table
  const block = (source: Uint8Array, at: number, what: string): number => {
    // A link to raw bytes: the store has none of these.
    const found = source[at - 3] === 0x71 ? table.find(source, at) : -1
    if (found === -1) throw missing(source, at, what)
    return found
  }

  const header = writeCar([head.commit], [])
  // A record that stands at two paths comes twice, so the sum is only about what is written.
  let left = header.length + bytes.length + lengths.length * (SECTION_OVERHEAD - DIGEST)
  let chunk = new Uint8Array(Math.min(CHUNK_SIZE, left))
  chunk.set(header)
  let pos = header.length
  /** The bytes to send, when the next block has no room in the chunk. */
  let full: Uint8Array | null = null
  const put = (index: number): void => {
    const length = lengths[index]!
    const size = SECTION_OVERHEAD + length
    if (pos + size > chunk.length) {
      full = chunk.subarray(0, pos)
      left -= pos
      chunk = new Uint8Array(Math.max(size, Math.min(CHUNK_SIZE, left)))
      pos = 0
    }
    for (let rest = CID_LENGTH + length; ; rest >>>= 7) {
      chunk[pos++] = rest < 128 ? rest : (rest & 127) | 128
      if (rest < 128) break
    }
    chunk.set(CID_PREFIX, pos)
    pos += CID_PREFIX.length
    const start = starts[index]! - DIGEST
    chunk.set(bytes.subarray(start, start + DIGEST + length), pos)
    pos += DIGEST + length
  }

  const commit = head.commit.bytes
  put(block(commit, commit.length - DIGEST, 'commit block is missing'))
  const root = head.data.bytes
  // A stack of links still to follow, the next one last.
  const stack: number[] = []
  const depths: number[] = []
  const links: number[] = []
  let next = block(root, root.length - DIGEST, 'root of the tree is missing')
  let isNode = true
  let depth = 0
  for (;;) {
    put(next)
    if (full !== null) {
      yield full
      full = null
    }
    if (isNode) {
      if (depth++ > MAX_DEPTH) throw new RepoError('malformed-repo', 'tree is deeper than any real one')
      links.length = 0
      const start = starts[next]!
      const end = start + lengths[next]!
      typed(() => scanLinks(bytes, start, end, links))
      for (let i = links.length - 1; i >= 0; i--) {
        stack.push(links[i]!)
        depths.push(depth)
      }
    }
    const link = stack.pop()
    if (link === undefined) break
    depth = depths.pop()!
    isNode = link < 0
    next = block(bytes, Math.abs(link), 'stored block is missing')
  }
  yield chunk.subarray(0, pos)
}

/** A hash table in two arrays of numbers; the blocks' own hashes are random enough. */
function indexBlocks({ bytes, lengths }: PackedBlocks): BlockTable {
  const starts = new Int32Array(lengths.length)
  // Twice as many slots as blocks, at least; a slot is found by the upper bits of a hash.
  const shift = Math.clz32(lengths.length * 2 + 1)
  const slotCount = 2 ** (32 - shift)
  const slots = new Int32Array(slotCount)
  // Keys of this call's own: nobody can make blocks that fall into one slot.
  const [first, second] = crypto.getRandomValues(new Int32Array(2)) as unknown as [number, number]
  const slotOf = (from: Uint8Array, at: number): number =>
    (Math.imul(wordAt(from, at), first | 1) + Math.imul(wordAt(from, at + 4), second | 1)) >>> shift
  let at = 0
  for (let i = 0; i < lengths.length; i++) {
    let slot = slotOf(bytes, at)
    while (slots[slot] !== 0) slot = (slot + 1) & (slotCount - 1)
    slots[slot] = i + 1
    starts[i] = at + DIGEST
    at += DIGEST + lengths[i]!
  }
  if (at !== bytes.length) {
    throw new RepoError('malformed-repo', `packed blocks are ${bytes.length} bytes, not ${at}`)
  }
  return {
    starts,
    find: (from, position) => {
      for (let slot = slotOf(from, position); slots[slot] !== 0; slot = (slot + 1) & (slotCount - 1)) {
        const index = slots[slot]! - 1
        const start = starts[index]! - DIGEST
        let same = 0
        while (same < DIGEST && bytes[start + same] === from[position + same]) same++
        if (same === DIGEST) return index
      }
      return -1
    },
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function missing(source: Uint8Array, at: number, what: string): RepoError {
  return missingBlock(cidFromBytes(source.slice(at - CID_PREFIX.length, at + DIGEST)), what)
}
