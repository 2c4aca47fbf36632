import { readCar } from '@avocet/car'
import { createKeypair } from '@avocet/crypto'
import { cidEquals, CidMap, formatCid } from '@avocet/data'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import { applyWrites } from '../src/apply.ts'
import { toCommitEvent, toSyncEvent } from '../src/event.ts'
import { createMemoryRepoStore } from '../src/memory-store.ts'
import { prepareWrite, type WriteInput } from '../src/prepare.ts'
import type { CommitData } from '../src/types.ts'
import { invertOps, verifyCommit } from '../src/verify.ts'

const did: Did = 'did:plc:abcdefghijklmnopqrstuvwx'
const collection: Nsid = 'com.example.note'
const signer = createKeypair()
const clock = createTidClock()

function create(rkey: string, text = rkey): WriteInput {
  return { action: 'create', collection, rkey, record: { $type: collection, text } }
}
function update(rkey: string, text: string): WriteInput {
  return { action: 'update', collection, rkey, record: { $type: collection, text } }
}
function remove(rkey: string): WriteInput {
  return { action: 'delete', collection, rkey }
}

function setUp() {
  const store = createMemoryRepoStore()
  const commit = async (...writes: WriteInput[]): Promise<CommitData> => {
    const head = await store.getHead(did)
    const rev = clock.nextAfter(head?.rev ?? null)
    const data = await applyWrites({ did, head, store, writes: writes.map(prepareWrite), signer, rev })
    await store.apply(data)
    return data
  }
  return { store, commit }
}

describe('applyWrites', () => {
  it('makes a first commit, then one with creates, updates and deletes', async () => {
    const { commit } = setUp()
    const first = await commit(create('a'), create('b'), create('c'))
    expect(first).toMatchObject({ since: null, prevData: null, prevCommit: null })
    const second = await commit(create('d'), update('a', 'changed'), remove('b'))
    expect(second.since).toBe(first.rev)
    expect(cidEquals(second.prevData!, first.data)).toBe(true)
    expect(
      second.ops.map(({ action, path, cid, prev }) => [action, path, cid !== null, prev !== undefined]),
    ).toEqual([
      ['create', 'com.example.note/d', true, false],
      ['update', 'com.example.note/a', true, true],
      ['delete', 'com.example.note/b', false, true],
    ])
  })

  it('makes events that invert to the state before, from their blocks alone', async () => {
    const { commit } = setUp()
    let before = await commit(...Array.from({ length: 150 }, (_, i) => create(`k${i}`)))
    for (let round = 0; round < 30; round++) {
      const data = await commit(create(`n${round}`), remove(`k${round}`), update(`k${round + 50}`, 'new'))
      const event = toCommitEvent(data, '2026-01-01T00:00:00Z')
      const { roots, blocks } = readCar(event.blocks)
      expect(roots.map(formatCid)).toEqual([formatCid(event.commit)])
      const map = new CidMap(blocks.map((block) => [block.cid, block.bytes] as const))
      const read = verifyCommit({ blocks: map, commit: event.commit, did, key: signer.publicKey })
      expect(read.ok && read.value.rev).toBe(event.rev)
      expect(formatCid(invertOps(map, data.data, event.ops))).toBe(formatCid(before.data))
      before = data
    }
  })

  it('re-signs the tree with no writes, and leaves out an update that changes nothing', async () => {
    const { commit } = setUp()
    const first = await commit(create('a'))
    const second = await commit()
    expect(formatCid(second.data)).toBe(formatCid(first.data))
    expect(second.ops).toEqual([])
    const third = await commit(update('a', 'a'))
    expect(third.ops).toEqual([])
  })

  it.each([
    ['record-exists', [create('a')]],
    ['record-not-found', [remove('x')]],
    ['record-not-found', [update('x', 'y')]],
    ['duplicate-path', [create('x'), update('x', 'y')]],
    ['too-many-writes', Array.from({ length: 201 }, (_, i) => create(`x${i}`))],
    ['commit-too-large', Array.from({ length: 3 }, (_, i) => create(`x${i}`, String(i).repeat(700_000)))],
  ])('refuses with %s', async (code, writes) => {
    const { commit } = setUp()
    await commit(create('a'))
    await expect(commit(...writes)).rejects.toMatchObject({ name: 'RepoError', code })
  })

  it('refuses a revision that is not above the head', async () => {
    const { store, commit } = setUp()
    const first = await commit(create('a'))
    const head = await store.getHead(did)
    await expect(applyWrites({ did, head, store, writes: [], signer, rev: first.rev })).rejects.toMatchObject(
      {
        code: 'stale-rev',
      },
    )
  })

  it('makes a #sync event with just the commit', async () => {
    const { commit } = setUp()
    const data = await commit(create('a'))
    const { blocks } = readCar(toSyncEvent(data, '2026-01-01T00:00:00Z').blocks)
    expect(blocks.map((block) => formatCid(block.cid))).toEqual([formatCid(data.commit)])
  })
})

describe('prepareWrite', () => {
  it.each([
    ['invalid-path', { action: 'create', collection: 'no' as Nsid, rkey: 'a', record: {} }],
    ['invalid-path', { action: 'delete', collection, rkey: 'a/b' }],
    ['invalid-record', { action: 'create', collection, rkey: 'a', record: { x: 0.5 } }],
    ['record-too-large', create('a', 'x'.repeat(1_000_000))],
  ] as [string, WriteInput][])('refuses with %s', (code, input) => {
    expect(() => prepareWrite(input)).toThrow(expect.objectContaining({ code }))
  })
})
