// Exports of repositories that a store gives in one piece: the same bytes as the walk over single blocks.
import { readCar } from '@avocet/car'
import { createKeypair } from '@avocet/crypto'
import { CidMap, formatCid, type CID } from '@avocet/data'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { expect, it } from 'vitest'
import { applyWrites } from '../src/apply.ts'
import { exportRepo, exportSince, type Snapshots } from '../src/export.ts'
import { createMemoryRepoStore } from '../src/memory-store.ts'
import { prepareWrite } from '../src/prepare.ts'
import type { PackedBlocks } from '../src/types.ts'

const did: Did = 'did:web:alice.example.com'
const collection: Nsid = 'com.example.note'
const signer = createKeypair()

type Blocks = CidMap<Uint8Array>

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

function pack(blocks: Blocks): PackedBlocks {
  const pieces: Uint8Array[] = []
  const lengths: number[] = []
  for (const [cid, bytes] of blocks) {
    pieces.push(cid.multihash.digest, bytes)
    lengths.push(bytes.length)
  }
  return { bytes: Buffer.concat(pieces), lengths }
}

/** A repository of such texts, its CAR by single blocks, and a store that packs what `change` leaves of its blocks. */
async function packing(
  texts: readonly string[],
  change: (packed: PackedBlocks) => PackedBlocks = (same) => same,
) {
  const store = createMemoryRepoStore()
  const writes = texts.map((text, i) =>
    prepareWrite({ action: 'create', collection, rkey: `k${String(i).padStart(4, '0')}`, record: { text } }),
  )
  const data = await applyWrites({ did, head: null, store, writes, signer, rev: createTidClock().next() })
  await store.apply(data)
  const car = await collect(exportRepo(store, did))
  const blocks: Blocks = new CidMap()
  // Backwards: in which order a store has them is its own affair.
  for (const { cid, bytes } of readCar(car).blocks.toReversed()) blocks.set(cid, bytes)
  const counts = { open: 0, reads: 0 }
  const packed: Snapshots = {
    snapshot: async (asked) => {
      const inner = await store.snapshot(asked)
      if (inner === null) return null
      counts.open++
      return {
        head: inner.head,
        getBlocks: (of, cids, since) => inner.getBlocks(of, cids, since),
        readAll: async () => {
          counts.reads++
          return change(pack(blocks))
        },
        [Symbol.asyncDispose]: async () => {
          counts.open--
          await inner[Symbol.asyncDispose]()
        },
      }
    },
  }
  return { car, packed, counts, data, blocks }
}
const notes = (count: number): string[] => Array.from({ length: count }, (_, i) => `note ${i % 90}`)

it.each([0, 1, 2, 50, 200])('of %i records, some of them the same', async (count) => {
  const { car, packed, counts } = await packing(notes(count))
  expect(Buffer.from(car).equals(await collect(exportRepo(packed, did)))).toBe(true)
  expect(counts).toEqual({ open: 0, reads: 1 })
})

it('of records around each length of a length, and larger than a chunk', async () => {
  // A section's length is that of the block and 36 of its CID; a record has eleven bytes besides its text.
  const sizes = [70, 80, 81, 82, 127, 128, 16_330, 16_336, 16_340, 16_384, 300_000, 990_000]
  const { car, packed } = await packing(sizes.map((size) => 'x'.repeat(size)))
  expect(Buffer.from(car).equals(await collect(exportRepo(packed, did)))).toBe(true)
})

it('lets the snapshot go before the first byte waits for whoever reads', async () => {
  const { packed, counts } = await packing(notes(200))
  const chunks = exportRepo(packed, did)[Symbol.asyncIterator]()
  expect((await chunks.next()).done).toBe(false)
  expect(counts).toEqual({ open: 0, reads: 1 })
})

it('is in chunks of a quarter of a megabyte at most, as long as blocks are smaller', async () => {
  const { packed } = await packing(Array.from({ length: 30 }, (_, i) => `${i}`.repeat(20_000)))
  const lengths: number[] = []
  for await (const chunk of exportRepo(packed, did)) lengths.push(chunk.length)
  expect(lengths.length).toBeGreaterThan(3)
  expect(Math.max(...lengths)).toBeLessThanOrEqual(256 * 1024)
  expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThan(256 * 1024 - 42_000)
})

it('has in a chunk a block that just fits, and the next one not', async () => {
  const chunksWith = async (size: number): Promise<number[]> => {
    const { packed } = await packing(['x'.repeat(size)])
    const lengths: number[] = []
    for await (const { length } of exportRepo(packed, did)) lengths.push(length)
    return lengths
  }
  // All but the record: seven bytes besides a short text, its CID, and one of length.
  const before = (await chunksWith(20))[0]! - (1 + 36 + 7 + 20)
  // Eleven besides one that is long; its length, of three bytes, is taken for four.
  const fits = 256 * 1024 - before - (4 + 36 + 11)
  expect(await chunksWith(fits)).toEqual([256 * 1024 - 1])
  expect(await chunksWith(fits + 1)).toEqual([before, 256 * 1024 - before])
})

it('finds a block among very many in as little time as among few', async () => {
  const others = 100_000
  const noise = new Uint8Array(others * 32)
  for (let i = 0; i < noise.length; i += 65_536) crypto.getRandomValues(noise.subarray(i, i + 65_536))
  const { car, packed } = await packing(notes(3), ({ bytes, lengths }) => ({
    bytes: Buffer.concat([noise, bytes]),
    lengths: [...Array.from({ length: others }, () => 0), ...lengths],
  }))
  const before = process.cpuUsage()
  expect(Buffer.from(car).equals(await collect(exportRepo(packed, did)))).toBe(true)
  const { user, system } = process.cpuUsage(before)
  // Tens of milliseconds; some seconds if each had to be compared with all before it.
  expect((user + system) / 1000).toBeLessThan(500)
})

it('is not asked for where a part is wanted', async () => {
  const { packed, counts, data } = await packing(notes(3))
  await collect(exportSince(packed, did, data.rev))
  expect(counts).toEqual({ open: 0, reads: 0 })
})

it.each<[string, (data: { commit: CID; data: CID; blocks: Blocks }) => CID]>([
  ['commit', ({ commit }) => commit],
  ['root', ({ data }) => data],
  [
    'record',
    ({ blocks, data, commit }) => [...blocks.keys()].find((cid) => !cid.equals(data) && !cid.equals(commit))!,
  ],
])('without its %s it fails by name', async (_what, pick) => {
  const { packed, data, blocks } = await packing(notes(2))
  const gone = pick({ ...data, blocks })
  blocks.delete(gone)
  await expect(collect(exportRepo(packed, did))).rejects.toMatchObject({
    code: 'missing-block',
    message: expect.stringContaining(formatCid(gone)) as string,
  })
})

it.each([-1, 1])('of lengths that do not fit its bytes is refused: %i', async (more) => {
  const { packed } = await packing(notes(5), ({ bytes, lengths }) => ({
    bytes,
    lengths: [lengths[0]! + more, ...lengths.slice(1)],
  }))
  await expect(collect(exportRepo(packed, did))).rejects.toMatchObject({ code: 'malformed-repo' })
})
