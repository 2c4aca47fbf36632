import { readCar, writeCar } from '@avocet/car'
import { encode } from '@avocet/cbor'
import { createKeypair } from '@avocet/crypto'
import { CidMap, cidForCbor, formatCid, type CID } from '@avocet/data'
import { buildTree, type Link } from '@avocet/mst'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { beforeAll, describe, expect, it } from 'vitest'
import { applyWrites } from '../src/apply.ts'
import { createByteBudget } from '../src/block-buffer.ts'
import { signCommit } from '../src/commit.ts'
import { listRecords } from '../src/entries.ts'
import { exportRepo, exportSince, getRecordProof } from '../src/export.ts'
import { importRepo } from '../src/import.ts'
import { createMemoryRepoStore } from '../src/memory-store.ts'
import { prepareWrite } from '../src/prepare.ts'
import { verifyRecordProof } from '../src/proof.ts'
import { readRepo } from '../src/read.ts'

const did: Did = 'did:plc:abcdefghijklmnopqrstuvwx'
const collection: Nsid = 'com.example.note'
const signer = createKeypair()
const key = signer.publicKey
const clock = createTidClock()

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return Buffer.concat(await all(chunks))
}

async function commit(store: ReturnType<typeof createMemoryRepoStore>, from: number, to: number) {
  const head = await store.getHead(did)
  const writes = Array.from({ length: to - from }, (_, i) =>
    prepareWrite({
      action: 'create',
      collection,
      rkey: `r${from + i}`,
      record: { text: `note ${(from + i) % 90}` },
    }),
  )
  const data = await applyWrites({
    did,
    head,
    store,
    writes,
    signer,
    rev: clock.nextAfter(head?.rev ?? null),
  })
  await store.apply(data)
  return data
}

describe('a repository of 300 records', () => {
  const store = createMemoryRepoStore()
  let car: Uint8Array
  beforeAll(async () => {
    await commit(store, 0, 150)
    await commit(store, 150, 300)
    car = await collect(exportRepo(store, did))
  })

  it('is read back whole, in key order, verified', async () => {
    const reader = await readRepo(car, { did, key })
    const entries = await all(reader.entries)
    expect(entries).toHaveLength(300)
    const paths = entries.map((entry) => entry.path)
    expect(paths).toEqual(paths.toSorted())
    const stored = await all(listRecords(store, did))
    expect(entries.map((entry) => [entry.path, formatCid(entry.cid)])).toEqual(
      stored.map((entry) => [entry.path, formatCid(entry.cid)]),
    )
    for (const { cid, bytes } of entries) expect(formatCid(cidForCbor(bytes))).toBe(formatCid(cid))
  })

  it.each([1, 7, 1000])('is read from chunks of %i bytes', async (size) => {
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < car.length; at += size) yield car.subarray(at, at + size)
    }
    const reader = await readRepo(chunks(), { did, key })
    let count = 0
    for await (const batch of reader.batches) count += batch.length
    expect(count).toBe(300)
  })

  it('needs no buffer in pre-order, and bounds it in any other', async () => {
    const inOrder = await readRepo(car, { did, key, maxBuffered: 0 })
    expect((await all(inOrder.entries)).length).toBe(300)
    const { roots, blocks } = readCar(car)
    const reversed = writeCar(roots, blocks.toReversed())
    const reader = await readRepo(reversed, { did, key })
    expect((await all(reader.entries)).map((entry) => entry.path)).toEqual(
      (await all(listRecords(store, did))).map((entry) => entry.path),
    )
    await expect(readRepo(reversed, { did, key, maxBuffered: 10_000 })).rejects.toMatchObject({
      code: 'buffer-exceeded',
    })
  })

  it('shares a budget with other reads, and gives back what it took', async () => {
    const { roots, blocks } = readCar(car)
    const reversed = writeCar(roots, blocks.toReversed())
    // What one of them holds back, to the byte: the commit comes last, everything else waits for it.
    const distinct = new CidMap(blocks.slice(1).map(({ cid, bytes }) => [cid, bytes.length + 250] as const))
    const held = [...distinct.values()].reduce((sum, size) => sum + size, 0)
    const budget = createByteBudget(held)
    const first = await readRepo(reversed, { did, key, budget })
    await expect(readRepo(reversed, { did, key, budget })).rejects.toMatchObject({ code: 'buffers-full' })
    expect((await all(first.entries)).length).toBe(300)
    const second = await readRepo(reversed, { did, key, budget })
    await second[Symbol.asyncDispose]()
    await (await readRepo(reversed, { did, key, budget }))[Symbol.asyncDispose]()
    await expect(readRepo(reversed, { did, key, budget: createByteBudget(held - 1) })).rejects.toMatchObject({
      code: 'buffers-full',
    })
    expect(budget.take(held)).toBe(true)
    expect(budget.take(1)).toBe(false)
  })

  it('goes through export, import, export without a byte changed but the commit', async () => {
    const copy = createMemoryRepoStore()
    const seen: string[] = []
    const imported = await importRepo({
      did,
      store: copy,
      source: car,
      unsafeSkipSignature: true,
      signer,
      rev: (archived) => clock.nextAfter(archived),
      onRecords: (records) => void seen.push(...records.map((record) => record.path)),
    })
    expect(imported.records).toBe(300)
    expect(seen).toHaveLength(300)
    const again = await collect(exportRepo(copy, did))
    const [before, after] = [readCar(car), readCar(again)]
    expect(after.blocks.slice(1)).toEqual(before.blocks.slice(1))
    expect(formatCid(after.roots[0]!)).toBe(formatCid(imported.commit))
    expect(await collect(exportRepo(copy, did))).toEqual(again)
  })

  it('goes through export, import with its own commit, export without a byte changed', async () => {
    const copy = createMemoryRepoStore()
    const imported = await importRepo({ did, store: copy, source: car, key, keepCommit: true })
    expect(imported).toMatchObject({ did, records: 300 })
    const again = await collect(exportRepo(copy, did))
    expect(Buffer.from(again).equals(car)).toBe(true)
    // Putting the same archive back changes nothing; an older one is refused.
    await importRepo({ did, store: copy, source: again, key, keepCommit: true })
    expect(Buffer.from(await collect(exportRepo(copy, did))).equals(car)).toBe(true)
    await commit(copy, 400, 401)
    await expect(importRepo({ did, store: copy, source: car, key, keepCommit: true })).rejects.toMatchObject({
      code: 'stale-rev',
    })
  })

  it('exports what came since a revision', async () => {
    const before = createMemoryRepoStore()
    const first = await commit(before, 0, 100)
    const then = new CidMap(
      readCar(await collect(exportRepo(before, did))).blocks.map((b) => [b.cid, b.bytes] as const),
    )
    await commit(before, 100, 110)
    const since = readCar(await collect(exportSince(before, did, first.rev))).blocks
    const now = readCar(await collect(exportRepo(before, did))).blocks
    expect(since.length).toBeLessThan(now.length / 2)
    const together = new Set([
      ...[...then.keys()].map(formatCid),
      ...since.map((block) => formatCid(block.cid)),
    ])
    for (const block of now) expect(together.has(formatCid(block.cid))).toBe(true)
    const head = await before.getHead(did)
    const none = readCar(await collect(exportSince(before, did, head!.rev))).blocks
    expect(none.length).toBeLessThanOrEqual(1)
  })

  it('is exported as of one commit while others go on', async () => {
    const changing = createMemoryRepoStore()
    await commit(changing, 0, 150)
    const expected = await collect(exportRepo(changing, did))
    const chunks = exportRepo(changing, did)[Symbol.asyncIterator]()
    const parts = [(await chunks.next()).value as Uint8Array]
    const head = await changing.getHead(did)
    const writes = Array.from({ length: 150 }, (_, i) =>
      prepareWrite({ action: 'delete', collection, rkey: `r${i}` }),
    )
    await changing.apply(
      await applyWrites({ did, head, store: changing, writes, signer, rev: clock.nextAfter(head!.rev) }),
    )
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next())
      parts.push(next.value)
    expect(Buffer.concat(parts).equals(expected)).toBe(true)
  })

  it('proves a record there, and one not there', async () => {
    for (const rkey of ['r7', 'r299', 'absent', 'r7a']) {
      const proof = await getRecordProof(store, did, `${collection}/${rkey}`)
      const result = verifyRecordProof(proof, { did, collection, rkey, key })
      const there = /^r\d+$/.test(rkey)
      expect(result.ok && (result.value.record !== null) === there, rkey).toBe(true)
    }
  })

  it('refuses proofs with a block less, of another account, or another key', async () => {
    const proof = await getRecordProof(store, did, `${collection}/r7`)
    const { roots, blocks } = readCar(proof)
    for (let i = 0; i < blocks.length; i++) {
      const less = writeCar(roots, blocks.toSpliced(i, 1))
      const result = verifyRecordProof(less, { did, collection, rkey: 'r7', key })
      expect(result.ok ? null : result.error.code).toBe('missing-block')
    }
    const options = { did, collection, rkey: 'r7', key }
    const other = verifyRecordProof(proof, { ...options, did: 'did:web:other.example' })
    expect(other.ok ? null : other.error.code).toBe('did-mismatch')
    const forged = verifyRecordProof(proof, { ...options, key: createKeypair().publicKey })
    expect(forged.ok ? null : forged.error.code).toBe('bad-signature')
    const cut = verifyRecordProof(proof.subarray(0, proof.length - 5), options)
    expect(cut.ok ? null : cut.error.code).toBe('malformed-repo')
  })

  describe('readRepo refuses', () => {
    const read = async (bytes: Uint8Array): Promise<unknown> => {
      const reader = await readRepo(bytes, { did, key })
      return all(reader.entries)
    }
    it('another signature', async () => {
      await expect(readRepo(car, { did, key: createKeypair().publicKey })).rejects.toMatchObject({
        code: 'bad-signature',
      })
    })
    it('no key, unless that is asked for by name', async () => {
      const wrong = [
        { did },
        { did, key: undefined },
        { did, unsafeSkipSignature: false },
        { did, key: null },
      ]
      for (const options of wrong as never[]) {
        await expect(readRepo(car, options)).rejects.toMatchObject({ code: 'no-key' })
        const empty = createMemoryRepoStore()
        const importing = importRepo({
          ...(options as object),
          did,
          store: empty,
          source: car,
          keepCommit: true,
        } as never)
        await expect(importing).rejects.toMatchObject({ code: 'no-key' })
        expect(await empty.getHead(did)).toBeNull()
      }
    })
    it('another account', async () => {
      await expect(readRepo(car, { did: 'did:web:other.example', key })).rejects.toMatchObject({
        code: 'did-mismatch',
      })
    })
    it('a CAR cut short', async () => {
      await expect(read(car.subarray(0, car.length - 3))).rejects.toMatchObject({ code: 'unexpected-end' })
    })
    it('any block missing', async () => {
      const { roots, blocks } = readCar(car)
      for (let i = 0; i < blocks.length; i += 13) {
        // A record at several paths comes once for each: take all of its copies out.
        const gone = formatCid(blocks[i]!.cid)
        const less = blocks.filter((block) => formatCid(block.cid) !== gone)
        await expect(read(writeCar(roots, less))).rejects.toMatchObject({ code: 'missing-block' })
      }
    })
    it('a block that is not what its CID says', async () => {
      const broken = Uint8Array.from(car)
      broken[broken.length - 1]! ^= 1
      await expect(read(broken)).rejects.toMatchObject({ code: 'hash-mismatch' })
    })
    it('an endless tail of blocks that belong to nothing', async () => {
      const { roots, blocks } = readCar(car)
      const bytes = new Uint8Array(1000)
      const tail = Array.from({ length: 100 }, () => ({ cid: cidForCbor(bytes), bytes }))
      const long = writeCar(roots, [...blocks, ...tail])
      const reader = await readRepo(long, { did, key, maxBuffered: 50_000 })
      await expect(all(reader.entries)).rejects.toMatchObject({ code: 'buffer-exceeded' })
      expect(await read(long)).toHaveLength(300)
    })
    it('a tree whose subtree hangs in the wrong place', async () => {
      const value = cidForCbor(encode({ x: 1 }))
      const layerOne = Array.from({ length: 4000 }, (_, i) => `a/k${i}`)
      const tree = buildTree(layerOne.toSorted().map((path): [string, CID] => [path, value]))
      // The root's first subtree is hung under a root whose only key comes before it.
      const { decodeNode, TreeNode } = await import('@avocet/mst')
      const root = decodeNode(tree.blocks.get(tree.root)!, null)
      const bytes = encode({
        e: [
          { k: new TextEncoder().encode(root.keys[0]!), p: 0, t: (root.children[0] as Link).cid, v: value },
        ],
        l: null,
      })
      expect(root).toBeInstanceOf(TreeNode)
      const data = cidForCbor(bytes)
      const signed = await signCommit({ did, data, rev: clock.next() }, signer)
      const blocks = [
        { cid: signed.commit, bytes: signed.commitBytes },
        { cid: data, bytes },
        { cid: value, bytes: encode({ x: 1 }) },
        ...[...tree.blocks].map(([cid, block]) => ({ cid, bytes: block })),
      ]
      await expect(read(writeCar([signed.commit], blocks))).rejects.toMatchObject({ code: 'malformed-repo' })
    })
  })
})
