// https://web.plc.directory/spec/v0.1/did-plc#operation-serialization-signing-and-validation
import type { Did } from '@avocet/syntax'

/** One entry of an operation's `services`. */
export interface PlcService {
  readonly type: string
  readonly endpoint: string
}

/** What an operation says about a DID. */
export interface PlcFields {
  /** `did:key`s that control the DID, in descending order of authority. */
  readonly rotationKeys: readonly string[]
  /** Fragment (without `#`) → `did:key`. */
  readonly verificationMethods: Readonly<Record<string, string>>
  /** URIs, the primary handle (`at://…`) first. */
  readonly alsoKnownAs: readonly string[]
  /** Fragment (without `#`) → service. */
  readonly services: Readonly<Record<string, PlcService>>
}

/** A genesis (`prev: null`) or update operation, not signed yet. */
export interface PlcOperation extends PlcFields {
  readonly type: 'plc_operation'
  /** CID of the operation before, as a string. */
  readonly prev: string | null
}

/** The operation that ends a DID, not signed yet. */
export interface PlcTombstone {
  readonly type: 'plc_tombstone'
  readonly prev: string
}

/** The genesis operation of the first DIDs. Read and verified, never made anew. */
export interface LegacyCreate {
  readonly type: 'create'
  readonly signingKey: string
  readonly recoveryKey: string
  readonly handle: string
  readonly service: string
  readonly prev: null
}

/** An operation of any kind before it is signed. */
export type UnsignedOperation = PlcOperation | PlcTombstone | LegacyCreate

/** An operation with its signature: base64url (no padding) of 64 bytes. */
export type Signed<T extends UnsignedOperation> = T & { readonly sig: string }

/** A signed operation of any kind. */
export type SignedOperation = Signed<PlcOperation> | Signed<PlcTombstone> | Signed<LegacyCreate>

/** The present state of a DID: what `GET /:did/data` answers. */
export interface PlcData extends PlcFields {
  readonly did: Did
}

/** One line of an audit log or of an export. */
export interface LogEntry {
  readonly did: Did
  readonly operation: SignedOperation
  /** CID of the signed operation, as a string. */
  readonly cid: string
  /** True when a later recovery took this operation out of the history. */
  readonly nullified: boolean
  /** When the directory accepted it: ISO 8601, UTC. */
  readonly createdAt: string
}
