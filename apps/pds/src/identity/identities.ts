import type { DidKey, Keypair } from '@avocet/crypto'
import { importNativeKeypair } from '@avocet/crypto-native'
import {
  createOperation,
  didForOperation,
  operationToDidDocument,
  signOperation,
  tombstoneOperation,
  isSameState,
  updateOperation,
  type OperationChange,
  type PlcClient,
  type PlcDidDocument,
  type PlcError,
  type PlcOperation,
  type Signed,
  type SignedOperation,
} from '@avocet/plc'
import type { Did, Handle } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { PublicAddress } from './address.ts'

/** An identity made here, not yet known to the directory. */
export interface NewIdentity {
  readonly did: Did
  readonly genesis: Signed<PlcOperation>
  readonly document: PlcDidDocument
}

/** What a did:plc that lives here should say. */
export interface RecommendedCredentials {
  readonly rotationKeys: readonly string[]
  readonly alsoKnownAs: readonly string[]
  readonly verificationMethods: Readonly<Record<string, string>>
  readonly services: Readonly<Record<string, { type: string; endpoint: string }>>
}

/** Making and changing the did:plc identities of accounts. */
export interface Identities {
  /** Composes and signs a genesis operation; nothing is sent. `recoveryKey` is the user's own, put first. */
  compose(handle: Handle, signingKey: DidKey, recoveryKey: string | null): Promise<NewIdentity>
  /** Registers it. @throws PdsError `directory-failed` */
  register(identity: NewIdentity): Promise<void>
  /** Ends an identity whose account could not be made, so that nothing half-made stays. Does not throw. */
  withdraw(identity: NewIdentity): Promise<void>
  /** Changes an identity this server may rotate; a did:web is left to its owner. @throws PdsError `directory-failed` */
  change(did: Did, change: OperationChange): Promise<void>
  /** The newest operation, changed and signed by this server, not sent. @throws PdsError */
  sign(did: Did, change: OperationChange): Promise<SignedOperation>
  submit(did: Did, operation: SignedOperation): Promise<void>
  recommended(handle: Handle, signingKey: DidKey): RecommendedCredentials
  /** The newest operation. @throws PdsError `directory-failed`, `invalid-request` for one that ended the identity */
  last(did: Did): Promise<Signed<PlcOperation>>
  /** Whether a key of this server may sign what follows an operation. */
  maySign(last: PlcOperation): boolean
  /** The did:key that signs this server's PLC operations. */
  readonly rotationKey: DidKey
  /** The one before, which signs where the new one is not listed yet. */
  readonly previousRotationKey: DidKey | null
}

/** Identities in the directory behind `plc`. */
export function createIdentities(
  plc: PlcClient,
  rotationKeyHex: string,
  previousKeyHex: string | null,
  recoveryDidKey: string | null,
  address: PublicAddress,
): Identities {
  const rotation: Keypair = importNativeKeypair('k256', Buffer.from(rotationKeyHex, 'hex'))
  const previous =
    previousKeyHex === null ? null : importNativeKeypair('k256', Buffer.from(previousKeyHex, 'hex'))

  /** The key of this server that an operation lists; its own where it lists none, for the directory to refuse. */
  const signerAfter = (last: SignedOperation): Keypair =>
    previous !== null && last.type === 'plc_operation' && !last.rotationKeys.includes(rotation.didKey)
      ? previous
      : rotation

  const rotationKeys = (own: string | null): string[] => [
    ...new Set([own, recoveryDidKey, rotation.didKey].filter((key) => key !== null)),
  ]

  const submit = async (did: Did, operation: SignedOperation): Promise<void> => {
    const result = await plc.submit(did, operation)
    if (!result.ok) throw failed(result.error)
  }

  const sign: Identities['sign'] = async (did, change) => {
    const last = await plc.lastOperation(did)
    if (!last.ok) throw failed(last.error)
    return signOperation(updateOperation(last.value, change), signerAfter(last.value))
  }

  const last: Identities['last'] = async (did) => {
    const found = await plc.lastOperation(did)
    if (!found.ok) throw failed(found.error)
    if (found.value.type === 'plc_operation') return found.value
    throw new PdsError('invalid-request', `The last operation of the identity is a ${found.value.type}`)
  }

  return {
    last,
    maySign: ({ rotationKeys: listed }) =>
      [rotation, previous].some((key) => key !== null && listed.includes(key.didKey)),
    rotationKey: rotation.didKey,
    previousRotationKey: previous?.didKey ?? null,
    compose: async (handle, signingKey, recoveryKey) => {
      const operation = createOperation({
        rotationKeys: rotationKeys(recoveryKey),
        signingKey,
        handle,
        pds: address.url(),
      })
      const genesis = await signOperation(operation, rotation)
      const did = didForOperation(genesis)
      return { did, genesis, document: operationToDidDocument(did, genesis)! }
    },
    register: ({ did, genesis }) => submit(did, genesis),
    withdraw: async ({ did, genesis }) => {
      // The directory may be what failed; then there is nothing to withdraw.
      await plc.submit(did, await signOperation(tombstoneOperation(genesis), rotation))
    },
    change: async (did, change) => {
      if (!did.startsWith('did:plc:')) return
      const before = await last(did)
      const next = updateOperation(before, change)
      // An operation that changes nothing would stay in the log for ever.
      if (isSameState(next, before)) return
      await submit(did, await signOperation(next, signerAfter(before)))
    },
    sign,
    submit,
    recommended: (handle, signingKey) => ({
      rotationKeys: rotationKeys(null),
      alsoKnownAs: [`at://${handle}`],
      verificationMethods: { atproto: signingKey },
      services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: address.url() } },
    }),
  }
}

function failed(error: PlcError): PdsError {
  const code =
    error.code === 'rejected' || error.code === 'not-found' ? 'invalid-request' : 'directory-failed'
  return new PdsError(code, `The did:plc directory did not accept the operation: ${error.message}`, {
    cause: error,
  })
}
