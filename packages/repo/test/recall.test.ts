// CARs that carry each block once, whatever the distance between the paths that have it.

import { writeCar } from '@avocet/car'
import { encode } from '@avocet/cbor'
import { createKeypair } from '@avocet/crypto'
import { type CID, cidForCbor, cidKey } from '@avocet/data'
import { buildTree } from '@avocet/mst'
import { createTidClock, type Did } from '@avocet/syntax'
import { expect, it } from 'vitest'
import { signCommit } from '../src/commit.ts'
import { readRepo, type ReadRepoBounds } from '../src/read.ts'
import { createSeenBlocks } from '../src/seen-blocks.ts'

const did: Did = 'did:plc:abcdefghijklmnopqrstuvwx'
const signer = createKeypair()
const block = (value: object): { cid: CID; bytes: Uint8Array } => {
  const bytes = encode(value as never).slice()
  return { cid: cidForCbor(bytes), bytes }
}
// Larger than what is kept of records that were used.
const large = block({ text: 'x'.repeat(200_000) })
const small = [block({ n: 1 }), block({ n: 2 })]
const records = [
  ['com.example.note/a', large],
  ['com.example.note/b', small[0]!],
  ['com.example.note/c', large],
  ['com.example.note/d', small[1]!],
] as const

async function archive(order: readonly { cid: CID; bytes: Uint8Array }[]): Promise<Uint8Array> {
  const tree = buildTree(records.map(([path, { cid }]) => [path, cid] as const))
  const rev = createTidClock().nextAfter(null)
  const { commit, commitBytes } = await signCommit({ did, data: tree.root, rev }, signer)
  const nodes = [...tree.blocks].map(([cid, bytes]) => ({ cid, bytes }))
  return writeCar([commit], [{ cid: commit, bytes: commitBytes }, ...nodes, ...order])
}

async function read(car: Uint8Array, options: ReadRepoBounds): Promise<string[]> {
  const paths: string[] = []
  const reader = await readRepo(car, { key: signer.publicKey, ...options })
  for await (const { path, bytes } of reader.entries) paths.push(`${path.at(-1)} ${bytes.length}`)
  return paths
}
const once = [large, small[0]!, small[1]!]
const all = [`a ${large.bytes.length}`, 'b 4', `c ${large.bytes.length}`, 'd 4']

it('a record that came once and is wanted twice is asked for again', async () => {
  const car = await archive(once)
  await expect(read(car, {})).rejects.toMatchObject({ code: 'missing-block' })
  const asked: string[] = []
  const recall = async (cid: CID): Promise<Uint8Array> => {
    asked.push(cidKey(cid))
    return large.bytes
  }
  expect(await read(car, { recall })).toEqual(all)
  expect(asked).toEqual([cidKey(large.cid)])
})

it('a record that comes out again, and did not come again, is told apart', async () => {
  const again = async (order: typeof once, options: ReadRepoBounds): Promise<string[]> => {
    const paths: string[] = []
    const reader = await readRepo(await archive(order), { key: signer.publicKey, ...options })
    for await (const { path, isRepeat } of reader.entries) if (isRepeat) paths.push(path.at(-1)!)
    return paths
  }
  expect(await again(once, { recall: async () => large.bytes })).toEqual(['c'])
  // Sent for each path: its bytes came twice.
  expect(await again([large, small[0]!, large, small[1]!], {})).toEqual([])
  // Small ones are kept, and sent again or not, they are not taken twice.
  const kept = records.map(([path]) => [path, small[0]!] as const)
  const tree = buildTree(kept.map(([path, { cid }]) => [path, cid] as const))
  const { commit, commitBytes } = await signCommit(
    { did, data: tree.root, rev: createTidClock().nextAfter(null) },
    signer,
  )
  const nodes = [...tree.blocks].map(([cid, bytes]) => ({ cid, bytes }))
  const car = writeCar([commit], [{ cid: commit, bytes: commitBytes }, ...nodes, small[0]!])
  const reader = await readRepo(car, { key: signer.publicKey })
  const flags: (boolean | undefined)[] = []
  for await (const { isRepeat } of reader.entries) flags.push(isRepeat)
  expect(flags).toEqual([false, true, true, true])
})

it('what is given is checked; nothing is nothing', async () => {
  const car = await archive(once)
  for (const answer of [small[0]!.bytes, null]) {
    await expect(read(car, { recall: async () => answer })).rejects.toMatchObject({ code: 'missing-block' })
  }
})

it('a writer that repeats records is not asked', async () => {
  const car = await archive(records.map(([, record]) => record))
  const recall = (): never => {
    throw new Error('asked')
  }
  expect(await read(car, { recall })).toEqual(all)
})

it('a record that never came is not asked for', async () => {
  const car = await archive([large, small[0]!])
  let asked = 0
  const recall = async (): Promise<Uint8Array> => {
    asked++
    return large.bytes
  }
  await expect(read(car, { recall })).rejects.toMatchObject({ code: 'missing-block' })
  expect(asked).toBe(1)
})

it('knows what it has seen, of 100 000 blocks', () => {
  const seen = createSeenBlocks()
  const cids = Array.from({ length: 100_000 }, (_, n) => cidForCbor(encode({ n })))
  for (const cid of cids.slice(0, 50_000)) seen.add(cid)
  expect(cids.filter((cid) => seen.has(cid))).toEqual(cids.slice(0, 50_000))
})
