// A worker of the pool: parses the frame again, proves it, and says where in the frame the records are.

import { parentPort, workerData } from 'node:worker_threads'
import { type PublicKey, type VerifySignature, verifySignature } from '@avocet/crypto'
import { createLru } from './lru.ts'
import { parseEvent } from './parse.ts'
import type {
  PoolBatch,
  PoolExport,
  PoolKey,
  PoolRenewal,
  PoolReply,
  PoolResult,
  PoolWorkerData,
} from './pool-messages.ts'
import type { Examine } from './pool-thread.ts'
import type { VerifyPolicy } from './policy.ts'
import { proveEvent } from './prove.ts'

const { verifier, examiner } = workerData as PoolWorkerData
const verify =
  verifier === null ? verifySignature : ((await load(verifier))(verifier.data) as VerifySignature)
const factory = examiner === null ? null : await load(examiner)
const makeExamine = (data: unknown): Examine | null => (factory?.(data) as Examine | undefined) ?? null
let examine = makeExamine(examiner?.data)
// The same key object for the same key: native libraries keep their own form of a key with it.
const keys = createLru<string, PublicKey>(20_000)

async function load({ module, name }: PoolExport): Promise<(data: unknown) => unknown> {
  const loaded = (await import(module)) as Record<string, unknown>
  const found = loaded[name]
  if (typeof found !== 'function') throw new TypeError(`no such function; module=${module} name=${name}`)
  return found as (data: unknown) => unknown
}

/** Where no examiner can be made with it the thread ends, between events: none of them is to blame, and the next thread says why. */
function renew({ examinerData }: PoolRenewal): void {
  try {
    examine = makeExamine(examinerData)
  } catch {
    process.exit(1)
  }
}

function keyOf(given: PoolKey | null | undefined): PublicKey | null {
  if (!given) return null
  const name = given.curve + Buffer.from(given.bytes).toString('latin1')
  const known = keys.get(name)
  if (known !== undefined) return known
  const key: PublicKey = { curve: given.curve, bytes: given.bytes }
  keys.set(name, key)
  return key
}

function prove(frame: Uint8Array, key: PublicKey | null, policy: VerifyPolicy): PoolResult {
  const parsed = parseEvent(frame, policy)
  if (!parsed.ok) return { ok: false, reason: parsed.error.reason, message: parsed.error.message }
  const event = parsed.value
  if (event.kind === 'sync') {
    const proof = proveEvent(event, key, policy, verify)
    if (!proof.ok) return { ok: false, reason: proof.error.reason, message: proof.error.message }
    return { ok: true, data: proof.value.data.bytes.slice(), commit: proof.value.commit.bytes.slice() }
  }
  if (event.kind !== 'commit') return { ok: false, reason: 'frame-unknown-type', message: 'nothing to prove' }
  const proof = proveEvent(event, key, policy, verify)
  if (!proof.ok) return { ok: false, reason: proof.error.reason, message: proof.error.message }
  const { ops, legacy, data } = proof.value
  const records: number[] = []
  for (const { recordBytes } of ops) {
    const begin = recordBytes === null ? -1 : recordBytes.byteOffset - frame.byteOffset
    records.push(begin, recordBytes === null ? -1 : begin + recordBytes.length)
  }
  const unread = ops.some((op) => op.unread !== undefined) ? ops.map((op) => op.unread ?? null) : null
  const look = examine
  const examined = look === null ? null : ops.map((op) => (op.record === null ? null : look(op)))
  return { ok: true, data: data.bytes.slice(), legacy, records, unread, examined }
}

parentPort!.on('message', (message: PoolBatch | PoolRenewal) => {
  if ('examinerData' in message) return renew(message)
  const { policy, frames, ends, keys: given } = message
  let begin = 0
  const results = ends.map((end, i) => {
    const result = prove(frames.subarray(begin, end), keyOf(given[i]), policy)
    begin = end
    return result
  })
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort!.postMessage(results satisfies PoolReply)
})
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort!.postMessage('ready' satisfies PoolReply)
