import { importKeypair } from '@avocet/crypto'
import { plcClient } from '@avocet/plc'
import type { Did } from '@avocet/syntax'

import type { StoresView } from '../stores/view.ts'
import type { Finding } from './finding.ts'

/** Requests to the directory at a time. */
const PARALLEL = 4

/** What an identity should say. */
export interface Expected {
  readonly plcUrl: string
  /** Origin of the server, as DID documents name it. */
  readonly endpoint: string
  /** The did:key that this server signs operations with; null when it is not known here. */
  readonly rotationKey: string | null
}

/** What the directory says of accounts against what the server has: handle, signing key, server, rotation key. */
export async function identityChecks(
  view: Pick<StoresView, 'accounts' | 'secrets'>,
  dids: readonly Did[],
  expected: Expected,
): Promise<Finding[]> {
  const findings: Finding[] = []
  const asked = dids.filter((did) => did.startsWith('did:plc:'))
  const queue = [...asked]
  const work = async (): Promise<void> => {
    for (let did = queue.pop(); did !== undefined; did = queue.pop()) {
      const finding = await identity(view, did, expected)
      if (finding !== null) findings.push(finding)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  if (findings.some(({ level }) => level !== 'ok')) return findings
  return [{ level: 'ok', what: 'identities', detail: `${asked.length} asked for, all as they are here` }]
}

async function identity(
  { accounts, secrets }: Pick<StoresView, 'accounts' | 'secrets'>,
  did: Did,
  expected: Expected,
): Promise<Finding | null> {
  const what = `identity ${did}`
  const account = await accounts.get(did)
  const privateKey = await secrets.signingKey(did)
  // A deactivated account may live elsewhere by now, or not live here yet.
  if (account === null || privateKey === null || account.deactivatedAt !== null) return null
  const result = await plcClient({ url: expected.plcUrl, timeoutMs: 5000 }).lastOperation(did)
  if (!result.ok) {
    const next = 'look at PDS_DID_PLC_URL; avocet-pds doctor again'
    return { level: 'warn', what, detail: `the directory does not tell: ${result.error.message}`, next }
  }
  const operation = result.value
  if (operation.type !== 'plc_operation') {
    return { level: 'bad', what, detail: `its last operation is a ${operation.type}`, next: 'ask its owner' }
  }
  const key = importKeypair('k256', privateKey).didKey
  const endpoint = operation.services['atproto_pds']?.endpoint ?? 'none'
  const bad = (detail: string, next: string): Finding => ({ level: 'bad', what, detail, next })
  if (URL.parse(endpoint)?.origin !== URL.parse(expected.endpoint)?.origin) {
    return bad(
      `it lives at ${endpoint}`,
      `if it moved away: deactivate it, avocet-pds account takedown ${did}`,
    )
  }
  if (operation.verificationMethods['atproto'] !== key) {
    return bad('the directory has another signing key', `avocet-pds rotate-keys ${did}`)
  }
  if (account.handle !== null && operation.alsoKnownAs[0] !== `at://${account.handle}`) {
    const told = operation.alsoKnownAs[0] ?? 'no handle'
    return bad(
      `the directory says ${told}, the account ${account.handle}`,
      `avocet-pds account publish-identity ${did}`,
    )
  }
  if (expected.rotationKey !== null && !operation.rotationKeys.includes(expected.rotationKey)) {
    const next = 'its owner signs changes; restore secrets.json if the key was lost'
    return { level: 'warn', what, detail: "the server's rotation key is not listed", next }
  }
  return null
}
