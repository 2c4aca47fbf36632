// https://web.plc.directory/spec/v0.1/did-plc#did-update
import type { Signer } from '@avocet/crypto'
import type { Did } from '@avocet/syntax'
import type { PlcClient } from './client.ts'
import { operationData } from './document.ts'
import { fail, type PlcResult } from './error.ts'
import {
  isSameState,
  normalizeOperation,
  signOperation,
  updateOperation,
  type OperationChange,
} from './operation.ts'
import type { PlcData } from './types.ts'
import { verifyLog } from './verify.ts'

/** Somebody else's operation may come first. Who is overtaken so often in a row is told of it. */
const MAX_ATTEMPTS = 3

/**
 * Changes a DID: takes its log, proves it, makes the operation that follows, signs it and hands it in. What is in force already
 * is not handed in again. Begins again when another operation came first, and when the answer got lost.
 *
 * What the change does not name stays as the log has it. The log is proved first: a directory that lies could have the signer
 * give the identity away.
 *
 * Fails with what reading the log, {@link verifyLog} and handing in fail with; `tombstoned` when nothing can follow.
 * @param signer of one of the rotation keys that the DID has now
 * @returns the state in force
 */
export async function updateDid(
  directory: Pick<PlcClient, 'log' | 'submit'>,
  did: Did,
  change: OperationChange,
  signer: Signer,
): Promise<PlcResult<PlcData>> {
  let refused: { readonly head: string; readonly answer: PlcResult<never> } | null = null
  for (let attempt = 1; ; attempt++) {
    const log = await directory.log(did)
    if (!log.ok) return refused?.answer ?? log
    const verified = verifyLog(did, log.value)
    if (!verified.ok) return verified
    const { head } = verified.value
    const last = log.value.at(-1)!
    const before = normalizeOperation(last)
    if (before === null) return fail('tombstoned', `DID is tombstoned; did=${did}`)
    const next = updateOperation(last, change)
    if (isSameState(next, before)) return { ok: true, value: operationData(did, before)! }
    // Where nobody came first, that is not why it was refused.
    if (refused !== null && (head === refused.head || attempt > MAX_ATTEMPTS)) return refused.answer
    const answer = await directory.submit(did, await signOperation(next, signer))
    if (answer.ok) return { ok: true, value: operationData(did, next)! }
    refused = { head, answer }
  }
}
