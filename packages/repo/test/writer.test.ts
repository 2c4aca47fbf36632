import { createKeypair, verifySignature } from '@avocet/crypto'
import { cidEquals, formatCid } from '@avocet/data'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import { checkRepo } from '../src/check.ts'
import { headFromCommit, readCommit } from '../src/commit.ts'
import { listRecords } from '../src/entries.ts'
import { createMemoryRepoStore } from '../src/memory-store.ts'
import { prepareWrite } from '../src/prepare.ts'
import { rebuildRepo, type RecordSource } from '../src/rebuild.ts'
import type { CommitData, RepoStore, Write } from '../src/types.ts'
import { createRepoWriter } from '../src/writer.ts'

const collection: Nsid = 'com.example.note'
const alice: Did = 'did:web:alice.example.com'
const bob: Did = 'did:web:bob.example.com'
const signer = createKeypair()
const clock = createTidClock()

function create(rkey: string, text = rkey): Write {
  return prepareWrite({ action: 'create', collection, rkey, record: { $type: collection, text } })
}
function setUp(store: RepoStore = createMemoryRepoStore()) {
  const seen: CommitData[] = []
  const writer = createRepoWriter({
    store,
    signer: () => signer,
    clock,
    onCommit: (commit) => seen.push(commit),
  })
  return { store, writer, seen }
}

describe('createRepoWriter', () => {
  it('needs no more than a store and a key', async () => {
    const key = createKeypair()
    const writer = createRepoWriter({ store: createMemoryRepoStore(), signer: key })
    const first = await writer.create(alice, [create('one')])
    const second = await writer.write(alice, [create('two')])
    const { rev, unsigned, sig } = readCommit(second!.commitBytes)
    expect(rev > first.rev).toBe(true)
    expect(verifySignature(key.publicKey, unsigned, sig)).toBe(true)
  })

  it('serialises 32 writers on one repository: each follows the one before', async () => {
    const { store, writer, seen } = setUp()
    const first = await writer.create(alice, [])
    await Promise.all(Array.from({ length: 32 }, (_, i) => writer.write(alice, [create(`w${i}`)])))
    expect(seen).toHaveLength(33)
    seen.slice(1).forEach((commit, i) => {
      expect(commit.since).toBe(seen[i]!.rev)
      expect(cidEquals(commit.prevData!, seen[i]!.data)).toBe(true)
    })
    expect(seen[0]!.rev).toBe(first.rev)
    const report = await checkRepo(store, alice, { key: signer.publicKey })
    expect([report.records, report.faults]).toEqual([32, []])
  })

  it('lets writers of many repositories go side by side', async () => {
    const { store, writer } = setUp()
    const dids = Array.from({ length: 32 }, (_, i): Did => `did:web:w${i}.example.com`)
    await Promise.all(dids.map((did) => writer.create(did, [create('a')])))
    await Promise.all(
      dids.flatMap((did) => [writer.write(did, [create('b')]), writer.write(did, [create('c')])]),
    )
    for (const did of dids) expect((await checkRepo(store, did)).records).toBe(3)
  })

  it('honours swapCommit: of 32 that name one commit, one succeeds', async () => {
    const { writer, seen } = setUp()
    const first = await writer.create(alice, [])
    const results = await Promise.allSettled(
      Array.from({ length: 32 }, (_, i) =>
        writer.write(alice, [create(`w${i}`)], { swapCommit: first.commit }),
      ),
    )
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    for (const result of results) {
      if (result.status === 'rejected')
        expect(result.reason, 'reason').toMatchObject({ code: 'invalid-swap' })
    }
    expect(seen).toHaveLength(2)
  })

  it('goes on after a failed write, and makes a commit anew when another process was quicker', async () => {
    const store = createMemoryRepoStore()
    const here = setUp(store)
    const there = setUp(store)
    await here.writer.create(alice, [create('a')])
    const failed = here.writer.write(alice, [create('a')])
    const next = here.writer.write(alice, [create('b')])
    await expect(failed).rejects.toMatchObject({ code: 'record-exists' })
    await next
    await Promise.all([
      ...Array.from({ length: 10 }, (_, i) => here.writer.write(alice, [create(`here${i}`)])),
      ...Array.from({ length: 10 }, (_, i) => there.writer.write(alice, [create(`there${i}`)])),
    ])
    expect((await checkRepo(store, alice)).records).toBe(22)
  })

  it('makes no commit where nothing changes, and joins alongside to the commit', async () => {
    const { writer, seen } = setUp()
    await writer.create(alice, [create('a')])
    const same: Write = { ...create('a'), action: 'update' }
    expect(await writer.write(alice, [same])).toBeNull()
    const revs: string[] = []
    const commit = await writer.write(alice, [create('b')], {
      alongside: (_tx, data) => void revs.push(data.rev),
    })
    expect(revs).toEqual([commit!.rev])
    expect(seen).toHaveLength(2)
    await expect(writer.create(alice, [])).rejects.toMatchObject({ code: 'repo-exists' })
    await expect(writer.write(bob, [])).rejects.toMatchObject({ code: 'repo-not-found' })
    expect(await writer.write(alice, [])).not.toBeNull()
  })
})

describe('checkRepo and rebuildRepo', () => {
  const many = Array.from({ length: 150 }, (_, i) => create(`r${i}`, `text ${i % 40}`))

  /** A store that lost or changed some blocks. */
  function damaged(
    store: RepoStore,
    damage: (key: string, bytes: Uint8Array) => Uint8Array | null,
  ): RepoStore {
    return {
      ...store,
      async snapshot(did) {
        const snapshot = await store.snapshot(did)
        return snapshot === null
          ? null
          : {
              head: snapshot.head,
              [Symbol.asyncDispose]: () => snapshot[Symbol.asyncDispose](),
              async getBlocks(of, cids) {
                const found = await snapshot.getBlocks(of, cids)
                for (const cid of cids) {
                  const bytes = found.get(cid)
                  if (bytes === undefined) continue
                  const now = damage(formatCid(cid), bytes)
                  if (now === null) found.delete(cid)
                  else found.set(cid, now)
                }
                return found
              },
            }
      },
    }
  }

  it('finds nothing wrong with a sound repository, and counts its blocks', async () => {
    const { store, writer } = setUp()
    const first = await writer.create(alice, many)
    const report = await checkRepo(store, alice, { key: signer.publicKey })
    expect(report.faults).toEqual([])
    expect([report.records, report.blocks]).toEqual([150, first.newBlocks.size])
    expect(headFromCommit(first.commitBytes)).toMatchObject({ did: alice, rev: first.rev })
    expect((await checkRepo(store, alice, { key: createKeypair().publicKey })).faults).toMatchObject([
      { code: 'bad-signature' },
    ])
    await expect(checkRepo(store, bob)).rejects.toMatchObject({ code: 'repo-not-found' })
  })

  it('reports every missing or changed block and goes on', async () => {
    const { store, writer } = setUp()
    const first = await writer.create(alice, many)
    for (const [cid, bytes] of first.newBlocks) {
      const name = formatCid(cid)
      const lost = await checkRepo(
        damaged(store, (key, block) => (key === name ? null : block)),
        alice,
      )
      expect(lost.faults[0]).toMatchObject({ code: 'missing-block', cid })
      const changed = Uint8Array.from(bytes)
      changed[changed.length - 1]! ^= 1
      const wrong = await checkRepo(
        damaged(store, (key, block) => (key === name ? changed : block)),
        alice,
      )
      expect(wrong.faults[0]).toMatchObject({ code: 'hash-mismatch', cid })
    }
  })

  it('makes a repository anew from its records', async () => {
    const { store, writer } = setUp()
    const first = await writer.create(alice, many)
    const records: RecordSource[] = []
    for await (const record of listRecords(store, alice)) records.push(record)
    const rev = clock.nextAfter(first.rev)
    const rebuilt = await rebuildRepo({ store, did: alice, signer, rev, records: () => records })
    expect(formatCid(rebuilt.data)).toBe(formatCid(first.data))
    expect((await checkRepo(store, alice, { key: signer.publicKey })).faults).toEqual([])
    await writer.write(alice, [create('after')])
    await expect(
      rebuildRepo({ store, did: alice, signer, rev, records: () => records }),
    ).rejects.toMatchObject({
      code: 'stale-rev',
    })
  })
})
