import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

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

/** How many blocks the index has, and how many are newer. */
function counts(db: Database): { placed: number; young: number } {
  const placed = Number(db.prepare('SELECT count(*) AS n FROM repo_block_place').get()!['n'])
  const young = db.prepare(
    `SELECT count(*) AS n FROM repo JOIN repo_block ON repo_block.repo = repo.id AND repo_block.id >= placed`,
  )
  return { placed, young: Number(young.get()!['n']) }
}
const many = (i: number, count = 20) =>
  Array.from({ length: count }, (_, k) => put('create', i * count + k, `${i} ${k}`))
const deletions = (i: number) =>
  Array.from({ length: 20 }, (_, k) => prepareWrite({ action: 'delete', collection, rkey: `k${i * 20 + k}` }))

it('takes a store of the second version over, its young index among the other', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { writer } = setUp(db)
  for (let i = 0; i < 5; i++) await (i === 0 ? writer.create(did, many(i)) : writer.write(did, many(i)))
  // As the second version had it: part of the places in an index of their own.
  db.raw.exec(`
    INSERT OR IGNORE INTO repo_block_place SELECT repo, digest, id FROM repo_block;
    CREATE TABLE repo_block_young (repo INTEGER NOT NULL, digest BLOB NOT NULL, block INTEGER NOT NULL,
      PRIMARY KEY (repo, digest)) WITHOUT ROWID, STRICT;
    INSERT INTO repo_block_young SELECT * FROM repo_block_place WHERE block % 2 = 0;
    DELETE FROM repo_block_place WHERE block % 2 = 0;
    ALTER TABLE repo DROP COLUMN placed;
    UPDATE schema_versions SET version = 2 WHERE name = 'repo'`)
  const { store, writer: goesOn } = setUp(db)
  expect(counts(db)).toEqual({ placed: store.size(did).blocks, young: 0 })
  expect((await checkRepo(store, did)).faults).toEqual([])
  await goesOn.write(did, [put('update', 7, 'after'), put('create', 1000, 'after')])
  const report = await checkRepo(store, did)
  expect([report.faults, report.records, report.blocks]).toEqual([[], 101, store.size(did).blocks])
})

it('keeps the young blocks few, and finds and removes what left them', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { store, writer } = setUp(db)
  await writer.create(did, [])
  for (let i = 0; i < 40; i++) {
    await writer.write(did, many(i))
    await store.swept()
    const { placed, young } = counts(db)
    expect(young).toBeLessThan(128)
    expect(placed + young).toBe(store.size(did).blocks)
  }
  expect(counts(db).placed).toBeGreaterThan(500)
  const report = await checkRepo(store, did)
  expect([report.faults, report.records]).toEqual([[], 800])
  for (let i = 0; i < 40; i++) await writer.write(did, deletions(i))
  await store.swept()
  expect([counts(db), store.size(did).blocks]).toEqual([{ placed: 0, young: 2 }, 2])
})

it('knows the young blocks of a store that was opened anew, and of one whose last id was removed', async () => {
  using db = openDatabase({ path: ':memory:' })
  await setUp(db).writer.create(did, many(0))
  for (let i = 1; i < 30; i++) {
    const { store, writer } = setUp(db)
    await writer.write(did, i % 3 === 2 ? deletions(i - 1) : many(i))
    await store.swept()
    const report = await checkRepo(store, did)
    expect([report.faults, report.blocks]).toEqual([[], store.size(did).blocks])
    // Read without having been written to: found among rows that nobody has listed.
    expect((await checkRepo(setUp(db).store, did)).faults).toEqual([])
  }
})

it('knows the young blocks after a commit that was rolled back, alone and among others', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { store, writer } = setUp(db)
  const bob: Did = 'did:web:bob.example.com'
  await Promise.all([writer.create(did, many(0)), writer.create(bob, many(0))])
  const alongside = (): never => {
    throw new Error('refused')
  }
  for (let i = 1; i < 6; i++) {
    await expect(writer.write(did, deletions(0), { alongside })).rejects.toThrow('refused')
    const [failed, kept] = await Promise.allSettled([
      writer.write(did, many(i), { alongside }),
      writer.write(bob, many(i)),
    ])
    expect([failed.status, kept.status]).toEqual(['rejected', 'fulfilled'])
    await Promise.all([
      writer.write(did, [put('update', 3, `after ${i}`), ...many(i)]),
      writer.write(bob, many(50 + i)),
    ])
    for (const owner of [did, bob]) {
      const report = await checkRepo(store, owner)
      expect([report.faults, report.blocks]).toEqual([[], store.size(owner).blocks])
    }
  }
})

it('knows the young blocks of more repositories than it remembers', async () => {
  using db = openDatabase({ path: ':memory:' })
  const { store, writer } = setUp(db)
  const owners = Array.from({ length: 400 }, (_, i): Did => `did:web:w${i}.example.com`)
  await Promise.all(owners.map((owner) => writer.create(owner, many(0, 80))))
  await Promise.all(owners.map((owner) => writer.write(owner, [put('update', 3, 'after')])))
  for (const owner of owners.slice(0, 20)) {
    const report = await checkRepo(store, owner)
    expect([report.faults, report.blocks]).toEqual([[], store.size(owner).blocks])
  }
})

it('knows what another process wrote', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-young-'))
  try {
    using db = openDatabase({ path: join(folder, 'a.db') })
    using other = openDatabase({ path: join(folder, 'a.db') })
    const [here, there] = [setUp(db), setUp(other)]
    await here.writer.create(did, many(0))
    for (let i = 1; i < 8; i++) {
      await (i % 2 === 0 ? here : there).writer.write(did, [put('update', 3, `${i}`), ...many(i)])
      const report = await checkRepo(here.store, did)
      expect([report.faults, report.blocks]).toEqual([[], here.store.size(did).blocks])
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
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
