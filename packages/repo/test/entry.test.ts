// What an entry of a repository says of itself.
import { encode } from '@avocet/cbor'
import { createKeypair } from '@avocet/crypto'
import { cidForCbor } from '@avocet/data'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { expect, it } from 'vitest'
import {
  applyWrites,
  createMemoryRepoStore,
  exportRepo,
  listRecords,
  prepareWrite,
  readRepo,
} from '../src/index.ts'
import { Entry } from '../src/entry.ts'

const did: Did = 'did:plc:abcdefghijklmnopqrstuvwx'
const notes: Nsid = 'com.example.note'
const signer = createKeypair()

async function filled(): Promise<ReturnType<typeof createMemoryRepoStore>> {
  const store = createMemoryRepoStore()
  const writes = ['a', 'b:c'].map((rkey) =>
    prepareWrite({ action: 'create', collection: notes, rkey, record: { $type: notes, text: rkey } }),
  )
  await store.apply(
    (await applyWrites({ did, store, head: null, signer, rev: createTidClock().next(), writes }))!,
  )
  return store
}

it('an entry has its collection, its key and its record, from an archive and from a store', async () => {
  const store = await filled()
  const reader = await readRepo(exportRepo(store, did), { did, key: signer.publicKey })
  for (const entries of [reader.entries, listRecords(store, did)]) {
    const seen: unknown[] = []
    for await (const { path, collection, rkey, record } of entries)
      seen.push({ path, collection, rkey, record })
    expect(seen).toEqual(
      ['a', 'b:c'].map((rkey) => ({
        path: `${notes}/${rkey}`,
        collection: notes,
        rkey,
        record: { $type: notes, text: rkey },
      })),
    )
  }
})

it('batches have the same', async () => {
  const store = await filled()
  const reader = await readRepo(exportRepo(store, did), { did, key: signer.publicKey })
  for await (const batch of reader.batches) expect(batch.map(({ rkey }) => rkey)).toEqual(['a', 'b:c'])
})

it('what is no record throws only where it is looked at', () => {
  const bytes = encode(['no', 'record'])
  const entry = new Entry(`${notes}/x`, cidForCbor(bytes), bytes, false)
  expect(entry.rkey).toBe('x')
  expect(() => entry.record).toThrow(
    expect.objectContaining({ name: 'RepoError', code: 'malformed-repo' }) as Error,
  )
})

it('a write that cannot be encoded says which field', () => {
  const record = { $type: notes, at: { lat: 1.5 } }
  expect(() => prepareWrite({ action: 'create', collection: notes, rkey: 'a', record })).toThrow(
    'record is not of the data model: only integers can be encoded; value=1.5; code=float path=/at/lat; record=com.example.note/a',
  )
})
