// Writing CAR v1. https://ipld.io/specs/transport/car/carv1/

import { encode } from '@avocet/cbor'
import type { CID } from '@avocet/data'
import type { CarBlock } from './parse.ts'

/** Chunks of a written stream are joined up to about this many bytes, so that a socket is not fed block by block. */
const CHUNK_SIZE = 64 * 1024

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

function putVarint(target: Uint8Array, at: number, value: number): number {
  let pos = at
  let rest = value
  while (rest >= 128) {
    target[pos++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  target[pos++] = rest
  return pos
}

function sectionSize(block: CarBlock): number {
  const length = block.cid.bytes.length + block.bytes.length
  return varintSize(length) + length
}

function putSection(target: Uint8Array, at: number, block: CarBlock): number {
  const cid = block.cid.bytes
  let pos = putVarint(target, at, cid.length + block.bytes.length)
  target.set(cid, pos)
  pos += cid.length
  target.set(block.bytes, pos)
  return pos + block.bytes.length
}

function writeHeader(roots: readonly CID[]): Uint8Array {
  const header = encode({ roots: [...roots], version: 1 })
  const bytes = new Uint8Array(varintSize(header.length) + header.length)
  bytes.set(header, putVarint(bytes, 0, header.length))
  return bytes
}

/** Writes a whole CAR: the header with `roots`, then `blocks` in their order. */
export function writeCar(roots: readonly CID[], blocks: Iterable<CarBlock>): Uint8Array {
  const header = writeHeader(roots)
  const list = Array.isArray(blocks) ? (blocks as readonly CarBlock[]) : [...blocks]
  let size = header.length
  for (const block of list) size += sectionSize(block)
  const bytes = new Uint8Array(size)
  bytes.set(header)
  let pos = header.length
  for (const block of list) pos = putSection(bytes, pos, block)
  return bytes
}

/** Writes a CAR as chunks of about 64 kB, so that memory does not grow with the number of blocks. */
export async function* writeCarStream(
  roots: readonly CID[],
  blocks: AsyncIterable<CarBlock> | Iterable<CarBlock>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let chunk: Uint8Array = new Uint8Array(CHUNK_SIZE)
  const header = writeHeader(roots)
  chunk.set(header)
  let pos = header.length
  for await (const block of blocks) {
    const size = sectionSize(block)
    if (pos + size > chunk.length) {
      if (pos > 0) yield chunk.subarray(0, pos)
      // A new chunk each time: whoever received the last one may still hold it.
      chunk = new Uint8Array(Math.max(CHUNK_SIZE, size))
      pos = 0
    }
    pos = putSection(chunk, pos, block)
  }
  if (pos > 0) yield chunk.subarray(0, pos)
}
