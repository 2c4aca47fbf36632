// https://web.plc.directory/spec/v0.1/did-plc#presentation-as-did-document
import { parseDidKey } from '@avocet/crypto'
import type { Did } from '@avocet/syntax'
import { fieldsOf, normalizeOperation } from './operation.ts'
import type { PlcData, UnsignedOperation } from './types.ts'

/** The DID document a directory answers. */
export interface PlcDidDocument {
  readonly '@context': readonly string[]
  readonly id: Did
  readonly alsoKnownAs: readonly string[]
  readonly verificationMethod: readonly {
    readonly id: string
    readonly type: 'Multikey'
    readonly controller: Did
    readonly publicKeyMultibase: string
  }[]
  readonly service: readonly {
    readonly id: string
    readonly type: string
    readonly serviceEndpoint: string
  }[]
}

const SUITES = {
  k256: 'https://w3id.org/security/suites/secp256k1-2019/v1',
  p256: 'https://w3id.org/security/suites/ecdsa-2019/v1',
} as const

/** The state of a DID after an operation; null after a tombstone. */
export function operationData(did: Did, operation: UnsignedOperation): PlcData | null {
  const regular = normalizeOperation(operation)
  return regular === null ? null : { did, ...fieldsOf(regular) }
}

/** The DID document of a DID whose newest operation this is; null after a tombstone. */
export function operationToDidDocument(did: Did, operation: UnsignedOperation): PlcDidDocument | null {
  const data = operationData(did, operation)
  return data === null ? null : dataToDidDocument(data)
}

/** The DID document of a state. */
export function dataToDidDocument(data: PlcData): PlcDidDocument {
  const context = ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1']
  const verificationMethod = Object.entries(data.verificationMethods).map(([id, key]) => {
    const parsed = parseDidKey(key)
    const suite = parsed.ok ? SUITES[parsed.value.curve] : undefined
    if (suite !== undefined && !context.includes(suite)) context.push(suite)
    return {
      id: `${data.did}#${id}`,
      type: 'Multikey' as const,
      controller: data.did,
      publicKeyMultibase: key.replace(/^did:key:/, ''),
    }
  })
  return {
    '@context': context,
    id: data.did,
    alsoKnownAs: [...data.alsoKnownAs],
    verificationMethod,
    service: Object.entries(data.services).map(([id, { type, endpoint }]) => ({
      id: `#${id}`,
      type,
      serviceEndpoint: endpoint,
    })),
  }
}
