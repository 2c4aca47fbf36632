// The readers that are given the check of signatures, which may take its time: they refuse what the others refuse.
import { readCar, writeCar } from '@avocet/car'
import { cidForCbor } from '@avocet/data'
import { parseDidKey, verifySignature } from '@avocet/crypto/web'
import { createKeypair } from '@avocet/crypto'
import { createTidClock, type Did } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import {
  createMemoryRepoStore,
  createRepoWriter,
  exportRepo,
  getRecordProof,
  prepareWrite,
  readRepo,
  readRepoBy,
  verifyRecordProof,
  verifyRecordProofBy,
  type CheckSignature,
} from '../src/index.ts'

const did: Did = 'did:web:alice.example'
const collection = 'com.example.note'
const signer = createKeypair('p256')
const store = createMemoryRepoStore()
const writer = createRepoWriter({ store, clock: createTidClock(), signer: () => signer })
const notes = Array.from({ length: 20 }, (_, i) =>
  prepareWrite({ action: 'create', collection, rkey: `r${i}`, record: { $type: collection, i } }),
)
await writer.create(did, notes)
const pieces: Uint8Array[] = []
for await (const chunk of exportRepo(store, did)) pieces.push(chunk)
const car = new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer())
const proof = await getRecordProof(store, did, `${collection}/r7`)

const byKey = (didKey: string): CheckSignature => {
  const key = parseDidKey(didKey)
  if (!key.ok) throw new Error(key.error.message)
  return (message, signature) => verifySignature(key.value, message, signature)
}
const verify = byKey(signer.didKey)
const forged = byKey(createKeypair('k256').didKey)
const paths = async (reader: Awaited<ReturnType<typeof readRepoBy>>): Promise<string[]> => {
  const found: string[] = []
  for await (const { path } of reader.entries) found.push(path)
  return found
}

describe('readRepoBy', () => {
  it('reads what readRepo reads', async () => {
    const expected = await paths(await readRepo(car, { did, key: signer.publicKey }))
    expect(expected).toHaveLength(20)
    expect(await paths(await readRepoBy(car, { did, verify }))).toEqual(expected)
    expect(await paths(await readRepoBy(car, { verify: () => true }))).toEqual(expected)
    expect(await paths(await readRepoBy(car, { unsafeSkipSignature: true }))).toEqual(expected)
  })

  it('refuses what the check refuses, and what is of somebody else', async () => {
    await expect(readRepoBy(car, { did, verify: forged })).rejects.toMatchObject({ code: 'bad-signature' })
    await expect(readRepoBy(car, { verify: () => false })).rejects.toMatchObject({ code: 'bad-signature' })
    const other = readRepoBy(car, { did: 'did:web:bob.example', verify })
    await expect(other).rejects.toMatchObject({ code: 'did-mismatch' })
  })

  it('fails as the check fails, and needs one unless none is asked for by name', async () => {
    const broken = new Error('no WebCrypto')
    await expect(readRepoBy(car, { verify: () => Promise.reject(broken) })).rejects.toBe(broken)
    for (const options of [{}, { verify: undefined }, { verify: null }, { unsafeSkipSignature: false }]) {
      await expect(readRepoBy(car, options as never)).rejects.toMatchObject({ code: 'no-key' })
    }
  })
})

describe('verifyRecordProofBy', () => {
  const where = { did, collection, rkey: 'r7' } as const

  it('proves what verifyRecordProof proves', async () => {
    for (const rkey of ['r7', 'r7a']) {
      const expected = verifyRecordProof(proof, { ...where, rkey, key: signer.publicKey })
      expect(expected.ok && expected.value.cid !== null).toBe(rkey === 'r7')
      expect(await verifyRecordProofBy(proof, { ...where, rkey, verify })).toEqual(expected)
    }
  })

  it('minds no block that proves nothing', async () => {
    const { roots, blocks } = readCar(proof)
    const other = { cid: cidForCbor(Uint8Array.of(1)), bytes: Uint8Array.of(2) }
    const result = await verifyRecordProofBy(writeCar(roots, [other, ...blocks]), { ...where, verify })
    expect(result).toMatchObject({ ok: true, value: { record: { i: 7 } } })
    // Of two for one CID the last counts, and must be it.
    const impostor = { cid: blocks[0]!.cid, bytes: Uint8Array.of(2) }
    const refused = await verifyRecordProofBy(writeCar(roots, [...blocks, impostor]), { ...where, verify })
    expect(refused.ok).toBe(false)
  })

  it('gives the same failures', async () => {
    const code = async (bytes: Uint8Array, change: object = {}): Promise<string> => {
      const result = await verifyRecordProofBy(bytes, { ...where, verify, ...change })
      return result.ok ? 'ok' : result.error.code
    }
    expect(await code(proof, { verify: forged })).toBe('bad-signature')
    expect(await code(proof, { did: 'did:web:bob.example' })).toBe('did-mismatch')
    expect(await code(proof.subarray(0, -5))).toBe('malformed-repo')
    const broken = new Error('no WebCrypto')
    await expect(code(proof, { verify: () => Promise.reject(broken) })).rejects.toBe(broken)
    // Each block that proves something, with another byte at its end: the signature of the commit, links of nodes, the record.
    const { roots, blocks } = readCar(proof)
    expect(blocks.length).toBeGreaterThan(2)
    for (const [at, { cid, bytes }] of blocks.entries()) {
      const changed = Uint8Array.from(bytes)
      changed[bytes.length - 1]! ^= 1
      const forgery = writeCar(roots, blocks.with(at, { cid, bytes: changed }))
      expect(await code(forgery, { verify: () => true }), `block ${at}`).not.toBe('ok')
    }
  })
})
