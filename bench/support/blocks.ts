// Real blocks for the benches of the codecs: what the commits of the captured stream carry.
import { zstdDecompressSync } from 'node:zlib'

import { readCar } from '@avocet/car'
import { decode, decodeFirst } from '@avocet/cbor'
import { readFixture } from '@avocet/testing'

/** The encoded blocks of the captured commits, by kind. */
export interface Blocks {
  records: Uint8Array[]
  nodes: Uint8Array[]
  commits: Uint8Array[]
}

/** The frames of the capture, as they came over the socket; null (with a printed reason) where it is absent. */
export async function readFrames(): Promise<Uint8Array[] | null> {
  const packed = await readFixture('relay-capture/frames.bin.zst')
  if (packed === null) return null
  const all = new Uint8Array(zstdDecompressSync(packed))
  const view = new DataView(all.buffer, all.byteOffset, all.byteLength)
  const frames: Uint8Array[] = []
  for (let at = 0; at < all.length;) {
    const length = view.getUint32(at, true)
    frames.push(all.slice(at + 4, at + 4 + length))
    at += 4 + length
  }
  return frames
}

/** Every block of every commit of the frames. */
export function blocksOf(frames: readonly Uint8Array[]): Blocks {
  const blocks: Blocks = { records: [], nodes: [], commits: [] }
  for (const frame of frames) {
    const header = decodeFirst(frame)
    if ((header.value as { t?: string }).t !== '#commit') continue
    const body = decode(header.rest) as { blocks: Uint8Array }
    for (const { bytes } of readCar(body.blocks).blocks) {
      const value = decode(bytes) as Record<string, unknown>
      const kind = '$type' in value ? 'records' : 'e' in value ? 'nodes' : 'commits'
      blocks[kind].push(Uint8Array.from(bytes))
    }
  }
  return blocks
}

/** The block whose size is nearest to a number of bytes. */
export function nearest(blocks: readonly Uint8Array[], size: number): Uint8Array {
  return blocks.reduce((best, block) =>
    Math.abs(block.length - size) < Math.abs(best.length - size) ? block : best,
  )
}
