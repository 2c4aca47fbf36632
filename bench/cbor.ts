// cbor beside its peers, on real blocks. Run: node bench/cbor.ts
import * as atcute from '@atcute/cbor'
import { decode, encode } from '@avocet/cbor'
import * as dagCbor from '@ipld/dag-cbor'

import { blocksOf, nearest, readFrames } from './support/blocks.ts'
import { compare, save } from './support/compare.ts'

const frames = await readFrames()
if (frames === null) process.exit(0)
const { records, nodes } = blocksOf(frames)
const posts = records.filter((bytes) => (decode(bytes) as { $type?: string }).$type === 'app.bsky.feed.post')
const post = nearest(posts, 769)
const node = nearest(nodes, 563)

for (const [name, bytes] of [
  [`post of ${post.length} bytes`, post],
  [`tree node of ${node.length} bytes`, node],
] as const) {
  await compare(
    `decode a ${name}`,
    { unit: 'blocks', target: 1.2 },
    {
      avocet: () => decode(bytes),
      '@atcute/cbor': () => atcute.decode(bytes) as unknown,
      '@ipld/dag-cbor': () => dagCbor.decode(bytes),
    },
  )
  const ours = decode(bytes)
  const theirs = atcute.decode(bytes) as unknown
  const oracle: unknown = dagCbor.decode(bytes)
  await compare(
    `encode that ${name}`,
    { unit: 'blocks', target: 1.2 },
    {
      avocet: () => encode(ours),
      '@atcute/cbor': () => atcute.encode(theirs),
      '@ipld/dag-cbor': () => dagCbor.encode(oracle),
    },
  )
}

for (const [name, blocks] of [
  ['record', records],
  ['tree node', nodes],
] as const) {
  const bytesEach = Math.round(blocks.reduce((sum, block) => sum + block.length, 0) / blocks.length)
  await compare(
    `decode every ${name} of the capture (${blocks.length}, ${bytesEach} bytes on average)`,
    { unit: 'blocks', items: blocks.length, target: 1.2 },
    {
      avocet: () => blocks.map((bytes) => decode(bytes)).length,
      '@atcute/cbor': () => blocks.map((bytes) => atcute.decode(bytes) as unknown).length,
      '@ipld/dag-cbor': () => blocks.map((bytes) => dagCbor.decode(bytes) as unknown).length,
    },
  )
  const ours = blocks.map((bytes) => decode(bytes))
  const theirs = blocks.map((bytes) => atcute.decode(bytes) as unknown)
  await compare(
    `encode every ${name} of the capture`,
    { unit: 'blocks', items: blocks.length, target: 1.2 },
    {
      avocet: () => ours.map((value) => encode(value)).length,
      '@atcute/cbor': () => theirs.map((value) => atcute.encode(value)).length,
    },
  )
}
save('cbor')
