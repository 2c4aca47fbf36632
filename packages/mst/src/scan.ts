// https://atproto.com/specs/repository#mst-structure (node data schema), as far as a walk over trusted bytes needs it.

import { CID_LENGTH } from '@avocet/data'
import { MstError } from './error.ts'

/** Bytes of a CID before its sha-256. */
const CID_PREFIX = CID_LENGTH - 32

/**
 * Finds the links of an encoded node without making anything of them, for walks over blocks that were checked when they
 * were stored: a tenth of the time of `decodeNode`, which checks keys, their order and their layer.
 *
 * @param bytes holds the node between `start` and `end`.
 * @param found gets, in the order of a walk (the first subtree, then each record and the subtree after it), for each link
 *   the position of its sha-256 in `bytes`; that of a subtree negated.
 * @throws {MstError} `malformed-node` where the bytes have not the form of a node.
 */
export function scanLinks(bytes: Uint8Array, start: number, end: number, found: number[]): void {
  const first = found.length
  // The link to the first subtree stands last.
  found.push(0)
  if (bytes[start] !== 0xa2 || bytes[start + 2] !== 0x65) malformed(start)
  let at = start + 3
  let count = argument(bytes, at, 0x80)
  at += headSize(count)
  for (; count > 0 && at < end; count--) {
    // { k: bytes, p: number, t: link or null, v: link }
    if (bytes[at] !== 0xa4) malformed(at)
    const length = argument(bytes, at + 3, 0x40)
    at += 3 + headSize(length) + length + 2
    at += headSize(argument(bytes, at, 0x00)) + 2
    const subtree = bytes[at] === 0xf6 ? 0 : link(bytes, at)
    at += (subtree === 0 ? 1 : LINK_SIZE) + 2
    found.push(link(bytes, at))
    at += LINK_SIZE
    if (subtree !== 0) found.push(-subtree)
  }
  at += 2
  if (bytes[at] === 0xf6) {
    found.splice(first, 1)
    at++
  } else {
    found[first] = -link(bytes, at)
    at += LINK_SIZE
  }
  if (count !== 0 || at !== end) malformed(at)
}

/** Tag 42, the head of a byte string, a zero, the CID. */
const LINK_SIZE = 5 + CID_LENGTH

function link(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0xd8 || bytes[at + 1] !== 0x2a || bytes[at + 3] !== CID_LENGTH + 1) malformed(at)
  return at + 5 + CID_PREFIX
}

function argument(bytes: Uint8Array, at: number, major: number): number {
  const first = bytes[at]! ^ major
  if (first < 24) return first
  if (first === 24) return bytes[at + 1]!
  if (first === 25) return (bytes[at + 1]! << 8) | bytes[at + 2]!
  return malformed(at)
}

/** Bytes of a CBOR head in its shortest form. */
function headSize(value: number): number {
  return value < 24 ? 1 : value < 256 ? 2 : 3
}

function malformed(at: number): never {
  throw new MstError('malformed-node', `malformed tree node: unexpected item; offset=${at}`)
}
