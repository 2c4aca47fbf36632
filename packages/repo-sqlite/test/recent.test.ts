// What a commit does to the rows of the one before: new blocks take over those of blocks that go; and the head it is built on.
import { createKeypair } from '@avocet/crypto'
import { cidForCbor } from '@avocet/data'
import { applyWrites, checkRepo, createRepoWriter, prepareWrite, type Write } from '@avocet/repo'
import { openDatabase, type Database } from '@avocet/sqlite'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRepoStore, type SqliteRepoStore } from '../src/store.ts'

const did: Did = 'did:web:alice.example.com'
const collection: Nsid = 'com.example.note'
const signer = createKeypair()
const clock = createTidClock()

let db: Database
let store: SqliteRepoStore
let writer: ReturnType<typeof createRepoWriter<Database>>
beforeEach(() => {
  db = openDatabase({ path: ':memory:' })
  store = openRepoStore(db)
  writer = createRepoWriter({ store, clock, signer: () => signer })
})
afterEach(() => db.close())

const put = (rkey: string, text: string = rkey, action: 'create' | 'update' = 'create'): Write =>
  prepareWrite({ action, collection, rkey, record: { text } })
const remove = (rkey: string): Write => prepareWrite({ action: 'delete', collection, rkey })
const rows = (): { id: number; digest: string; refs: number }[] =>
  db
    .prepare('SELECT id, hex(digest) AS digest, refs FROM repo_block ORDER BY id')
    .all() as unknown as ReturnType<typeof rows>
const ids = (): number[] => rows().map(({ id }) => id)
const digestOf = (write: Write): string =>
  Buffer.from(write.cid!.bytes.slice(4)).toString('hex').toUpperCase()

/** What is wrong by tree and signature, as the rows have it; each is the block that its digest names, and no other has the same. */
async function faults(): Promise<readonly unknown[]> {
  const all = db.prepare('SELECT digest, bytes, refs FROM repo_block').all()
  const found: unknown[] = all
    .filter(({ digest, bytes }) =>
      cidForCbor(bytes as Uint8Array)
        .bytes.slice(4)
        .some((byte, i) => byte !== (digest as Uint8Array)[i]),
    )
    .map(({ digest }) => ({ digest }))
  // With no block in memory.
  const fresh = openRepoStore(db, { cacheSize: 0 })
  const report = await checkRepo(fresh, did, { key: signer.publicKey })
  if (report.blocks !== all.length) found.push({ rows: all.length, blocks: report.blocks })
  return [...found, ...report.faults]
}

describe('the rows of blocks that go', () => {
  it('are those of the blocks that come', async () => {
    await writer.create(did, [put('a')])
    const before = ids()
    await writer.write(did, [put('a', 'other', 'update')])
    expect(ids()).toEqual(before)
    expect(await faults()).toEqual([])
    await writer.write(did, [put('b')])
    // One more record; the tree may have grown by a node.
    expect(ids().slice(0, before.length)).toEqual(before)
    expect(await faults()).toEqual([])
  })

  it('stay where another path has the same record, whose references are counted', async () => {
    await writer.create(did, [put('a', 'same'), put('b', 'same')])
    const same = digestOf(put('a', 'same'))
    const refs = (): number | undefined => rows().find(({ digest }) => digest === same)?.refs
    expect(refs()).toBe(2)
    await writer.write(did, [put('a', 'another', 'update')])
    expect(refs()).toBe(1)
    expect(await faults()).toEqual([])
    await writer.write(did, [put('b', 'another', 'update')])
    expect(refs()).toBeUndefined()
    expect(await faults()).toEqual([])
  })

  it('are not taken for those of blocks that were there before, and come back', async () => {
    await writer.create(did, [put('a')])
    await writer.write(did, [put('a', 'other', 'update')])
    await writer.write(did, [put('a', 'a', 'update')])
    expect(await faults()).toEqual([])
    await writer.write(did, [put('b')])
    await writer.write(did, [remove('b')])
    expect(await faults()).toEqual([])
    await writer.write(did, [put('b')])
    expect(await faults()).toEqual([])
  })

  it('are taken over among the newest alone, so that a commit touches few pages', async () => {
    await writer.create(did, [put('a')])
    for (let i = 0; i < 20; i++) await writer.write(did, [put(`k${i}`)])
    const before = rows()
    await writer.write(did, [put('a', 'other', 'update')])
    const kept = new Set(rows().map(({ id, digest }) => `${id} ${digest}`))
    const changed = before.filter(({ id, digest }) => !kept.has(`${id} ${digest}`))
    const later = new Set(ids())
    // Its own row is an old one: it is gone, and what came stands behind.
    expect(later.has(changed[0]!.id)).toBe(false)
    expect(await faults()).toEqual([])
  })

  it('stay while a snapshot is open', async () => {
    await writer.create(did, [put('a')])
    const snapshot = (await store.snapshot(did))!
    const before = rows().map(({ digest }) => digest)
    await writer.write(did, [put('a', 'other', 'update')])
    expect(
      rows()
        .map(({ digest }) => digest)
        .slice(0, before.length),
    ).toEqual(before)
    const found = await snapshot.getBlocks(did, [snapshot.head.commit, snapshot.head.data, put('a').cid!])
    expect(found.size).toBe(3)
    await snapshot[Symbol.asyncDispose]()
    await store.swept()
    expect(await faults()).toEqual([])
  })

  it('are given back when none comes, and nothing is left of a commit that failed', async () => {
    await writer.create(
      did,
      Array.from({ length: 40 }, (_, i) => put(`k${i}`)),
    )
    await writer.write(
      did,
      Array.from({ length: 39 }, (_, i) => remove(`k${i}`)),
    )
    expect(await faults()).toEqual([])
    expect(rows()).toHaveLength(3)
    const head = (await store.getHead(did))!
    const rev = clock.nextAfter(head.rev)
    const commit = await applyWrites({ did, head, store, writes: [put('new')], signer, rev })
    await expect(
      store.apply(commit, () => {
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await store.getHead(did)).toEqual(head)
    await writer.write(did, [put('k39', 'other', 'update')])
    expect(await faults()).toEqual([])
  })

  it('are found in the index, too, however many blocks a commit has', async () => {
    // More than stay young, so that the index has most of them.
    for (let n = 0; n < 6; n++) {
      const writes = Array.from({ length: 100 }, (_, i) => put(`k${n}-${i}`))
      await (n === 0 ? writer.create(did, writes) : writer.write(did, writes))
    }
    await store.swept()
    const placed = Number(db.prepare('SELECT count(*) AS n FROM repo_block_place').get()!['n'])
    expect(placed).toBeGreaterThan(300)
    // What is replaced soon is not in it.
    expect(rows().length - placed).toBeGreaterThanOrEqual(64)
    // Records that are there already get another path.
    await writer.write(
      did,
      Array.from({ length: 50 }, (_, i) => put(`again${i}`, `k0-${i}`)),
    )
    expect(await faults()).toEqual([])
    await writer.write(
      did,
      Array.from({ length: 50 }, (_, i) => remove(`k0-${i}`)),
    )
    expect(await faults()).toEqual([])
    expect(rows().filter(({ refs }) => refs > 1)).toEqual([])
  })
})

describe('the head that was written last', () => {
  it('is at hand from the second commit on, without a look into the database', async () => {
    expect(store.recent(did)).toBeNull()
    await writer.create(did, [put('a')])
    expect(store.recent(did)).toBeNull()
    await writer.write(did, [put('b')])
    const recent = store.recent(did)!
    expect(recent.head).toEqual(await store.getHead(did))
    expect((await recent.getBlocks(did, [recent.head.commit, recent.head.data])).size).toBe(2)
  })

  it('is not that of a commit that was rolled back', async () => {
    await writer.create(did, [put('a')])
    await writer.write(did, [put('b')])
    const head = (await store.getHead(did))!
    const rev = clock.nextAfter(head.rev)
    const commit = await applyWrites({ did, head, store, writes: [put('c')], signer, rev })
    await expect(
      store.apply(commit, () => {
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(store.recent(did)!.head).toEqual(head)
  })

  it('is refused as any other that is not the newest', async () => {
    await writer.create(did, [put('a')])
    await writer.write(did, [put('b')])
    const { head } = store.recent(did)!
    const build = (rkey: string) =>
      applyWrites({ did, head, store, writes: [put(rkey)], signer, rev: clock.nextAfter(head.rev) })
    const [one, other] = [await build('c'), await build('d')]
    await store.apply(one)
    await expect(store.apply(other)).rejects.toMatchObject({ code: 'head-moved' })
  })
})
