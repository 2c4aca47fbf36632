// What becomes of blocks when repositories are replaced, deleted, read and left half written at the same time.
import { createKeypair } from '@avocet/crypto'
import { type CID, cidFromBytes, cidFromDigest } from '@avocet/data'
import {
  applyWrites,
  checkRepo,
  createRepoWriter,
  prepareWrite,
  type CommitData,
  type StoredBlock,
} from '@avocet/repo'
import { openDatabase, type Database } from '@avocet/sqlite'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRepoStore, type SqliteRepoStore } from '../src/store.ts'

const did: Did = 'did:web:alice.example.com'
const collection: Nsid = 'com.example.note'
const signer = createKeypair()
const clock = createTidClock()

let db: Database
let sql: string[]
let store: SqliteRepoStore
let writer: ReturnType<typeof createRepoWriter<Database>>
beforeEach(() => {
  db = openDatabase({ path: ':memory:' })
  sql = []
  const prepare = db.prepare.bind(db)
  store = openRepoStore({
    ...db,
    prepare(text) {
      sql.push(text)
      return prepare(text)
    },
  })
  writer = createRepoWriter({ store, clock, signer: () => signer })
})
afterEach(() => db.close())

const put = (rkey: string, text: string = rkey) =>
  prepareWrite({ action: 'create', collection, rkey, record: { text } })
const remove = (rkey: string) => prepareWrite({ action: 'delete', collection, rkey })
const count = (table: string): number => Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!['n'])
/** Rows that no repository with a name has. */
const leftovers = (): number[] =>
  ['repo_block', 'repo_block_place'].map((table) =>
    count(`${table} WHERE repo NOT IN (SELECT id FROM repo WHERE did NOT NULL)`),
  )

/** A repository as an import brings it. */
async function archive(records: number): Promise<{ head: CommitData; blocks: StoredBlock[] }> {
  const head = await applyWrites({
    did,
    head: null,
    store: { getBlocks: () => Promise.reject(new Error('a first commit reads nothing')) },
    writes: Array.from({ length: records }, (_, i) => put(`imported${i}`)),
    signer,
    rev: clock.next(),
  })
  return { head, blocks: [...head.newBlocks].map(([cid, bytes]) => ({ cid, bytes })) }
}
async function* stream(
  blocks: readonly StoredBlock[],
  meanwhile: () => Promise<unknown> = async () => {},
): AsyncGenerator<StoredBlock, void> {
  const half = blocks.length >> 1
  yield* blocks.slice(0, half)
  await meanwhile()
  yield* blocks.slice(half)
}

describe('an import', () => {
  it('into a repository that is off leaves it so', async () => {
    await writer.create(did, [put('a')])
    await store.setStatus(did, 'suspended')
    const { head, blocks } = await archive(3)
    await store.replace(head, stream(blocks))
    expect(await store.getHead(did)).toMatchObject({ rev: head.rev, status: 'suspended' })
  })

  it('into a deleted one is refused', async () => {
    await writer.create(did, [put('a')])
    await store.setStatus(did, 'deleted')
    const { head, blocks } = await archive(3)
    await expect(store.replace(head, stream(blocks))).rejects.toMatchObject({ code: 'inactive-repo' })
    await store.swept()
    expect([(await store.getHead(did))?.status, leftovers()]).toEqual(['deleted', [0, 0]])
  })

  it('gives way to a commit that came meanwhile, and leaves nothing behind', async () => {
    await writer.create(did, [put('a')])
    const { head, blocks } = await archive(3)
    const late = store.replace(
      head,
      stream(blocks, () => writer.write(did, [put('b')])),
    )
    await expect(late).rejects.toMatchObject({ code: 'head-moved' })
    await store.swept()
    expect([(await checkRepo(store, did)).records, leftovers()]).toEqual([2, [0, 0]])
  })

  it('whose half another process took for a leftover fails', async () => {
    const { head, blocks } = await archive(100)
    const swept = store.replace(
      head,
      stream(blocks, () => openRepoStore(db).swept()),
    )
    await expect(swept).rejects.toMatchObject({ code: 'head-moved' })
    expect(await store.getHead(did)).toBe(null)
  })

  it('counts what stands at several paths, and stores it once', async () => {
    const { head, blocks } = await archive(40)
    await store.replace(head, stream([...blocks, ...blocks.slice(0, 10)]))
    expect(store.size(did).blocks).toBe(blocks.length)
    expect(count('repo_block WHERE refs = 2')).toBe(10)
  })

  it('of large records is written in pieces of half a megabyte', async () => {
    const blocks = Array.from({ length: 8 }, (_, i): StoredBlock => {
      const { cid, bytes } = put('x', `${i}`.repeat(300_000))
      return { cid: cid!, bytes: bytes! }
    })
    const { head } = await archive(1)
    const written: number[] = []
    const stored = store.replace(
      head,
      (async function* () {
        for (const block of blocks) {
          yield block
          await new Promise((resolve) => setImmediate(resolve))
          written.push(count('repo_block'))
        }
      })(),
    )
    await stored
    // Two make more than half a megabyte; three such writes may be under way.
    expect(written.at(-1)).toBeGreaterThanOrEqual(2)
    expect(count('repo_block')).toBe(8)
  })
})

describe('an import of made-up blocks', () => {
  const block = (i: number): StoredBlock => {
    const digest = new Uint8Array(32)
    new DataView(digest.buffer).setUint32(28, i)
    return { cid: cidFromDigest('dag-cbor', digest), bytes: Uint8Array.of(0xa0) }
  }

  it('whose digests begin alike puts every 4096 of them into the index', async () => {
    const { head } = await archive(1)
    const seen: boolean[] = []
    const blocks = async function* () {
      for (let i = 0; i < 4096; i++) yield block(i)
      seen.push(count('repo_block_place') > 0)
      yield block(4096)
    }
    await store.replace(head, blocks())
    expect([seen, count('repo_block_place')]).toEqual([[true], 4097])
  })

  it('whose last write fails is none', async () => {
    const { head } = await archive(1)
    db.raw.exec(`CREATE TEMP TRIGGER full BEFORE INSERT ON repo_block_place
      BEGIN SELECT RAISE(ABORT, 'no room'); END`)
    await expect(store.replace(head, stream([block(1), block(2)]))).rejects.toThrow('no room')
    expect(await store.getHead(did)).toBe(null)
  })
})

it('blocks of an import are not new to whoever asks since its revision', async () => {
  const { head, blocks } = await archive(3)
  await store.replace(head, stream(blocks))
  const cids = blocks.map(({ cid }) => cid)
  expect((await store.getBlocks(did, cids, head.rev)).size).toBe(0)
  expect((await store.getBlocks(did, cids, '')).size).toBe(cids.length)
})

describe('while a snapshot is open', () => {
  const blocksOf = async (
    snapshot: { head: { commit: CID; data: CID } } & Pick<SqliteRepoStore, 'getBlocks'>,
  ) => (await snapshot.getBlocks(did, [snapshot.head.commit, snapshot.head.data], '')).size

  it('what is removed, replaced or deleted is read on, then goes', async () => {
    for (const change of [
      () => store.remove(did),
      () => store.setStatus(did, 'deleted'),
      async () => {
        const { head, blocks } = await archive(2)
        await store.replace(head, stream(blocks))
      },
    ]) {
      const other = openDatabase({ path: ':memory:' })
      db.close()
      db = other
      store = openRepoStore(db)
      writer = createRepoWriter({ store, clock, signer: () => signer })
      await writer.create(did, [put('a'), put('b')])
      const snapshot = (await store.snapshot(did))!
      await change()
      await store.swept()
      expect(await blocksOf(snapshot)).toBe(2)
      expect(leftovers()[0]).toBeGreaterThan(0)
      await snapshot[Symbol.asyncDispose]()
      await store.swept()
      expect(leftovers()).toEqual([0, 0])
    }
  })

  it('a repository that was replaced is swept by the next process, if this one ends', async () => {
    await writer.create(did, [put('a')])
    void (await store.snapshot(did))
    const { head, blocks } = await archive(2)
    await store.replace(head, stream(blocks))
    expect(leftovers()[0]).toBeGreaterThan(0)
    await openRepoStore(db).swept()
    expect(leftovers()).toEqual([0, 0])
  })

  it('and another one too, what a commit dropped stays until both are closed, whoever closes twice', async () => {
    await writer.create(did, [put('a')])
    const [one, two] = [(await store.snapshot(did))!, (await store.snapshot(did))!]
    await writer.write(did, [remove('a')])
    await one[Symbol.asyncDispose]()
    await one[Symbol.asyncDispose]()
    await store.swept()
    expect(await blocksOf(two)).toBe(2)
    expect(count('repo_block WHERE refs <= 0')).toBeGreaterThan(0)
    await two[Symbol.asyncDispose]()
    await store.swept()
    expect(count('repo_block WHERE refs <= 0')).toBe(0)
    expect(store.size(did).blocks).toBe(2)
  })

  it('that was opened while another one’s blocks are swept, the rest of them stays until it is closed', async () => {
    const rkeys = Array.from({ length: 150 }, (_, i) => `k${i}`)
    await writer.create(
      did,
      rkeys.map((rkey) => put(rkey)),
    )
    const one = (await store.snapshot(did))!
    await writer.write(did, rkeys.map(remove))
    const dead = count('repo_block WHERE refs <= 0')
    await one[Symbol.asyncDispose]()
    const two = (await store.snapshot(did))!
    await store.swept()
    expect(count('repo_block WHERE refs <= 0')).toBe(dead)
    await two[Symbol.asyncDispose]()
    await store.swept()
    expect(count('repo_block WHERE refs <= 0')).toBe(0)
    const places =
      count('repo_block_place') + count('repo JOIN repo_block b ON b.repo = repo.id AND b.id >= placed')
    expect(places).toBe(store.size(did).blocks)
  })

  it('a block that was dropped and comes back is new to whoever asks since', async () => {
    const first = await writer.create(did, [put('a', 'same')])
    const snapshot = (await store.snapshot(did))!
    const second = await writer.write(did, [remove('a')])
    const third = await writer.write(did, [put('b', 'same')])
    const cid = third!.ops[0]!.cid!
    expect((await store.getBlocks(did, [cid], second!.rev)).has(cid)).toBe(true)
    expect((await store.getBlocks(did, [cid], third!.rev)).has(cid)).toBe(false)
    await snapshot[Symbol.asyncDispose]()
    await store.swept()
    expect((await store.getBlocks(did, [cid], first.rev)).has(cid)).toBe(true)
  })
})

it('a record at a second path is not new to whoever asks since', async () => {
  const first = (await writer.create(did, [put('a', 'same')]))!
  await writer.write(did, [put('b', 'same')])
  const cid = first.ops[0]!.cid!
  expect((await store.getBlocks(did, [cid], first.rev)).has(cid)).toBe(false)
  expect((await store.getBlocks(did, [cid], '')).has(cid)).toBe(true)
})

describe('reading', () => {
  it('blocks written or read last does not go to the database', async () => {
    const { newBlocks } = await writer.create(did, [put('a')])
    const cids = [...newBlocks.keys()]
    const reads = async (from: SqliteRepoStore): Promise<number> => {
      sql.length = 0
      expect((await from.getBlocks(did, cids)).size).toBe(cids.length)
      return sql.filter((text) => text.includes('bytes FROM repo_block')).length
    }
    expect(await reads(store)).toBe(0)
    const prepare = db.prepare.bind(db)
    const fresh = openRepoStore({ ...db, prepare: (text) => (sql.push(text), prepare(text)) })
    // Looked for in the index, then among the newest, of which nothing is known yet.
    expect([await reads(fresh), await reads(fresh)]).toEqual([2 * cids.length, 0])
  })

  it('a block of another codec with the same digest is not there', async () => {
    const { ops } = await writer.create(did, [put('a')])
    const cid = ops[0]!.cid!
    const raw = cidFromBytes(cid.bytes.with(1, 0x55))
    expect((await store.getBlocks(did, [cid, raw])).size).toBe(1)
    expect((await store.getBlocks(did, [raw], '')).size).toBe(0)
    // Nor where nothing is known of the newest yet, and where it is in the index.
    expect((await openRepoStore(db).getBlocks(did, [raw])).size).toBe(0)
    const { head, blocks } = await archive(1)
    await store.replace(head, stream(blocks))
    expect((await store.getBlocks(did, [cidFromBytes(head.data.bytes.with(1, 0x55))])).size).toBe(0)
  })

  it('a commit that failed alongside left nothing to be read', async () => {
    await writer.create(did, [put('a')])
    const data = await applyWrites({
      did,
      head: await store.getHead(did),
      store,
      writes: [put('b')],
      signer,
      rev: clock.next(),
    })
    const failing = store.apply(data, () => {
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect((await store.getBlocks(did, [data.commit])).size).toBe(0)
  })
})

it('has swept when nothing is left, also of what was removed meanwhile', async () => {
  const other: Did = 'did:web:bob.example.com'
  await writer.create(did, [put('a')])
  await writer.create(other, [])
  for (let i = 0; i < 8; i++) await writer.write(other, [put(`large${i}`, `${i}`.repeat(900_000))])
  await store.remove(did)
  const swept = store.swept()
  await store.remove(other)
  await swept
  expect(leftovers()).toEqual([0, 0])
})

it('sweeps two megabytes, or a hundred blocks without references, at a time', async () => {
  await writer.create(did, [])
  for (let i = 0; i < 8; i++) await writer.write(did, [put(`large${i}`, `${i}`.repeat(900_000))])
  let before = count('repo_block')
  let most = 0
  const write = db.write.bind(db)
  const watched = openRepoStore({
    ...db,
    write: (fn) =>
      write(() => {
        const result = fn()
        const now = count('repo_block')
        most = Math.max(most, before - now)
        before = now
        return result
      }),
  })
  await watched.remove(did)
  await watched.swept()
  expect([before, most <= 5]).toEqual([0, true])
  await writer.create(
    did,
    Array.from({ length: 150 }, (_, i) => put(`small${i}`)),
  )
  const snapshot = (await watched.snapshot(did))!
  await createRepoWriter({ store: watched, clock, signer: () => signer }).write(
    did,
    Array.from({ length: 150 }, (_, i) => remove(`small${i}`)),
  )
  before = count('repo_block')
  most = 0
  await snapshot[Symbol.asyncDispose]()
  await watched.swept()
  expect([before, most]).toEqual([2, 100])
})
