import { CarError, readCar, writeCar } from '@avocet/car'
import { createKeypair } from '@avocet/crypto'
import { cidForCbor } from '@avocet/data'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import { createRandom, fuzzRounds, mutate } from '@avocet/testing'
import { beforeAll, expect, it } from 'vitest'
import { readCommit } from '../src/commit.ts'
import { RepoError } from '../src/error.ts'
import { exportRepo, getRecordProof } from '../src/export.ts'
import { createMemoryRepoStore } from '../src/memory-store.ts'
import { prepareWrite } from '../src/prepare.ts'
import { verifyRecordProof } from '../src/proof.ts'
import { readRepo } from '../src/read.ts'
import { createRepoWriter } from '../src/writer.ts'

const did: Did = 'did:web:alice.example.com'
const collection: Nsid = 'com.example.note'
const signer = createKeypair()
const key = signer.publicKey
let car: Uint8Array
let proof: Uint8Array
let commitBytes: Uint8Array

beforeAll(async () => {
  const store = createMemoryRepoStore()
  const writer = createRepoWriter({ store, clock: createTidClock(), signer: () => signer })
  const writes = Array.from({ length: 60 }, (_, i) =>
    prepareWrite({ action: 'create', collection, rkey: `r${i}`, record: { i } }),
  )
  commitBytes = (await writer.create(did, writes)).commitBytes
  const chunks: Uint8Array[] = []
  for await (const chunk of exportRepo(store, did)) chunks.push(chunk)
  car = new Uint8Array(Buffer.concat(chunks))
  proof = await getRecordProof(store, did, `${collection}/r7`)
})

function expectTyped(error: unknown): void {
  if (!(error instanceof RepoError) && !(error instanceof CarError)) throw error
}

it('readCommit throws nothing but its own error on mutated commits', () => {
  const random = createRandom(1)
  let thrown = 0
  for (let round = 0; round < fuzzRounds(3000, 300_000); round++) {
    try {
      readCommit(mutate(random, commitBytes, [commitBytes]))
    } catch (error) {
      if (!(error instanceof RepoError)) throw error
      thrown++
    }
  }
  expect(thrown).toBeGreaterThan(0)
}, 120_000)

it('mutated archives and proofs fail with a typed error, and with hashes mended still prove nothing false', async () => {
  const random = createRandom(2)
  let refused = 0
  for (let round = 0; round < fuzzRounds(300, 20_000); round++) {
    // Every other round one block is changed and its CID corrected, so that the fault is behind the hashes.
    let bytes = mutate(random, car, [car])
    if (round % 2 === 0) {
      const { roots, blocks } = readCar(car)
      const at = random.below(blocks.length)
      const changed = mutate(random, blocks[at]!.bytes, [blocks[0]!.bytes])
      bytes = writeCar(roots, blocks.toSpliced(at, 1, { cid: cidForCbor(changed), bytes: changed }))
    }
    try {
      const reader = await readRepo(bytes, { did, key })
      let count = 0
      for await (const batch of reader.batches) count += batch.length
      expect(count).toBe(60)
    } catch (error) {
      expectTyped(error)
      refused++
    }
    const result = verifyRecordProof(mutate(random, proof, [car]), { did, collection, rkey: 'r7', key })
    if (result.ok) expect(result.value.record).toEqual({ i: 7 })
  }
  expect(refused).toBeGreaterThan(100)
}, 300_000)
