// What reads a repository without proving it: the same records as the reader that proves, in whatever order blocks come, and bounds.
import { writeCar, readCar, type CarBlock } from '@avocet/car'
import { encode } from '@avocet/cbor'
import { createKeypair } from '@avocet/crypto'
import { type CID, cidForCbor, cidForRaw, type DataValue } from '@avocet/data'
import { createTidClock, type Did } from '@avocet/syntax'
import { readFixture } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import {
  createMemoryRepoStore,
  createRepoWriter,
  exportRepo,
  prepareWrite,
  readRepoBy,
  unsafeReadRepo,
  type UnsafeReadRepoOptions,
} from '../src/index.ts'

const did: Did = 'did:web:alice.example'
const collection = 'com.example.note'
const signer = createKeypair('p256')
const store = createMemoryRepoStore()
const writer = createRepoWriter({ store, clock: createTidClock(), signer: () => signer })
const notes = Array.from({ length: 150 }, (_, i) =>
  // Every tenth stands at two paths.
  prepareWrite({
    action: 'create',
    collection,
    rkey: `r${i}`,
    record: { $type: collection, i: i % 10 === 0 ? 0 : i },
  }),
)
await writer.create(did, notes)
const pieces: Uint8Array[] = []
for await (const chunk of exportRepo(store, did)) pieces.push(chunk)
const car = new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer())
const { roots, blocks } = readCar(car)

interface Told {
  readonly path: string
  readonly cid: string
  readonly isRepeat: boolean | undefined
}

async function told(bytes: Uint8Array, options?: UnsafeReadRepoOptions): Promise<Told[]> {
  const found: Told[] = []
  for await (const { path, cid, isRepeat } of (await unsafeReadRepo(bytes, options)).entries) {
    found.push({ path, cid: cid.toString(), isRepeat })
  }
  return found
}

async function proved(bytes: Uint8Array): Promise<Told[]> {
  const found: Told[] = []
  for await (const { path, cid, isRepeat } of (await readRepoBy(bytes, { unsafeSkipSignature: true }))
    .entries) {
    found.push({ path, cid: cid.toString(), isRepeat })
  }
  return found
}

const pathsOf = (entries: readonly Told[]): string[] => entries.map(({ path }) => path).toSorted()
const failure = async (work: Promise<unknown>): Promise<string> =>
  await work.then(
    () => 'none',
    (error: { code?: string }) => error.code ?? String(error),
  )

/** A CAR of a commit over nodes that are made by hand. */
function carOf(root: CID, parts: readonly CarBlock[]): Uint8Array {
  const commit = { did, version: 3, data: root, rev: '3jzfcijpj2z2a', prev: null, sig: new Uint8Array(64) }
  const block = blockOf(commit)
  return writeCar([block.cid], [block, ...parts])
}

function blockOf(value: DataValue): CarBlock {
  const bytes = encode(value)
  return { cid: cidForCbor(bytes), bytes }
}

const keyBytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const record = blockOf({ $type: collection })
const entry = (key: string, p: number, v: CID = record.cid, t: CID | null = null): DataValue => ({
  k: keyBytes(key),
  p,
  v,
  t,
})

describe('unsafeReadRepo', () => {
  it('reads what readRepo reads', async () => {
    const expected = await proved(car)
    expect(expected).toHaveLength(150)
    const found = await told(car)
    expect(pathsOf(found)).toEqual(pathsOf(expected))
    const cids = new Map(expected.map(({ path, cid }) => [path, cid]))
    for (const { path, cid } of found) expect(cid).toBe(cids.get(path))
    expect(found.filter(({ isRepeat }) => isRepeat)).toHaveLength(14)
    const { did: of, rev, data, commit, prev } = await unsafeReadRepo(car)
    const reader = await readRepoBy(car, { unsafeSkipSignature: true })
    expect({ of, rev, data, commit, prev }).toEqual({
      of: did,
      rev: reader.rev,
      data: reader.data,
      commit: reader.commit,
      prev: null,
    })
  })

  it('reads a repository of the network', async (context) => {
    const real = await readFixture('relay-capture/repo.car')
    if (real === null) context.skip('no fixtures on this machine')
    const sorted = (entries: readonly Told[]): string[] =>
      entries.map(({ path, cid }) => `${path} ${cid}`).toSorted()
    expect(sorted(await told(real!))).toEqual(sorted(await proved(real!)))
  })

  it('takes blocks in any order and more than once, and chunks of any size', async () => {
    const expected = pathsOf(await proved(car))
    for (const order of [
      blocks.toReversed(),
      [...blocks, ...blocks],
      [...blocks.slice(40), ...blocks.slice(0, 40)],
    ]) {
      expect(pathsOf(await told(writeCar(roots, order)))).toEqual(expected)
    }
    const small = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < car.length; at += 7) yield car.subarray(at, at + 7)
    }
    const found: string[] = []
    for await (const { path } of (await unsafeReadRepo(small())).entries) found.push(path)
    expect(found.toSorted()).toEqual(expected)
  })

  it('gives the collection, the record key and the record', async () => {
    for await (const { path, collection: of, rkey, record: value } of (await unsafeReadRepo(car)).entries) {
      expect(path).toBe(`${of}/${rkey}`)
      expect(value).toMatchObject({ $type: collection })
    }
  })

  it('believes blocks that are not what their CIDs say, as its name tells', async () => {
    const records = new Set((await proved(car)).map(({ cid }) => cid))
    const forged = blocks.map((block) =>
      records.has(block.cid.toString())
        ? { cid: block.cid, bytes: encode({ $type: collection, i: 'forged' }) }
        : block,
    )
    expect(pathsOf(await told(writeCar(roots, forged)))).toEqual(pathsOf(await proved(car)))
    expect(await failure(proved(writeCar(roots, forged)))).toBe('hash-mismatch')
  })

  it('gives the records there are, and names the path of one that is missing', async () => {
    const gone = cidForRaw(keyBytes('gone'))
    const node = blockOf({ e: [entry(`${collection}/a`, 0), entry('b', 17, gone)], l: null })
    const reader = await unsafeReadRepo(carOf(node.cid, [node, record]))
    const seen: string[] = []
    const work = (async () => {
      for await (const { path } of reader.entries) seen.push(path)
    })()
    await expect(work).rejects.toMatchObject({ code: 'missing-block', path: `${collection}/b` })
    expect(seen).toEqual([`${collection}/a`])
  })

  it('refuses what is no tree', async () => {
    const bad: DataValue[] = [
      null,
      [],
      { e: null, l: null },
      { e: [], l: 'x' },
      { e: [null], l: null },
      { e: [entry(`${collection}/a`, 3)], l: null },
      { e: [entry(`${collection}/a`, -1)], l: null },
      { e: [entry('no-slash', 0)], l: null },
      { e: [entry(`${collection}/a`, 0), entry(`${collection}/a`, 0)], l: null },
      { e: [entry(`${collection}/b`, 0), entry('a', 17)], l: null },
      { e: [{ k: keyBytes(`${collection}/a`), p: 0, v: null, t: null }], l: null },
      { e: [{ k: `${collection}/a`, p: 0, v: record.cid, t: null }], l: null },
    ]
    for (const node of bad) {
      const block = blockOf(node)
      expect(await failure(told(carOf(block.cid, [block, record]))), JSON.stringify(node)).toBe(
        'malformed-repo',
      )
    }
    const broken: CarBlock = { cid: cidForCbor(keyBytes('x')), bytes: Uint8Array.of(0xff) }
    expect(await failure(told(carOf(broken.cid, [broken])))).toBe('malformed-repo')
    expect(await failure(told(writeCar([], [])))).toBe('malformed-repo')
    expect(await failure(told(writeCar(roots, [])))).toBe('missing-block')
    expect(await failure(told(writeCar([record.cid], [record])))).toBe('malformed-commit')
    expect(await failure(told(car.subarray(0, -3)))).toBe('unexpected-end')
  })

  it('is not led round in circles, nor to one node by many ways', async () => {
    // Without hashes a node can name itself.
    const self = cidForCbor(keyBytes('self'))
    const circle: CarBlock = { cid: self, bytes: encode({ e: [entry(`${collection}/a`, 0)], l: self }) }
    expect(await failure(told(carOf(self, [circle, record])))).toBe('missing-block')
    const leaf = blockOf({ e: [entry(`${collection}/a`, 0)], l: null })
    const fan = blockOf({ e: [entry(`${collection}/b`, 0, record.cid, leaf.cid)], l: leaf.cid })
    expect(await failure(told(carOf(fan.cid, [fan, leaf, record])))).toBe('malformed-repo')
    // The same where the node came before what names it: it is there once.
    expect(await failure(told(carOf(fan.cid, [leaf, record, fan])))).toBe('missing-block')
  })

  it('holds no more than it may, and no larger file', async () => {
    const reversed = writeCar(roots, blocks.toReversed())
    expect(await failure(told(reversed, { maxBuffered: 5000 }))).toBe('buffer-exceeded')
    // In pre-order nothing is held but paths, until their blocks come.
    expect(await told(car, { maxBuffered: 12_000 })).toHaveLength(150)
    // Blocks that came early are held until they are asked for: afterwards there is room for others.
    const size = blocks.reduce((sum, { bytes }) => sum + bytes.length + 100, 0)
    const foreign = Array.from({ length: 20 }, (_, i) => {
      const bytes = new Uint8Array(size / 40).fill(i)
      return { cid: cidForRaw(bytes), bytes }
    })
    const early = writeCar(roots, [...blocks.toReversed(), ...foreign])
    expect(await told(early, { maxBuffered: size + 12_000 })).toHaveLength(150)
    expect(await failure(told(early, { maxBuffered: size / 2 }))).toBe('buffer-exceeded')
    // Paths that wait count: short entries of a node may share long prefixes.
    const long = `${collection}/${'x'.repeat(900)}`
    const node = blockOf({
      e: [entry(`${long}0`, 0), ...Array.from({ length: 8 }, (_, i) => entry(`${i + 1}`, long.length))],
      l: null,
    })
    expect(await failure(told(carOf(node.cid, [node, record]), { maxBuffered: 8000 }))).toBe(
      'buffer-exceeded',
    )
    expect(await told(carOf(node.cid, [node, record]), { maxBuffered: 20_000 })).toHaveLength(9)
    // What was handed out is not held any more.
    const many = [...blocks, ...Array.from({ length: 3 }, () => blocks).flat()]
    expect(await told(writeCar(roots, many), { maxBuffered: 40_000 })).toHaveLength(150)
    expect(await failure(told(car, { maxSize: car.length - 1 }))).toBe('too-large')
  })

  it('closes its source when the caller stops, and when it fails', async () => {
    let closed = 0
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield car
        throw new Error('read to its end')
      } finally {
        closed++
      }
    }
    for await (const { path } of (await unsafeReadRepo(source())).entries) {
      expect(path).not.toBe('')
      break
    }
    expect(closed).toBe(1)
    const wrong = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield writeCar([record.cid], [record])
        yield car
      } finally {
        closed++
      }
    }
    await expect(unsafeReadRepo(wrong())).rejects.toMatchObject({ code: 'malformed-commit' })
    expect(closed).toBe(2)
  })
})
