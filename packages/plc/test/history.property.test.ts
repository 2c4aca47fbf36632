import { importKeypair } from '@avocet/crypto'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  checkNextOperation,
  createOperation,
  didForOperation,
  operationCid,
  signOperation,
  tombstoneOperation,
  updateOperation,
  verifyAuditLog,
  type HistoryEntry,
  type LogEntry,
  type SignedOperation,
} from '../src/index.ts'
import { HOUR, START } from './support.ts'

const keys = [1, 2, 3, 4].map((n) => importKeypair(n % 2 === 0 ? 'p256' : 'k256', new Uint8Array(32).fill(n)))

/** The rules without bytes: operations are numbers, keys are numbers, a signature is the number of the key. */
interface ModelOperation {
  readonly id: number
  readonly parent: number
  readonly signer: number
  readonly rotation: readonly number[]
  readonly isEnd: boolean
  readonly hours: number
}

function modelVerdict(chain: readonly ModelOperation[], next: ModelOperation): ModelOperation[] | null {
  const at = chain.findIndex((operation) => operation.id === next.parent)
  const parent = chain[at]
  if (parent === undefined || parent.isEnd) return null
  const authority = parent.rotation.indexOf(next.signer)
  if (authority < 0) return null
  const disputed = chain[at + 1]
  if (disputed !== undefined) {
    if (authority >= parent.rotation.indexOf(disputed.signer)) return null
    if (next.hours - disputed.hours > 72) return null
  }
  return [...chain.slice(0, at + 1), next]
}

const step = fc.record({
  /** Any operation ever accepted may be followed, most often a late one. */
  parent: fc.nat({ max: 3 }),
  signer: fc.nat({ max: 3 }),
  rotation: fc.uniqueArray(fc.nat({ max: 3 }), { minLength: 1, maxLength: 4 }),
  isEnd: fc.boolean(),
  wait: fc.constantFrom(0, 1, 24, 48, 72, 73),
})

it(
  'accepts, nullifies and refuses as a simple model does; every log verifies, no changed one does',
  { timeout: 120_000 },
  async () => {
    const seen = { accepted: 0, refused: 0, recovered: 0 }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), fc.nat(), async (steps, pick) => {
        const genesis = await signOperation(
          createOperation({
            rotationKeys: [0, 1, 2].map((index) => keys[index]!.didKey),
            signingKey: keys[0]!.didKey,
            handle: 'alice.test',
            pds: 'https://pds.test',
          }),
          keys[2]!,
        )
        const did = didForOperation(genesis)
        const operations: SignedOperation[] = [genesis]
        const accepted: { operation: SignedOperation; cid: string; hours: number }[] = [
          { operation: genesis, cid: operationCid(genesis), hours: 0 },
        ]
        let chain: ModelOperation[] = [
          { id: 0, parent: -1, signer: 2, rotation: [0, 1, 2], isEnd: false, hours: 0 },
        ]
        let history: HistoryEntry[] = [{ operation: genesis, cid: operationCid(genesis), createdAt: START }]
        let hours = 0

        for (const { parent, signer, rotation, isEnd, wait } of steps) {
          hours += wait
          const parentId = Math.max(0, operations.length - 1 - parent)
          const previous = operations[parentId]!
          if (previous.type === 'plc_tombstone') continue
          const change = {
            rotationKeys: rotation.map((index) => keys[index]!.didKey),
            handle: `h${hours}.test`,
          }
          const unsigned =
            isEnd && wait === 1 ? tombstoneOperation(previous) : updateOperation(previous, change)
          const operation = await signOperation(unsigned, keys[signer]!)
          const id = operations.length
          const wanted = modelVerdict(chain, {
            id,
            parent: parentId,
            signer,
            rotation: unsigned.type === 'plc_tombstone' ? [] : rotation,
            isEnd: unsigned.type === 'plc_tombstone',
            hours,
          })
          const got = checkNextOperation(did, history, operation, START + hours * HOUR)
          expect(got.ok).toBe(wanted !== null)
          if (!got.ok || wanted === null) {
            seen.refused++
            continue
          }
          const gone = chain.slice(wanted.length - 1).map(({ id: index }) => operationCid(operations[index]!))
          expect(got.value.nullified).toEqual(gone)
          seen[gone.length > 0 ? 'recovered' : 'accepted']++
          operations.push(operation)
          chain = wanted
          const { cid, keep } = got.value
          history = [...history.slice(0, keep), { operation, cid, createdAt: START + hours * HOUR }]
          accepted.push({ operation, cid, hours })
        }

        const kept = new Set(chain.map(({ id }) => accepted[id]!.cid))
        const log: LogEntry[] = accepted.map(({ operation, cid, hours: at }) => ({
          did,
          operation,
          cid,
          nullified: !kept.has(cid),
          createdAt: new Date(START + at * HOUR).toISOString(),
        }))
        const verified = verifyAuditLog(did, log)
        expect(verified).toMatchObject({ ok: true, value: { head: accepted[chain.at(-1)!.id]!.cid } })

        // One entry wrongly marked, dropped (but the last, which nobody can miss), or changed.
        const index = pick % log.length
        const entry = log[index]!
        expect(verifyAuditLog(did, log.with(index, { ...entry, nullified: !entry.nullified })).ok).toBe(false)
        if (index < log.length - 1 && index > 0) {
          const without = verifyAuditLog(did, log.toSpliced(index, 1))
          // What an unfollowed operation was cannot be told, when it is nullified or not: only then may it be missing.
          const isLeaf = !accepted.some(({ operation }) => operation.prev === entry.cid)
          if (!isLeaf) expect(without.ok).toBe(false)
        }
        const forged = { ...entry.operation, sig: genesis.sig }
        if (index > 0)
          expect(verifyAuditLog(did, log.with(index, { ...entry, operation: forged })).ok).toBe(false)
      }),
      // The same cases each time: how many of each kind come up is part of the test. AVOCET_FUZZ takes others.
      process.env['AVOCET_FUZZ'] ? { numRuns: 3_000 } : { numRuns: 150, seed: 20_260_101 },
    )
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(20)
  },
)
