// CARs beside their peers, on a real repository and on the blocks of a captured commit. Run: node bench/car.ts
import * as atcute from '@atcute/car'
import * as atproto from '@atproto/repo'
import { readCar, unsafeReadCar, writeCar } from '@avocet/car'
import { decode, decodeFirst } from '@avocet/cbor'
import { readFixture } from '@avocet/testing'

import { nearest, readFrames } from './support/blocks.ts'
import { compare, save } from './support/compare.ts'

const repo = await readFixture('cars/greenground.repo.car')
const frames = await readFrames()
if (repo === null || frames === null) process.exit(0)
const commits = frames
  .map((frame) => decodeFirst(frame))
  .filter(({ value }) => (value as { t?: string }).t === '#commit')
  .map(({ rest }) => (decode(rest) as { blocks: Uint8Array }).blocks)
const commit = Uint8Array.from(nearest(commits, 5000))

for (const [name, car] of [
  ['a repository', Uint8Array.from(repo)],
  ['a commit of the stream', commit],
] as const) {
  const { roots, blocks } = readCar(car)
  const what = `${name} (${car.length} bytes, ${blocks.length} blocks)`
  await compare(
    `read ${what}, hashes verified`,
    { unit: 'blocks', items: blocks.length },
    {
      avocet: () => readCar(car).blocks.length,
      '@atproto/repo': () => atproto.readCar(car),
    },
  )
  await compare(
    `read ${what}, hashes not verified`,
    { unit: 'blocks', items: blocks.length },
    {
      avocet: () => unsafeReadCar(car).blocks.length,
      '@atcute/car': () => [...atcute.fromUint8Array(car)].length,
    },
  )
  const theirs = blocks.map(({ cid, bytes }) => ({ cid: cid.bytes, data: bytes }))
  const roots2 = [...atcute.fromUint8Array(car).roots]
  await compare(
    `write ${what}`,
    { unit: 'blocks', items: blocks.length },
    {
      avocet: () => writeCar(roots, blocks).length,
      '@atcute/car': async () => {
        let size = 0
        for await (const chunk of atcute.writeCarStream(roots2, theirs)) size += chunk.length
        return size
      },
    },
  )
}
save('car')
