import { createKeypair } from '@avocet/crypto'
import { formatCid } from '@avocet/data'
import { applyWrites, exportRepo, createMemoryRepoStore, prepareWrite, type RepoStore } from '@avocet/repo'
import { openDatabase, type Database } from '@avocet/sqlite'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openRepoStore, type SqliteRepoStore } from '../src/store.ts'

const did: Did = 'did:web:alice.example.com'
const collection: Nsid = 'com.example.note'
const signer = createKeypair()
const clock = createTidClock()

let db: Database
let sqlite: SqliteRepoStore
let memory: ReturnType<typeof createMemoryRepoStore>
beforeEach(() => {
  db = openDatabase({ path: ':memory:' })
  sqlite = openRepoStore(db)
  memory = createMemoryRepoStore()
})
afterEach(() => db.close())

/** One commit of new records, in both stores. */
async function commit(texts: readonly string[], from = 0): Promise<void> {
  const head = await memory.getHead(did)
  const writes = texts.map((text, i) =>
    prepareWrite({
      action: 'create',
      collection,
      rkey: `r${String(from + i).padStart(6, '0')}`,
      record: { text },
    }),
  )
  const rev = clock.nextAfter(head?.rev ?? null)
  const data = await applyWrites({ did, head, store: memory, writes, signer, rev })
  await memory.apply(data)
  await sqlite.apply(data)
}

async function chunksOf<Tx>(store: RepoStore<Tx>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  for await (const chunk of exportRepo(store, did)) chunks.push(chunk)
  return chunks
}

/** Both exports; the memory store walks block by block. */
async function exports(): Promise<[sqlite: Buffer, memory: Buffer, chunks: number]> {
  const chunks = await chunksOf(sqlite)
  const walked = await chunksOf(memory)
  return [Buffer.concat(chunks), Buffer.concat(walked), chunks.length]
}

async function readsAll(): Promise<boolean> {
  await using snapshot = (await sqlite.snapshot(did))!
  return (await snapshot.readAll!()) !== null
}

// 90 different texts: most records stand at several paths, whose block is one row.
const texts = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `note ${i % 90}\0\u{fffd}é`)

it.each([0, 1, 2, 100, 2000])('exports %i records as the walk over single blocks does', async (count) => {
  await commit([])
  for (let from = 0; from < count; from += 200) {
    await commit(texts(Math.min(200, count - from)), from)
  }
  const [packed, walked] = await exports()
  expect(packed.equals(walked)).toBe(true)
})

it('has all blocks of a small repository in one piece, each behind its digest', async () => {
  await commit(texts(3))
  await using snapshot = (await sqlite.snapshot(did))!
  const { bytes, lengths } = (await snapshot.readAll!())!
  // A commit, a node of the tree and three records.
  expect(lengths).toHaveLength(5)
  let at = 0
  for (const length of lengths) {
    const block = bytes.subarray(at + 32, at + 32 + length)
    expect(
      createHash('sha256')
        .update(block)
        .digest()
        .equals(bytes.subarray(at, at + 32)),
    ).toBe(true)
    at += 32 + length
  }
  expect(at).toBe(bytes.length)
})

it('leaves out what a snapshot of another reader keeps, and what was removed', async () => {
  await commit(texts(30))
  const older = (await sqlite.snapshot(did))!
  await commit(texts(30), 30)
  const [packed, walked] = await exports()
  expect(packed.equals(walked)).toBe(true)
  await older[Symbol.asyncDispose]()
})

it('sends records larger than a chunk, and a repository too large to read at once block by block', async () => {
  const add = async (count: number, from: number): Promise<void> => {
    for (let i = from; i < from + count; i++) {
      await commit([String(i % 10).repeat(300_000 + i)], i)
    }
  }
  await add(4, 0)
  const [packed, walked, chunks] = await exports()
  expect(packed.equals(walked)).toBe(true)
  expect(chunks).toBeGreaterThan(3)
  await expect(readsAll()).resolves.toBe(true)
  await add(10, 4)
  await expect(readsAll()).resolves.toBe(false)
  const [packedAgain, walkedAgain] = await exports()
  expect(packedAgain.equals(walkedAgain)).toBe(true)
})

it('names a block that is missing', async () => {
  await commit(texts(50))
  const head = (await sqlite.getHead(did))!
  db.prepare('DELETE FROM repo_block WHERE digest = ?').run(head.data.bytes.subarray(4))
  await expect(chunksOf(sqlite)).rejects.toMatchObject({
    name: 'RepoError',
    code: 'missing-block',
    message: expect.stringContaining(formatCid(head.data)) as string,
  })
})
