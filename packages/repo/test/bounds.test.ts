// Each bound of a commit, a record and an archive: at it, and one over. And who may write, in which revision.
import { readCar, writeCar, type CarBlock } from '@avocet/car'
import { encode } from '@avocet/cbor'
import { createKeypair } from '@avocet/crypto'
import { type CID, cidEquals, cidForCbor, cidForRaw, CidMap, type DataValue, formatCid } from '@avocet/data'
import { coveringProofNodes, keyLayer } from '@avocet/mst'
import { createTidClock, type Did, type Nsid, type Tid } from '@avocet/syntax'
import { beforeAll, describe, expect, it } from 'vitest'
import { applyWrites } from '../src/apply.ts'
import { createBlockBuffer, createByteBudget } from '../src/block-buffer.ts'
import { checkRepo } from '../src/check.ts'
import { readCommit, signCommit } from '../src/commit.ts'
import { listEntries, listRecords } from '../src/entries.ts'
import { toCommitEvent } from '../src/event.ts'
import { exportRepo, exportSince } from '../src/export.ts'
import { importRepo } from '../src/import.ts'
import { createMemoryRepoStore } from '../src/memory-store.ts'
import { writePacked } from '../src/packed.ts'
import { prepareWrite, type WriteInput } from '../src/prepare.ts'
import { verifyRecordProof } from '../src/proof.ts'
import { decodeRecord } from '../src/record.ts'
import { readRepo, type ReadRepoOptions } from '../src/read.ts'
import { rebuildRepo } from '../src/rebuild.ts'
import type { CommitData, RepoHead, RepoStatus } from '../src/types.ts'
import { invertOps, verifyCommit } from '../src/verify.ts'
import { createRepoWriter } from '../src/writer.ts'

const did: Did = 'did:plc:abcdefghijklmnopqrstuvwx'
const other: Did = 'did:web:other.example'
const collection: Nsid = 'com.example.note'
const signer = createKeypair()
const key = signer.publicKey
const clock = createTidClock()
type Store = ReturnType<typeof createMemoryRepoStore>

const create = (rkey: string, text = rkey): WriteInput => ({
  action: 'create',
  collection,
  rkey,
  record: { text },
})
const many = (count: number, from = 0, text?: string): WriteInput[] =>
  Array.from({ length: count }, (_, i) => create(`r${from + i}`, text))
const remove = (rkey: string): WriteInput => ({ action: 'delete', collection, rkey })

async function make(store: Store, writes: readonly WriteInput[], rev?: Tid): Promise<CommitData> {
  const head = await store.getHead(did)
  return applyWrites({
    did,
    head,
    store,
    writes: writes.map(prepareWrite),
    signer,
    rev: rev ?? clock.nextAfter(head?.rev ?? null),
  })
}
async function commit(store: Store, ...writes: WriteInput[]): Promise<CommitData> {
  const data = await make(store, writes)
  await store.apply(data)
  return data
}
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}
const collect = async (chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> =>
  Buffer.concat(await all(chunks))
const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'ok',
    (error: { code: string }) => error.code,
  )
const texts = (cids: Iterable<CID>): string[] => [...cids].map(formatCid).toSorted()

describe('a commit', () => {
  it('has 200 writes at most', async () => {
    const store = createMemoryRepoStore()
    expect(await codeOf(make(store, many(200)))).toBe('ok')
    expect(await codeOf(make(store, many(201)))).toBe('too-many-writes')
  })

  it('follows a head of its own account that is active', async () => {
    const store = createMemoryRepoStore()
    await commit(store, create('a'))
    const head = (await store.getHead(did))!
    const rev = clock.nextAfter(head.rev)
    const on = (change: Partial<typeof head>, at = rev): Promise<string> =>
      codeOf(applyWrites({ did, head: { ...head, ...change }, store, writes: [], signer, rev: at }))
    expect(await on({})).toBe('ok')
    expect(await on({ did: other })).toBe('did-mismatch')
    for (const status of ['deactivated', 'suspended', 'takendown', 'deleted'] satisfies RepoStatus[]) {
      expect(await on({ status }), status).toBe('inactive-repo')
    }
    expect(await on({}, head.rev)).toBe('stale-rev')
    expect(await on({ rev: clock.nextAfter(rev) })).toBe('stale-rev')
    expect(await on({}, 'not a tid' as Tid)).toBe('stale-rev')
    const first = applyWrites({ did, head: null, store, writes: [], signer, rev: 'x' as Tid })
    expect(await codeOf(first)).toBe('stale-rev')
  })

  it('names a path once, of the form it must have', async () => {
    const store = createMemoryRepoStore()
    const write = (path: string) => ({ ...prepareWrite(create('a')), path })
    const code = (...paths: string[]): Promise<string> =>
      codeOf(applyWrites({ did, head: null, store, writes: paths.map(write), signer, rev: clock.next() }))
    expect(await code('a/b', 'a/c')).toBe('ok')
    expect(await code('a/b', 'a/c', 'a/b')).toBe('duplicate-path')
    expect(await code('a/b', 'a')).toBe('invalid-path')
    expect(await code(`a/${'x'.repeat(1022)}`)).toBe('ok')
    expect(await code(`a/${'x'.repeat(1023)}`)).toBe('invalid-path')
  })

  it('carries blocks of 2 000 000 bytes at most, proof included', async () => {
    const store = createMemoryRepoStore()
    await commit(store, ...many(200, 0, 'x'))
    await commit(store, ...many(200, 200, 'x'))
    let removed = 'r0'
    const writes = (last: number): WriteInput[] => [
      create('s1', 'y'.repeat(900_000)),
      create('s3', 'y'.repeat(500_000)),
      create('s2', 'z'.repeat(last)),
      remove(removed),
    ]
    // One whose neighbours stand in nodes that stay as they are.
    for (let i = 0; (await make(store, writes(100_000))).proofBlocks.size === 0; i++) removed = `r${i}`
    const empty = await make(store, writes(100_000))
    const sizeOf = (data: CommitData): number =>
      [...data.newBlocks.values(), ...data.proofBlocks.values()].reduce(
        (sum, { length }) => sum + length + 39,
        100,
      )
    const exact = 2_000_000 - sizeOf(empty) + 100_000
    expect(sizeOf(await make(store, writes(exact)))).toBe(2_000_000)
    expect(await codeOf(make(store, writes(exact + 1)))).toBe('commit-too-large')
    const { blocks } = toCommitEvent(await make(store, writes(exact)), '2026-01-01T00:00:00Z')
    expect(blocks.length).toBeLessThanOrEqual(2_000_000)
    expect(blocks.length).toBeGreaterThan(1_999_000)
  })

  it('that would make a tree node nobody could read is refused, and the repository stays as it is', async () => {
    const store = createMemoryRepoStore()
    // Keys of one layer: nothing comes between them, so that all are in one node. 200 of them take 114 kB there.
    const writes: WriteInput[] = []
    for (let i = 1000; writes.length < 2000; i++) {
      const rkey = `${i}${'x'.repeat(500)}`
      if (keyLayer(`${collection}/${rkey}`) === 0)
        writes.push({ action: 'create', collection, rkey, record: {} })
    }
    for (let from = 0; from < 1600; from += 200) await commit(store, ...writes.slice(from, from + 200))
    const before = await store.getHead(did)
    expect(await codeOf(commit(store, ...writes.slice(1600, 1800)))).toBe('node-too-large')
    expect(await store.getHead(did)).toEqual(before)
    const paths = async (): Promise<number> => (await all(listEntries((await store.snapshot(did))!))).length
    expect(await paths()).toBe(1600)
    await commit(store, remove(writes[0]!.rkey), ...writes.slice(1600, 1700))
    expect(await paths()).toBe(1699)
  })

  it('brings the covering proof of its changes, and no block twice', async () => {
    const store = createMemoryRepoStore()
    await commit(store, ...many(200))
    const before = new CidMap(
      readCar(await collect(exportRepo(store, did))).blocks.map(({ cid, bytes }) => [cid, bytes] as const),
    )
    let carried = 0
    for (let i = 0; i < 40; i++) {
      const update = { ...create(`r${i}`), action: 'update', record: { x: 1 } } as const
      for (const write of [create(`n${i}`), remove(`r${i}`), update]) {
        const data = await make(store, [write])
        const source = { get: (cid: CID) => data.newBlocks.get(cid) ?? before.get(cid) }
        const covering = coveringProofNodes(data.data, source, [`${collection}/${write.rkey}`])
        expect(texts(data.proofBlocks.keys())).toEqual(
          texts([...covering.keys()].filter((cid) => !data.newBlocks.has(cid))),
        )
        carried += data.proofBlocks.size
      }
    }
    expect(carried).toBeGreaterThan(10)
  })

  it('is prepared with one round trip to the store for each layer', async () => {
    const store = createMemoryRepoStore()
    for (let i = 0; i < 10; i++) await commit(store, ...many(200, i * 200))
    const head = (await store.getHead(did))!
    let trips = 0
    const counting = {
      getBlocks: (...args: Parameters<typeof store.getBlocks>) => {
        trips++
        return store.getBlocks(...args)
      },
    }
    for (let i = 0; i < 60; i++) {
      trips = 0
      const writes = [prepareWrite(remove(`r${i * 31}`)), prepareWrite(remove(`r${i * 31 + 5}`))]
      await applyWrites({ did, head, store: counting, writes, signer, rev: clock.nextAfter(head.rev) })
      // 2000 keys make a tree of layers 0 to 5 or 6, and neighbours are on the way down.
      expect(trips, `r${i * 31}`).toBeLessThanOrEqual(8)
    }
  })
})

describe('a record', () => {
  const sized = (bytes: number): WriteInput => {
    const { length } = encode({ text: 'x'.repeat(900_000) })
    return create('a', 'x'.repeat(900_000 + bytes - length))
  }
  it('has 1 000 000 bytes at most', () => {
    expect(prepareWrite(sized(1_000_000)).bytes).toHaveLength(1_000_000)
    expect(() => prepareWrite(sized(1_000_001))).toThrow(
      expect.objectContaining({ code: 'record-too-large' }),
    )
  })

  it('is an object of the data model', () => {
    expect(decodeRecord(encode({ a: 1 }), 'a/b')).toEqual({ a: 1 })
    for (const value of ['text', 1, null, true, [], [{}], new Uint8Array(1), cidForRaw(new Uint8Array())]) {
      expect(() => decodeRecord(encode(value), 'a/b')).toThrow(
        expect.objectContaining({
          code: 'malformed-repo',
          path: 'a/b',
          message: 'record is not an object; path=a/b',
        }),
      )
    }
    expect(() => decodeRecord(Uint8Array.of(0xff), 'a/b')).toThrow(
      expect.objectContaining({ code: 'malformed-repo', message: 'record is not valid CBOR; path=a/b' }),
    )
  })
})

describe('a commit block', () => {
  const data = cidForCbor(encode({}))
  const fields = { did, version: 3, data, rev: clock.next(), prev: null, sig: new Uint8Array(64) }
  const read = (change: object): string => {
    try {
      readCommit(encode({ ...fields, ...change }))
      return 'ok'
    } catch (error) {
      const { code, message } = error as { code: string; message: string }
      return code === 'malformed-commit' ? message.replace('commit block is malformed: ', '') : code
    }
  }
  const without = (name: string): DataValue =>
    Object.fromEntries(Object.entries(fields).filter(([field]) => field !== name))

  it.each<[object, string]>([
    [{}, 'ok'],
    [{ extra: 1 }, 'ok'],
    [{ prev: data }, 'ok'],
    [{ prev: 1 }, 'no valid prev'],
    [{ prev: 'x' }, 'no valid prev'],
    [{ did: 'x' }, 'no valid did'],
    [{ did: 1 }, 'no valid did'],
    [{ rev: 'x' }, 'no valid rev'],
    [{ rev: 1 }, 'no valid rev'],
    [{ data: null }, 'no valid data'],
    [{ data: 'x' }, 'no valid data'],
    [{ data: cidForRaw(new Uint8Array()) }, 'no valid data'],
    [{ sig: new Uint8Array(63) }, 'no signature of 64 bytes'],
    [{ sig: new Uint8Array(65) }, 'no signature of 64 bytes'],
    [{ sig: 'x'.repeat(64) }, 'no signature of 64 bytes'],
    [{ version: 2 }, 'unsupported-version'],
    [{ version: 4 }, 'unsupported-version'],
    [{ version: '3' }, 'no version'],
    [{ version: null }, 'no version'],
  ])('with %j: %s', (change, expected) => {
    expect(read(change)).toBe(expected)
  })

  it('needs each of its fields but prev', () => {
    const codes = ['did', 'version', 'data', 'rev', 'sig', 'prev'].map((name) => {
      try {
        return formatCid(readCommit(encode(without(name))).data)
      } catch (error) {
        return (error as { message: string }).message.split(': ')[1]!
      }
    })
    expect(codes).toEqual([
      'no valid did',
      'no version',
      'no valid data',
      'no valid rev',
      'no signature of 64 bytes',
      formatCid(data),
    ])
  })

  it('has 10 000 bytes at most, and is a map', () => {
    const { length } = encode({ ...fields, x: 'x'.repeat(5_000) })
    const sized = (bytes: number): string => read({ x: 'x'.repeat(5_000 + bytes - length) })
    expect(sized(10_000)).toBe('ok')
    expect(sized(10_001)).toBe('10001 bytes')
    for (const value of [null, 1, [], data, new Uint8Array(1)]) {
      expect(() => readCommit(encode(value))).toThrow(expect.objectContaining({ code: 'malformed-commit' }))
    }
    expect(() => readCommit(Uint8Array.of(0xff))).toThrow('commit block is not valid CBOR')
  })

  it('is of the account and signed by the key it is said to be', async () => {
    const signed = await signCommit({ did, data, rev: fields.rev }, signer)
    const options = {
      blocks: new CidMap([[signed.commit, signed.commitBytes]]),
      commit: signed.commit,
      did,
      key,
    }
    const code = (change: object): string => {
      const result = verifyCommit({ ...options, ...change })
      return result.ok ? 'ok' : result.error.code
    }
    expect(code({})).toBe('ok')
    expect(code({ did: other })).toBe('did-mismatch')
    expect(code({ key: createKeypair().publicKey })).toBe('bad-signature')
    expect(code({ verify: () => false })).toBe('bad-signature')
    expect(code({ commit: data })).toBe('missing-block')
    expect(code({ blocks: { get: () => Uint8Array.of(0xff) } })).toBe('malformed-commit')
  })
})

describe('inversion', () => {
  it('says which op does not fit', async () => {
    const store = createMemoryRepoStore()
    const first = await commit(store, create('a'), create('b'))
    const { cid } = prepareWrite(create('z'))
    const path = `${collection}/a`
    const own = first.ops[0]!.cid!
    for (const [op, code, at] of [
      [{ action: 'create', path, cid: own }, 'ok', undefined],
      [{ action: 'create', path, cid }, 'inversion-failed', path],
      [{ action: 'create', path: `${collection}/c`, cid }, 'inversion-failed', `${collection}/c`],
      [{ action: 'delete', path, cid: null, prev: own }, 'inversion-failed', path],
      [{ action: 'update', path, cid, prev: own }, 'inversion-failed', path],
    ] as const) {
      let found: { code: string; path?: string } = { code: 'ok' }
      try {
        invertOps(first.newBlocks, first.data, [op])
      } catch (error) {
        found = error as typeof found
      }
      expect([found.code, found.path]).toEqual([code, at])
    }
    expect(() => invertOps(new CidMap<Uint8Array>(), first.data, [])).not.toThrow()
    expect(() => invertOps(new CidMap<Uint8Array>(), first.data, first.ops)).toThrow(
      expect.objectContaining({ code: 'missing-block' }),
    )
  })
})

describe('an archive', () => {
  const store = createMemoryRepoStore()
  let car: Uint8Array
  let roots: CID[]
  let blocks: CarBlock[]
  beforeAll(async () => {
    // A record of each text stands at several paths.
    await commit(store, ...Array.from({ length: 120 }, (_, i) => create(`r${i}`, `note ${i % 50}`)))
    car = await collect(exportRepo(store, did))
    ;({ roots, blocks } = readCar(car) as { roots: CID[]; blocks: CarBlock[] })
  })
  const read = (bytes: Uint8Array, options: Partial<ReadRepoOptions> = {}): Promise<string> =>
    codeOf(readRepo(bytes, { did, key, ...options } as ReadRepoOptions).then((reader) => all(reader.entries)))

  it('has so many records and bytes at most', async () => {
    expect(await read(car, { maxRecords: 120 })).toBe('ok')
    expect(await read(car, { maxRecords: 119 })).toBe('malformed-repo')
    expect(await read(car, { maxSize: car.length })).toBe('ok')
    expect(await read(car, { maxSize: car.length - 1 })).not.toBe('ok')
  })

  it('is of the account asked for, of whichever if none is', async () => {
    expect(await read(car, { did: 'did:plc:bbcdefghijklmnopqrstuvwx' })).toBe('did-mismatch')
    const reader = await readRepo(car, { key })
    expect([reader.did, formatCid(reader.commit)]).toEqual([did, formatCid(roots[0]!)])
    await reader[Symbol.asyncDispose]()
    expect(await read(writeCar([], blocks))).toBe('malformed-repo')
    expect(await read(writeCar([cidForRaw(new Uint8Array())], blocks))).toBe('missing-block')
  })

  it('is held back up to the bound, to the byte', async () => {
    const reversed = writeCar(roots, blocks.toReversed())
    const held = new CidMap(blocks.slice(1).map(({ cid, bytes }) => [cid, bytes.length + 250] as const))
    const bound = [...held.values()].reduce((sum, size) => sum + size, 0)
    expect(await read(reversed, { maxBuffered: bound })).toBe('ok')
    expect(await read(reversed, { maxBuffered: bound - 1 })).toBe('buffer-exceeded')
  })

  it('ends with what belongs to it, up to the bound of what is held back', async () => {
    const tail = (count: number): CarBlock[] =>
      Array.from({ length: count }, (_, i) => {
        const bytes = encode({ nothing: 1_000_000 + i })
        return { cid: cidForCbor(bytes), bytes }
      })
    const each = tail(1)[0]!.bytes.length + 250
    const long = writeCar(roots, [...blocks, ...tail(10)])
    expect(await read(long, { maxBuffered: 10 * each })).toBe('ok')
    expect(await read(long, { maxBuffered: 10 * each - 1 })).toBe('buffer-exceeded')
    // What breaks off behind the last record is not whole.
    expect(await read(long.subarray(0, long.length - 1))).toBe('unexpected-end')
    expect(await read(Buffer.concat([car, Uint8Array.of(5)]))).toBe('unexpected-end')
  })

  it('may repeat its records as often as they stand in it, not without end', async () => {
    const own = blocks.filter(({ bytes }) => bytes.length < 30)
    const used = blocks.slice(0).reduce((sum, { bytes }) => sum + bytes.length + 250, 0)
    const repeats = (bytes: number): CarBlock[] => {
      const list: CarBlock[] = []
      for (let size = 0, i = 0; ; i++) {
        const block = own[i % own.length]!
        size += block.bytes.length + 250
        if (size > bytes) return list
        list.push(block)
      }
    }
    expect(await read(writeCar(roots, [...blocks, ...repeats(used - 5_000)]), { maxBuffered: 0 })).toBe('ok')
    expect(await read(writeCar(roots, [...blocks, ...repeats(used + 600)]), { maxBuffered: 0 })).toBe(
      'buffer-exceeded',
    )
  })

  it('gives what is held back to its budget again, however the read ends', async () => {
    const reversed = writeCar(roots, blocks.toReversed())
    const budget = createByteBudget(1_000_000)
    const whole = async (): Promise<boolean> => {
      const free = budget.take(1_000_000)
      if (free) budget.give(1_000_000)
      return free
    }
    const reader = await readRepo(reversed, { did, key, budget })
    expect(await whole()).toBe(false)
    for await (const _ of reader.entries) break
    expect(await whole()).toBe(true)
    const disposed = await readRepo(reversed, { did, key, budget })
    await disposed[Symbol.asyncDispose]()
    expect(await whole()).toBe(true)
    expect(await codeOf(readRepo(reversed, { did: other, key, budget }))).toBe('did-mismatch')
    expect(await whole()).toBe(true)
    await all((await readRepo(reversed, { did, key, budget })).blocks)
    expect(await whole()).toBe(true)
  })

  it('holds about a megabyte of copies at a time of a record that stands at every path', async () => {
    const repeating = createMemoryRepoStore()
    for (let i = 0; i < 150; i += 50) await commit(repeating, ...many(50, i, 'x'.repeat(100_000)))
    const batches = await all((await readRepo(exportRepo(repeating, did), { did, key })).batches)
    const sizes = batches.map((batch) => batch.reduce((sum, { bytes }) => sum + bytes.length, 0))
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(15_000_000)
    expect(Math.max(...sizes)).toBeLessThan(1024 * 1024 + 2 * 100_100)
  })

  it('comes in batches of 500 at most, whichever way it is read', async () => {
    const large = createMemoryRepoStore()
    for (let i = 0; i < 6; i++) await commit(large, ...many(200, i * 200))
    const bytes = await collect(exportRepo(large, did))
    const whole = readCar(bytes)
    const backwards = writeCar(whole.roots, whole.blocks.toReversed())
    const batches = await all((await readRepo(backwards, { did, key })).batches)
    expect(batches.reduce((sum, { length }) => sum + length, 0)).toBe(1200)
    expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(500)
    expect(batches.length).toBeLessThan(10)
    const order = await all((await readRepo(bytes, { did, key })).blocks)
    expect(order.map(({ cid }) => formatCid(cid))).toEqual(
      readCar(bytes)
        .blocks.slice(1)
        .map(({ cid }) => formatCid(cid)),
    )
    const seen: number[] = []
    const events: string[] = []
    const copy = createMemoryRepoStore()
    await importRepo({
      did,
      store: copy,
      source: bytes,
      key,
      keepCommit: true,
      onRecords: (records) => void seen.push(records.length),
      beforeSwap: async () => {
        events.push(
          `swap ${seen.reduce((sum, count) => sum + count, 0)} ${(await copy.getHead(did)) === null}`,
        )
      },
      alongside: (_tx, head) => void events.push(`alongside ${head.did} ${head.rev}`),
    })
    expect(Math.max(...seen)).toBeLessThanOrEqual(500)
    expect(seen.length).toBeLessThan(10)
    expect(events).toEqual(['swap 1200 true', `alongside ${did} ${(await large.getHead(did))!.rev}`])
  })

  it('is taken over in a revision above its own and the present one', async () => {
    const archived = (await store.getHead(did))!.rev
    const later = clock.nextAfter(archived)
    const latest = clock.nextAfter(later)
    const take = (target: Store, rev: Tid | ((archived: Tid) => Tid), change: object = {}): Promise<string> =>
      codeOf(importRepo({ did, store: target, source: car, key, signer, rev, ...change }))
    expect(await take(createMemoryRepoStore(), archived)).toBe('stale-rev')
    expect(await take(createMemoryRepoStore(), () => archived)).toBe('stale-rev')
    expect(await take(createMemoryRepoStore(), archived, { unsafeOlderRev: true })).toBe('ok')
    const target = createMemoryRepoStore()
    expect(await take(target, later)).toBe('ok')
    expect(await take(target, later)).toBe('stale-rev')
    expect(await take(target, latest)).toBe('ok')
    expect((await target.getHead(did))!.rev).toBe(latest)
    const keep = (): Promise<string> =>
      codeOf(importRepo({ did, store: target, source: car, key, keepCommit: true }))
    expect(await keep()).toBe('stale-rev')
  })

  it('is rebuilt in a revision above the present one', async () => {
    const target = createMemoryRepoStore()
    const first = await commit(target, create('a'))
    const records = () => [{ path: `${collection}/b`, bytes: encode({ b: 1 }) }]
    const at = (rev: Tid, change: object = {}): Promise<string> =>
      codeOf(rebuildRepo({ store: target, did, signer, rev, records, ...change }))
    expect(await at(first.rev)).toBe('stale-rev')
    expect(await at(first.rev, { unsafeOlderRev: true })).toBe('ok')
    expect(await at(clock.nextAfter(first.rev))).toBe('ok')
    expect((await all(listRecords(target, did))).map(({ path }) => path)).toEqual([`${collection}/b`])
    expect(
      await codeOf(rebuildRepo({ store: createMemoryRepoStore(), did, signer, rev: first.rev, records })),
    ).toBe('ok')
  })

  it('since a revision has what came after it, and nothing of that revision', async () => {
    const target = createMemoryRepoStore()
    await commit(target, ...many(100))
    const second = await commit(target, create('x'))
    const third = await commit(target, create('y'))
    const since = async (rev: Tid): Promise<string[]> =>
      texts(readCar(await collect(exportSince(target, did, rev))).blocks.map(({ cid }) => cid))
    expect(await since(third.rev)).toEqual([formatCid(third.commit)])
    expect(await since(second.rev)).toEqual(texts(third.newBlocks.keys()))
    expect(await since('2222222222222' as Tid)).toHaveLength(
      new Set(readCar(await collect(exportRepo(target, did))).blocks.map(({ cid }) => formatCid(cid))).size,
    )
    expect(await codeOf(collect(exportSince(target, other, second.rev)))).toBe('repo-not-found')
    expect(await codeOf(collect(exportRepo(target, other)))).toBe('repo-not-found')
  })

  it('of packed blocks has no links but to nodes and records that are there', async () => {
    const head = (await store.getHead(did))!
    const pack = (list: readonly CarBlock[]) => ({
      bytes: Buffer.concat(list.flatMap(({ cid, bytes }) => [cid.bytes.subarray(4), bytes])),
      lengths: list.map(({ bytes }) => bytes.length),
    })
    const distinct = [...new Map(blocks.map((block) => [formatCid(block.cid), block])).values()]
    const written = (of = pack(distinct), at: RepoHead = head): Uint8Array =>
      Buffer.concat([...writePacked(at, of)])
    expect(Buffer.from(written()).equals(car)).toBe(true)
    for (const gone of [0, 1, 5, distinct.length - 1]) {
      expect(() => written(pack(distinct.toSpliced(gone, 1)))).toThrow(
        expect.objectContaining({ code: 'missing-block' }),
      )
    }
    const packed = pack(distinct)
    expect(() => written({ ...packed, bytes: packed.bytes.subarray(1) })).toThrow(
      expect.objectContaining({ code: 'malformed-repo' }),
    )
    // A raw CID with the hash of a stored block is another block.
    const raw = cidForRaw(blocks[1]!.bytes)
    expect(() => written(packed, { ...head, data: raw })).toThrow(
      expect.objectContaining({ code: 'missing-block' }),
    )
  })

  it('is checked against its head', async () => {
    const head = (await store.getHead(did))!
    const check = async (change: Partial<typeof head>): Promise<string[]> => {
      const target = {
        ...store,
        snapshot: async (of: Did) => {
          const snapshot = (await store.snapshot(of))!
          return { ...snapshot, head: { ...head, ...change } }
        },
      }
      return (await checkRepo(target, did, { key })).faults.map(({ code }) => code)
    }
    expect(await check({})).toEqual([])
    expect(await check({ rev: clock.nextAfter(head.rev) })).toEqual(['head-mismatch'])
    expect(await check({ data: blocks[2]!.cid })).toContain('head-mismatch')
    const found: string[] = []
    const report = await checkRepo(store, did, { key, onRecord: ({ path }) => void found.push(path) })
    expect([report.records, report.nodes + new Set(found).size]).toEqual([120, report.nodes + 120])
    expect(found).toEqual(found.toSorted())
    expect((await checkRepo(store, did, { key, verify: () => false })).faults).toMatchObject([
      { code: 'bad-signature', cid: head.commit },
    ])
  })

  it('that is new is not there when what goes alongside fails', async () => {
    const memory = createMemoryRepoStore()
    const head = (await store.getHead(did))!
    const failing = memory.replace(
      head,
      (async function* () {
        yield* blocks
      })(),
      () => {
        throw new Error('no')
      },
    )
    await expect(failing).rejects.toThrow('no')
    expect(await memory.getHead(did)).toBe(null)
    expect(await memory.listHeads(null, 10)).toEqual([])
  })

  it('is said to lack a block, or to have another one, where that is, and nothing more', async () => {
    const every = await all(listRecords(store, did))
    const [gone, altered] = [every[10]!, every[20]!]
    const target = {
      ...store,
      snapshot: async (of: Did) => {
        const snapshot = (await store.snapshot(of))!
        const getBlocks: typeof snapshot.getBlocks = async (...asked) => {
          const found = await snapshot.getBlocks(...asked)
          found.delete(gone.cid)
          if (found.has(altered.cid)) found.set(altered.cid, new Uint8Array([0xa0]))
          return found
        }
        return { head: snapshot.head, getBlocks, [Symbol.asyncDispose]: async () => {} }
      },
    }
    const report = await checkRepo(target, did, { key })
    // A record may stand at several paths: each of them is told.
    const expected = every.flatMap(({ path, cid }) => {
      if (cidEquals(cid, gone.cid)) return [{ code: 'missing-block', cid, message: 'block is missing', path }]
      if (!cidEquals(cid, altered.cid)) return []
      return [{ code: 'hash-mismatch', cid, message: 'block is not what its CID says', path }]
    })
    expect(report.faults).toEqual(expected)
    expect(report.records).toBe(120 - expected.length)
  })

  it('lists a range of its records, and reads no more nodes than that takes', async () => {
    const every = (await all(listRecords(store, did))).map(({ path }) => path)
    for (const options of [
      { from: every[50]! },
      { after: every[50]! },
      { reverse: true },
      { prefix: `${collection}/r1` },
    ]) {
      const paths = (await all(listRecords(store, did, options))).map(({ path }) => path)
      const wanted = every.filter(
        (path) =>
          (options.from === undefined || path >= options.from) &&
          (options.after === undefined || path > options.after) &&
          (options.prefix === undefined || path.startsWith(options.prefix)),
      )
      expect(paths).toEqual(options.reverse === true ? wanted.toReversed() : wanted)
    }
    await using snapshot = (await store.snapshot(did))!
    const entries = await all(listEntries(snapshot))
    expect(entries.map(({ path }) => path)).toEqual(every)
  })
})

describe('proofs of records', () => {
  it('are refused for the reason they fail', async () => {
    const store = createMemoryRepoStore()
    const first = await commit(store, create('a'))
    const options = { did, collection, rkey: 'a', key } as const
    const own: CarBlock[] = [...first.newBlocks].map(([cid, bytes]) => ({ cid, bytes }))
    const code = (bytes: Uint8Array, change: object = {}): string => {
      const result = verifyRecordProof(bytes, { ...options, ...change })
      return result.ok ? `${result.value.record !== null}` : result.error.code
    }
    expect(code(writeCar([first.commit], own))).toBe('true')
    expect(code(writeCar([first.commit], own), { rkey: 'b' })).toBe('false')
    expect(code(writeCar([], own))).toBe('malformed-repo')
    expect(code(writeCar([first.commit], own), { verify: () => false })).toBe('bad-signature')
    expect(code(writeCar([first.commit], own), { key: createKeypair().publicKey, verify: () => true })).toBe(
      'true',
    )
    expect(code(new Uint8Array(3))).toBe('malformed-repo')
    const filler = encode({ x: 'x'.repeat(999_000) })
    const large = [...own, { cid: cidForCbor(filler), bytes: filler }]
    const tooLarge = [...large, { cid: cidForCbor(encode([filler])), bytes: encode([filler]) }, large.at(-1)!]
    expect(code(writeCar([first.commit], large))).toBe('true')
    expect(code(writeCar([first.commit], tooLarge))).toBe('malformed-repo')
  })
})

describe('a writer', () => {
  it('gives up after 20 commits of others, and says so', async () => {
    const store = createMemoryRepoStore()
    await commit(store, create('a'))
    let attempts = 0
    const busy = {
      ...store,
      apply: () => {
        attempts++
        const error = Object.assign(new Error(), { code: 'head-moved' })
        return store.apply({ ...broken, prevCommit: broken.commit }).catch((cause: unknown) => {
          throw cause ?? error
        })
      },
    }
    const broken = await make(store, [create('b')])
    const seen: string[] = []
    const writer = createRepoWriter({
      store: busy,
      signer: () => signer,
      clock,
      onCommit: ({ rev }) => seen.push(rev),
    })
    expect(await codeOf(writer.write(did, [prepareWrite(create('c'))]))).toBe('head-moved')
    expect([attempts, seen]).toEqual([20, []])
  })

  it('commits nothing where alongside throws, and tells nobody', async () => {
    const store = createMemoryRepoStore()
    const seen: string[] = []
    const writer = createRepoWriter({
      store,
      signer: () => signer,
      clock,
      onCommit: ({ rev }) => seen.push(rev),
    })
    await writer.create(did, [])
    const before = await store.getHead(did)
    const failing = writer.write(did, [prepareWrite(create('a'))], {
      alongside: () => {
        throw Object.assign(new Error('disk'), { code: 'disk' })
      },
    })
    expect(await codeOf(failing)).toBe('disk')
    expect(await store.getHead(did)).toEqual(before)
    expect(seen).toHaveLength(1)
    expect(await codeOf(writer.write(did, [prepareWrite(create('a'))], { swapCommit: before!.commit }))).toBe(
      'ok',
    )
  })
})

describe('what is held back', () => {
  it('is handed out once, and records again from what was used last', async () => {
    const list = [1, 2, 3].map((i) => {
      const bytes = encode({ i })
      return { cid: cidForCbor(bytes), bytes }
    })
    const [a, b, c] = list as [CarBlock, CarBlock, CarBlock]
    const source = (async function* (): AsyncGenerator<readonly CarBlock[], void> {
      yield list.slice(0, 2)
      yield list.slice(2)
    })()
    const budget = createByteBudget(10_000)
    const buffer = createBlockBuffer(source, 10_000, budget)
    expect(buffer.takeNow(c.cid, false)).toBeUndefined()
    expect(await buffer.take(c.cid, false)).toEqual(c.bytes)
    expect(budget.take(10_000 - a.bytes.length - b.bytes.length - 500)).toBe(true)
    expect(budget.take(1)).toBe(false)
    expect(buffer.takeNow(a.cid, false)).toEqual(a.bytes)
    expect(budget.take(a.bytes.length + 250)).toBe(true)
    expect(buffer.takeNow(a.cid, false)).toBeUndefined()
    expect(buffer.takeNow(b.cid, true)).toEqual(b.bytes)
    expect(buffer.takeNow(b.cid, true)).toEqual(b.bytes)
    expect(buffer.takeNow(b.cid, false)).toBeUndefined()
    expect(await buffer.take(a.cid, false)).toBeNull()
    await buffer.drain()
    await buffer.close()
  })
})
