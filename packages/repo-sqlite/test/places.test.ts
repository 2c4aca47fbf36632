import { createKeypair } from '@avocet/crypto'
import { checkRepo, createMemoryRepoStore, createRepoWriter, prepareWrite, rebuildRepo } from '@avocet/repo'
import { migrate, openDatabase, type Database } from '@avocet/sqlite'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { expect, it } from 'vitest'
import { migrations } from '../src/schema.ts'
import { openRepoStore } from '../src/store.ts'

const did: Did = 'did:web:alice.example.com'
const collection: Nsid = 'com.example.note'
const signer = createKeypair()

function setUp(db: Database) {
  const store = openRepoStore(db, { cacheSize: 0 })
  return { store, writer: createRepoWriter({ store, clock: createTidClock(), signer: () => signer }) }
}
const put = (action: 'create' | 'update', i: number, text: string) =>
  prepareWrite({ action, collection, rkey: `k${i}`, record: { $type: collection, text } })

it('takes a store of the first version over, every block found where it is', async () => {
  using db = openDatabase({ path: ':memory:' })
  migrate(db, 'repo', migrations.slice(0, 1))
  const others: Did = 'did:web:bob.example.com'
  const repos = createMemoryRepoStore()
  const writer = createRepoWriter({ store: repos, clock: createTidClock(), signer: () => signer })
  for (const [id, owner] of [did, others].entries()) {
    const { newBlocks } = await writer.create(
      owner,
      Array.from({ length: 60 }, (_, i) => put('create', i, `of ${owner} ${i}`)),
    )
    const head = (await repos.getHead(owner))!
    db.prepare('INSERT INTO repo (id, did, rev, data, head, status) VALUES (?, ?, ?, ?, ?, ?)').run(
      id + 1,
      owner,
      head.rev,
      head.data.bytes,
      head.commit.bytes,
      'active',
    )
    for (const [cid, bytes] of newBlocks) {
      db.prepare('INSERT INTO repo_block (repo, digest, refs, rev, bytes) VALUES (?, ?, 1, ?, ?)').run(
        id + 1,
        cid.bytes.subarray(4),
        head.rev,
        bytes,
      )
    }
  }
  const { store, writer: goesOn } = setUp(db)
  for (const owner of [did, others]) {
    const report = await checkRepo(store, owner)
    expect([report.faults, report.records]).toEqual([[], 60])
    expect(await store.countBlocks(owner)).toBe(report.blocks)
    await goesOn.write(owner, [put('update', 7, 'after'), put('create', 61, 'after')])
    expect((await checkRepo(store, owner)).faults).toEqual([])
  }
})

it('keeps the young index short, and finds and removes what left it', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { store, writer } = setUp(db)
  await writer.create(did, [])
  const length = (name: string): number =>
    Number(db.prepare(`SELECT count(*) AS n FROM repo_block_${name}`).get()!['n'])
  for (let i = 0; i < 40; i++) {
    await writer.write(
      did,
      Array.from({ length: 20 }, (_, k) => put('create', i * 20 + k, `${i} ${k}`)),
    )
    await store.swept()
    expect(length('young')).toBeLessThan(256 + 128 + 60)
    expect(length('young') + length('place')).toBe(store.size(did).blocks)
    // What has lasted longest has moved: what is new may soon be replaced.
    const { moved, newer } = db
      .prepare(
        `SELECT (SELECT max(block) FROM repo_block_place) AS moved,
           (SELECT min(block) FROM repo_block_young WHERE block > ?) AS newer`,
      )
      .get(2 ** 31 + 1)!
    if (moved !== null) expect(newer).toBeGreaterThan(moved as number)
  }
  expect(length('place')).toBeGreaterThan(500)
  const report = await checkRepo(store, did)
  expect([report.faults, report.records]).toEqual([[], 800])
  for (let i = 0; i < 40; i++) {
    const deletions = Array.from({ length: 20 }, (_, k) =>
      prepareWrite({ action: 'delete', collection, rkey: `k${i * 20 + k}` }),
    )
    await writer.write(did, deletions)
  }
  await store.swept()
  expect([length('young'), length('place'), store.size(did).blocks]).toEqual([2, 0, 2])
})

it('imports an archive whose records repeat, and one larger than what is sorted at a time', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { store } = setUp(db)
  const bytes = (i: number): Uint8Array =>
    prepareWrite({ action: 'create', collection, rkey: 'k', record: { text: `${i % 3000}` } }).bytes!
  const path = (i: number): string => `${collection}/k${String(i).padStart(6, '0')}`
  const rev = createTidClock().next()
  const records = function* () {
    for (let i = 0; i < 9000; i++) yield { path: path(i), bytes: bytes(i) }
  }
  await rebuildRepo({ store, did, signer, rev, records })
  const report = await checkRepo(store, did)
  expect([report.faults, report.records]).toEqual([[], 9000])
  expect(store.size(did).blocks).toBe(report.blocks)
  expect(db.prepare('SELECT refs, count(*) AS n FROM repo_block GROUP BY refs ORDER BY refs').all()).toEqual([
    { refs: 1, n: report.nodes + 1 },
    { refs: 3, n: 3000 },
  ])
})
