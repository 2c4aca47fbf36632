// https://web.plc.directory/spec/v0.1/did-plc#did-creation
import type { Signer } from '@avocet/crypto'
import type { Did } from '@avocet/syntax'
import type { PlcClient } from './client.ts'
import { didForOperation } from './encoding.ts'
import type { PlcResult } from './error.ts'
import { createOperation, signOperation, type AtprotoIdentity } from './operation.ts'

/**
 * Makes a DID for an account and hands it in. When the answer got lost the directory may have it all the same: it is of no use
 * then, and of no harm.
 * @param signer of one of the identity's rotation keys
 */
export async function registerDid(
  directory: Pick<PlcClient, 'submit'>,
  identity: AtprotoIdentity,
  signer: Signer,
): Promise<PlcResult<Did>> {
  const genesis = await signOperation(createOperation(identity), signer)
  const did = didForOperation(genesis)
  const submitted = await directory.submit(did, genesis)
  return submitted.ok ? { ok: true, value: did } : submitted
}
