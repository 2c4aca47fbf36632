// Archives and proofs that @atproto/repo makes are read by us, and ours by it.
import { Secp256k1Keypair } from '@atproto/crypto'
import {
  getFullRepo,
  getRecords,
  MemoryBlockstore,
  readCarWithRoot,
  Repo,
  verifyRecords,
  verifyRepoCar,
  WriteOpAction,
} from '@atproto/repo'
import { importKeypair } from '@avocet/crypto'
import {
  createMemoryRepoStore,
  createRepoWriter,
  exportRepo,
  getRecordProof,
  prepareWrite,
  readRepo,
  verifyRecordProof,
} from '@avocet/repo'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { expect, it } from 'vitest'

const did: Did = 'did:plc:abcdefghijklmnopqrstuvwx'
const collection: Nsid = 'com.example.note'
const secret = new Uint8Array(32).fill(3)
const signer = importKeypair('k256', secret)
const peerSigner = await Secp256k1Keypair.import(secret)
const records = Array.from({ length: 120 }, (_, i) => ({
  rkey: `r${i}`,
  record: { $type: collection, text: `note ${i}` },
}))

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return new Uint8Array(Buffer.concat(parts))
}

it('@atproto/repo verifies our archive and our record proofs', async () => {
  const store = createMemoryRepoStore()
  const writer = createRepoWriter({ store, clock: createTidClock(), signer: () => signer })
  await writer.create(
    did,
    records.map((one) => prepareWrite({ action: 'create', collection, ...one })),
  )
  await writer.write(did, [prepareWrite({ action: 'delete', collection, rkey: 'r5' })])
  const verified = await verifyRepoCar(await collect(exportRepo(store, did)), did, peerSigner.did())
  expect(verified.creates).toHaveLength(119)
  const claims = await verifyRecords(
    await getRecordProof(store, did, `${collection}/r7`),
    did,
    peerSigner.did(),
  )
  expect(claims.map((claim) => [claim.rkey, claim.record])).toEqual([['r7', records[7]!.record]])
})

it('we verify the archives, in tree order and in any other, and the record proofs of @atproto/repo', async () => {
  const storage = new MemoryBlockstore()
  const peer = await Repo.create(
    storage,
    did,
    peerSigner,
    records.map((one) => ({ action: WriteOpAction.Create, collection, ...one })),
  )
  const car = await collect(getFullRepo(storage, peer.cid))
  const { root } = await readCarWithRoot(car)
  const reader = await readRepo(car, { did, key: signer.publicKey })
  expect(reader.commit.toString()).toBe(root.toString())
  const paths: string[] = []
  for await (const { path } of reader.entries) paths.push(path)
  expect(paths).toEqual(records.map(({ rkey }) => `${collection}/${rkey}`).toSorted())
  for (const rkey of ['r7', 'absent']) {
    const proof = await collect(getRecords(storage, peer.cid, [{ collection, rkey }]))
    const result = verifyRecordProof(proof, { did, collection, rkey, key: signer.publicKey })
    expect(result.ok && result.value.record).toEqual(rkey === 'r7' ? records[7]!.record : null)
  }
})
