import { readCar, writeCar } from '@avocet/car'
import { createKeypair } from '@avocet/crypto'
import { CidMap, formatCid } from '@avocet/data'
import { coveringProofNodes } from '@avocet/mst'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { applyWrites } from '../src/apply.ts'
import { checkRepo } from '../src/check.ts'
import { toCommitEvent } from '../src/event.ts'
import { exportRepo } from '../src/export.ts'
import { importRepo } from '../src/import.ts'
import { createMemoryRepoStore } from '../src/memory-store.ts'
import { prepareWrite } from '../src/prepare.ts'
import type { Write } from '../src/types.ts'
import { invertOps, verifyCommit } from '../src/verify.ts'

const did: Did = 'did:web:alice.example.com'
const collection: Nsid = 'com.example.note'
const signer = createKeypair()
const clock = createTidClock()

/** One commit: what to put at which of 60 keys (one of 4 texts, so that records repeat), null to delete. */
const batch = fc.dictionary(fc.nat(59).map(String), fc.option(fc.nat(3), { nil: null }), {
  minKeys: 1,
  maxKeys: 12,
})
const history = fc.array(batch, { minLength: 1, maxLength: 12 })

function toWrites(wanted: Record<string, number | null>, present: Set<string>): Write[] {
  const writes: Write[] = []
  for (const [rkey, text] of Object.entries(wanted)) {
    if (text === null) {
      if (present.delete(rkey)) writes.push(prepareWrite({ action: 'delete', collection, rkey }))
    } else {
      const action = present.has(rkey) ? 'update' : 'create'
      present.add(rkey)
      writes.push(prepareWrite({ action, collection, rkey, record: { $type: collection, text } }))
    }
  }
  return writes
}

it('every commit of a random history is verified from its event alone, with no block too many', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (batches) => {
      const store = createMemoryRepoStore()
      const present = new Set<string>()
      for (const wanted of batches) {
        const head = await store.getHead(did)
        const rev = clock.nextAfter(head?.rev ?? null)
        const data = await applyWrites({ did, head, store, writes: toWrites(wanted, present), signer, rev })
        await store.apply(data)
        const event = toCommitEvent(data, '2026-01-01T00:00:00Z')
        const { blocks } = readCar(event.blocks)
        const map = new CidMap(blocks.map(({ cid, bytes }) => [cid, bytes] as const))
        expect(map.size).toBe(blocks.length)
        expect(verifyCommit({ blocks: map, commit: event.commit, did, key: signer.publicKey }).ok).toBe(true)
        if (head !== null) expect(formatCid(invertOps(map, data.data, event.ops))).toBe(formatCid(head.data))

        // Each block is the commit, a new record, a new node, or part of the changed keys' covering proof.
        const proof = coveringProofNodes(
          data.data,
          map,
          event.ops.map((op) => op.path),
        )
        const records = new Set(event.ops.flatMap((op) => (op.cid === null ? [] : [formatCid(op.cid)])))
        for (const { cid } of blocks) {
          const needed =
            formatCid(cid) === formatCid(event.commit) ||
            records.has(formatCid(cid)) ||
            proof.has(cid) ||
            data.newBlocks.has(cid)
          expect(needed).toBe(true)
        }
        for (const cid of proof.keys()) expect(map.has(cid)).toBe(true)
      }
      // After all of it the store holds the repository and nothing else.
      const report = await checkRepo(store, did, { key: signer.publicKey })
      expect([report.faults, report.records]).toEqual([[], present.size])
    }),
    { numRuns: 40 },
  )
})

it('export, import and export give the same bytes; a host that signs anew changes the commit alone', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (batches) => {
      const store = createMemoryRepoStore()
      const present = new Set<string>()
      for (const wanted of batches) {
        const head = await store.getHead(did)
        const rev = clock.nextAfter(head?.rev ?? null)
        await store.apply(
          await applyWrites({ did, head, store, writes: toWrites(wanted, present), signer, rev }),
        )
      }
      const collect = async (from: typeof store): Promise<Uint8Array> => {
        const chunks: Uint8Array[] = []
        for await (const chunk of exportRepo(from, did)) chunks.push(chunk)
        return Buffer.concat(chunks)
      }
      const car = await collect(store)
      const copy = createMemoryRepoStore()
      await importRepo({
        did,
        store: copy,
        source: car,
        key: signer.publicKey,
        signer,
        rev: (rev) => clock.nextAfter(rev),
      })
      const again = await collect(copy)
      const withoutCommit = (bytes: Uint8Array): Uint8Array => writeCar([], readCar(bytes).blocks.slice(1))
      expect(Buffer.from(withoutCommit(again)).equals(withoutCommit(car))).toBe(true)

      const mirror = createMemoryRepoStore()
      await importRepo({ did, store: mirror, source: car, key: signer.publicKey, keepCommit: true })
      expect(Buffer.from(await collect(mirror)).equals(car)).toBe(true)
      expect(again.length).toBe(car.length)
    }),
    { numRuns: 30 },
  )
})
