// A store that lacks a block of a repository: who asks for it hears which one, and where it should be.
import { createKeypair } from '@avocet/crypto'
import { type CID, type CidMap, formatCid } from '@avocet/data'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { beforeAll, describe, expect, it } from 'vitest'
import { applyWrites } from '../src/apply.ts'
import { listRecords } from '../src/entries.ts'
import { RepoError } from '../src/error.ts'
import { exportRepo, getRecordProof } from '../src/export.ts'
import { createMemoryRepoStore } from '../src/memory-store.ts'
import { prepareWrite, type WriteInput } from '../src/prepare.ts'
import type { CommitData } from '../src/types.ts'

const did: Did = 'did:plc:abcdefghijklmnopqrstuvwx'
const collection: Nsid = 'com.example.note'
const path = `${collection}/r7`
const signer = createKeypair()
const clock = createTidClock()
const store = createMemoryRepoStore()
const write = async (on: typeof store, input: WriteInput): Promise<CommitData> => {
  const head = await on.getHead(did)
  const rev = clock.nextAfter(head?.rev ?? null)
  return applyWrites({ did, head, store: on, writes: [prepareWrite(input)], signer, rev })
}
let newest: CommitData
let record: CID
beforeAll(async () => {
  for (let i = 0; i < 10; i++) {
    newest = await write(store, { action: 'create', collection, rkey: `r${i}`, record: { text: `${i}` } })
    if (i === 7) record = newest.ops[0]!.cid!
    await store.apply(newest)
  }
})

/** The store without one of its blocks. One that is asked on and on says so. */
function without(gone: CID): typeof store {
  let asked = 0
  const lacking = (blocks: CidMap<Uint8Array>): CidMap<Uint8Array> => {
    if (++asked > 20) throw new Error('asked again and again')
    blocks.delete(gone)
    return blocks
  }
  return {
    ...store,
    getBlocks: async (...args) => lacking(await store.getBlocks(...args)),
    snapshot: async (of) => {
      const snapshot = await store.snapshot(of)
      if (snapshot === null) return null
      return { ...snapshot, getBlocks: async (...args) => lacking(await snapshot.getBlocks(...args)) }
    },
  }
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => {
      if (!(error instanceof RepoError)) return error
      return { code: error.code, message: error.message, path: error.path }
    },
  )
}
async function all(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

describe('a node that is missing', () => {
  const expected = () => ({
    code: 'missing-block',
    message: `stored block is missing; cid=${formatCid(newest.data)} did=${did}`,
    path: undefined,
  })

  it('refuses a write', async () => {
    const input: WriteInput = { action: 'delete', collection, rkey: 'r7' }
    expect(await errorOf(write(without(newest.data), input))).toEqual(expected())
  })

  it('refuses a proof', async () => {
    expect(await errorOf(getRecordProof(without(newest.data), did, path))).toEqual(expected())
  })
})

describe('a record that is missing', () => {
  it('refuses a proof', async () => {
    expect(await errorOf(getRecordProof(without(record), did, path))).toEqual({
      code: 'missing-block',
      message: `stored block is missing; cid=${formatCid(record)} did=${did}`,
      path: undefined,
    })
  })

  it('is told by its path where records are gone through', async () => {
    const rest = `; cid=${formatCid(record)} did=${did} path=${path}`
    expect(await errorOf(all(listRecords(without(record), did)))).toEqual({
      code: 'missing-block',
      message: `stored record is missing${rest}`,
      path,
    })
    expect(await errorOf(all(exportRepo(without(record), did)))).toEqual({
      code: 'missing-block',
      message: `stored block is missing${rest}`,
      path,
    })
  })
})
