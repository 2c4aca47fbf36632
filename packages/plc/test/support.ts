import { createKeypair, type Keypair } from '@avocet/crypto'
import {
  createOperation,
  didForOperation,
  operationCid,
  signOperation,
  type LogEntry,
  type Signed,
  type PlcOperation,
  type SignedOperation,
} from '../src/index.ts'

export interface Account {
  readonly did: `did:plc:${string}`
  readonly genesis: Signed<PlcOperation>
  readonly recovery: Keypair
  readonly rotation: Keypair
  readonly signing: Keypair
}

/** A new account whose genesis is signed by its lower rotation key. */
export async function createAccount(): Promise<Account> {
  const [recovery, rotation, signing] = [createKeypair('p256'), createKeypair('k256'), createKeypair('k256')]
  const genesis = await signOperation(
    createOperation({
      rotationKeys: [recovery.didKey, rotation.didKey],
      signingKey: signing.didKey,
      handle: 'alice.test',
      pds: 'https://pds.test',
    }),
    rotation,
  )
  return { did: didForOperation(genesis) as `did:plc:${string}`, genesis, recovery, rotation, signing }
}

export const START = Date.parse('2026-01-01T00:00:00.000Z')
export const HOUR = 3_600_000

export function logEntry(
  did: `did:plc:${string}`,
  operation: SignedOperation,
  hours: number,
  nullified = false,
): LogEntry {
  return {
    did,
    operation,
    cid: operationCid(operation),
    nullified,
    createdAt: new Date(START + hours * HOUR).toISOString(),
  }
}
