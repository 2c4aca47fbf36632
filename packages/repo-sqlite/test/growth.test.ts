import { randomBytes } from 'node:crypto'

import { createKeypair } from '@avocet/crypto'
import { checkRepo, createRepoWriter, exportSince, prepareWrite } from '@avocet/repo'
import { openDatabase, type Database } from '@avocet/sqlite'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { expect, it } from 'vitest'
import { openRepoStore } from '../src/store.ts'

const did: Did = 'did:web:alice.example.com'
const collection: Nsid = 'com.example.note'
const signer = createKeypair()

function setUp(db: Database) {
  const store = openRepoStore(db)
  return { store, writer: createRepoWriter({ store, clock: createTidClock(), signer: () => signer }) }
}
const put = (action: 'create' | 'update', i: number, text: string) =>
  prepareWrite({ action, collection, rkey: `k${i}`, record: { $type: collection, text } })

it('does not grow from churn: after 2 000 updates of 100 keys it holds what one commit needs', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { store, writer } = setUp(db)
  const first = await writer.create(
    did,
    Array.from({ length: 100 }, (_, i) => put('create', i, 'first')),
  )
  const before = store.size(did)
  expect(before.blocks).toBe(first.newBlocks.size)
  for (let round = 0; round < 20; round++) {
    await writer.write(
      did,
      Array.from({ length: 100 }, (_, i) => put('update', i, `text ${round} ${i}`)),
    )
  }
  const report = await checkRepo(store, did)
  expect(report.faults).toEqual([])
  expect(store.size(did).blocks).toBe(report.blocks)
  expect(store.size(did).blocks).toBeLessThanOrEqual(before.blocks + 100)
})

it('tells how much a repository takes up, and zero for one that is not there', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { store, writer } = setUp(db)
  expect(store.size(did)).toEqual({ blocks: 0, bytes: 0 })
  expect(await store.countBlocks(did)).toBe(0)
  const { newBlocks } = await writer.create(did, [put('create', 1, 'text')])
  let bytes = 0
  for (const [, block] of newBlocks) bytes += block.length
  expect(store.size(did)).toEqual({ blocks: 3, bytes })
  expect(await store.countBlocks(did)).toBe(3)
})

it('shares one transaction among commits to many repositories', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { writer } = setUp(db)
  let transactions = 0
  // The statement that the database keeps prepared.
  const commit = db.prepare('COMMIT')
  const run = commit.run.bind(commit) as () => ReturnType<typeof commit.run>
  commit.run = () => {
    transactions++
    return run()
  }
  await Promise.all(Array.from({ length: 50 }, (_, i) => writer.create(`did:web:w${i}.example.com`, [])))
  expect(transactions).toBeGreaterThan(0)
  expect(transactions).toBeLessThan(10)
})

it('keeps blocks that an export still reads, and only as long', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { store, writer } = setUp(db)
  await writer.create(
    did,
    Array.from({ length: 150 }, (_, i) => put('create', i, 'x'.repeat(2000) + i)),
  )
  // A walk over single blocks, as of a large repository.
  const chunks = exportSince(store, did, '')[Symbol.asyncIterator]()
  await chunks.next()
  await writer.write(
    did,
    Array.from({ length: 150 }, (_, i) => prepareWrite({ action: 'delete', collection, rkey: `k${i}` })),
  )
  expect(store.size(did).blocks).toBeGreaterThan(150)
  let size = 0
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next())
    size += next.value.length
  expect(size).toBeGreaterThan(150_000)
  await store.swept()
  expect(store.size(did).blocks).toBe(2)
  expect(await store.countBlocks(did)).toBe(2)
})

it('refuses an alongside that goes on after its transaction', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { store, writer } = setUp(db)
  const late = writer.create(did, [], { alongside: () => Promise.reject(new Error('late')) })
  await expect(late).rejects.toThrow(/must be synchronous/)
  expect(await store.getHead(did)).toBeNull()
})

it('counts, and sweeps what an earlier process left, in steps', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { store } = setUp(db)
  const rows = (repo: number, from: number, count: number, refs: number, isPlaced: boolean): void => {
    const insert = db.prepare(
      'INSERT INTO repo_block (id, repo, digest, refs, rev, bytes) VALUES (?, ?, ?, ?, ?, ?)',
    )
    const place = db.prepare('INSERT INTO repo_block_place (repo, digest, block) VALUES (?, ?, ?)')
    db.transaction(() => {
      for (let i = from; i < from + count; i++) {
        const digest = new Uint8Array(randomBytes(32))
        insert.run(repo * 2 ** 31 + i, repo, digest, refs, '', Buffer.alloc(8))
        if (isPlaced) place.run(repo, digest, repo * 2 ** 31 + i)
      }
    })
  }
  const cid = `x'01711220${'00'.repeat(32)}'`
  db.raw.exec(`INSERT INTO repo (id, did, rev, data, head, status, placed) VALUES
    (1, '${did}', '', ${cid}, ${cid}, 'active', ${2 ** 31 + 21_002}),
    (2, NULL, '', ${cid}, ${cid}, 'active', ${2 * 2 ** 31 + 2501})`)
  rows(2, 0, 2501, 1, true)
  rows(2, 2501, 5, 1, false)
  rows(1, 0, 20_001, 1, true)
  rows(1, 20_001, 1001, 0, true)
  rows(1, 21_002, 10, 0, false)
  const again = openRepoStore(db)
  const counts = (): unknown[] =>
    ['', '_place'].map((name) => db.prepare(`SELECT count(*) AS n FROM repo_block${name}`).get()!['n'])
  expect(counts()).toEqual([23_518, 23_503])
  await again.swept()
  expect(counts()).toEqual([20_001, 20_001])
  let othersHadTheirTurn = false
  setImmediate(() => (othersHadTheirTurn = true))
  expect(await again.countBlocks(did)).toBe(20_001)
  expect(othersHadTheirTurn).toBe(true)
  // Too many to be read at once, however small they are.
  await using snapshot = (await again.snapshot(did))!
  await expect(snapshot.readAll!()).resolves.toBe(null)
  expect(db.prepare('SELECT id FROM repo').all()).toEqual([{ id: 1 }])
  void store
})
