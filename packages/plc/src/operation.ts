// https://web.plc.directory/spec/v0.1/did-plc#did-creation
import type { Signer } from '@avocet/crypto'
import { encodeOperation, encodeSignature, operationCid } from './encoding.ts'
import { PlcError } from './error.ts'
import type {
  PlcFields,
  PlcOperation,
  PlcTombstone,
  Signed,
  SignedOperation,
  UnsignedOperation,
} from './types.ts'

/** What an atproto account puts into its genesis operation. */
export interface AtprotoIdentity {
  /** `did:key`s in descending order of authority. */
  readonly rotationKeys: readonly string[]
  /** `did:key` that signs the account's commits. */
  readonly signingKey: string
  /** Bare, or with `at://`. */
  readonly handle: string
  /** The PDS's origin; `https://` is added to a bare host. */
  readonly pds: string
}

/** What an update changes; the rest stays as it was. */
export interface OperationChange extends Partial<PlcFields> {
  /** Replaces the first `at://` alias, or is put first. */
  readonly handle?: string
  /** Replaces `verificationMethods.atproto`. */
  readonly signingKey?: string
  /** Replaces `services.atproto_pds`. */
  readonly pds?: string
}

/** The unsigned genesis operation of an atproto account. */
export function createOperation(identity: AtprotoIdentity): PlcOperation {
  return {
    type: 'plc_operation',
    rotationKeys: [...identity.rotationKeys],
    verificationMethods: { atproto: identity.signingKey },
    alsoKnownAs: [atUri(identity.handle)],
    services: { atproto_pds: pdsService(identity.pds) },
    prev: null,
  }
}

/**
 * The unsigned operation that follows `previous` and changes what `change` names. For a recovery, `previous` is the last
 * operation to keep.
 * @throws {PlcError} `tombstoned` when nothing can follow
 */
export function updateOperation(previous: SignedOperation, change: OperationChange): PlcOperation {
  const { handle, signingKey, pds, ...fields } = change
  const last = normalizeOperation(previous)
  if (last === null) throw new PlcError('tombstoned', 'no operation can follow a tombstone')
  const next = { ...fieldsOf(last), ...fields }
  return {
    type: 'plc_operation',
    rotationKeys: next.rotationKeys,
    verificationMethods:
      signingKey === undefined
        ? next.verificationMethods
        : { ...next.verificationMethods, atproto: signingKey },
    alsoKnownAs: handle === undefined ? next.alsoKnownAs : withHandle(next.alsoKnownAs, handle),
    services: pds === undefined ? next.services : { ...next.services, atproto_pds: pdsService(pds) },
    prev: operationCid(previous),
  }
}

/** The unsigned tombstone that follows `previous`. @throws {PlcError} `tombstoned` when nothing can follow */
export function tombstoneOperation(previous: SignedOperation): PlcTombstone {
  if (previous.type === 'plc_tombstone')
    throw new PlcError('tombstoned', 'no operation can follow a tombstone')
  return { type: 'plc_tombstone', prev: operationCid(previous) }
}

/** Signs an operation with a rotation key. */
export async function signOperation<T extends UnsignedOperation>(
  operation: T,
  signer: Signer,
): Promise<Signed<T>> {
  const signature = await signer.sign(encodeOperation(operation))
  return { ...operation, sig: encodeSignature(signature) }
}

/** The operation in today's form, whatever form it has; null for a tombstone. */
export function normalizeOperation(operation: UnsignedOperation): PlcOperation | null {
  if (operation.type === 'plc_tombstone') return null
  if (operation.type === 'plc_operation') return operation
  return {
    type: 'plc_operation',
    rotationKeys: [operation.recoveryKey, operation.signingKey],
    verificationMethods: { atproto: operation.signingKey },
    alsoKnownAs: [atUri(operation.handle)],
    services: { atproto_pds: pdsService(operation.service) },
    prev: null,
  }
}

/** Whether two operations say the same of the DID. The order of rotation keys and aliases counts, that of named entries does not. */
export function isSameState(a: PlcOperation, b: PlcOperation): boolean {
  return JSON.stringify(inOrder(a)) === JSON.stringify(inOrder(b))
}

function inOrder({ rotationKeys, verificationMethods, alsoKnownAs, services }: PlcOperation): unknown[] {
  const sorted = (table: object): unknown[] => Object.entries(table).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return [rotationKeys, sorted(verificationMethods), alsoKnownAs, sorted(services)]
}

/** Just the fields that make the state of the DID. */
export function fieldsOf({
  rotationKeys,
  verificationMethods,
  alsoKnownAs,
  services,
}: PlcOperation): PlcFields {
  return { rotationKeys, verificationMethods, alsoKnownAs, services }
}

function withHandle(aliases: readonly string[], handle: string): string[] {
  const at = aliases.findIndex((alias) => alias.startsWith('at://'))
  return at < 0 ? [atUri(handle), ...aliases] : aliases.with(at, atUri(handle))
}

function pdsService(pds: string): { type: string; endpoint: string } {
  const endpoint = /^https?:\/\//.test(pds) ? pds : `https://${pds}`
  return { type: 'AtprotoPersonalDataServer', endpoint }
}

function atUri(handle: string): string {
  return handle.startsWith('at://') ? handle : `at://${handle.replace(/^https?:\/\//, '')}`
}
