// https://atproto.com/specs/data-model#link-and-cid-formats
// Only one shape of CID exists in the protocol: version 1, codec dag-cbor or raw, sha-256. Its binary form is always
// 36 bytes and its text 59 characters, which makes the fast paths here possible.
//
// What a CID is and says, without multiformats: programs that check or write values, and make no CID of their own, are
// spared its bytes. `cid.ts` makes CIDs.

import type { CID } from 'multiformats/cid'
import { decodeBase32Cid, encodeBase32Cid } from './base32.ts'
import { latin1 } from './latin1.ts'

export const VERSION = 0x01
export const CODE_CBOR = 0x71
export const CODE_RAW = 0x55
export const HASH_SHA256 = 0x12
export const HEAD_LENGTH = 4
export const DIGEST_LENGTH = 32

/** Bytes in a binary CID of the protocol: version, codec, hash function, hash length, 32 of digest. */
export const CID_LENGTH = 36

/**
 * A `CID` as multiformats knows it (`instanceof CID` holds, every method works), made without the five objects that
 * its constructor makes: the multihash is put together when somebody asks for it, and the text is kept. Its prototype
 * and `multihash` are in `cid.ts`, the one module that makes any.
 */
export class CompactCid {
  readonly code: number
  readonly version = 1
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly '/': Uint8Array<ArrayBuffer>
  #text: string | undefined = undefined

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.code = bytes[1]!
    this.bytes = bytes
    this['/'] = bytes
  }

  get [Symbol.toStringTag](): string {
    return 'CID'
  }

  /** The text of a CID that is one of these, computed once. `encode` is given: who writes no CID needs none. */
  static text(cid: CompactCid, encode: (bytes: Uint8Array) => string): string {
    return (cid.#text ??= encode(cid.bytes))
  }

  static is(value: object): value is CompactCid {
    return #text in value
  }
}

/** Whether `bytes` holds, from `at`, the 36 bytes of a CID of the protocol. */
export function hasCidShape(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === VERSION &&
    (bytes[at + 1] === CODE_CBOR || bytes[at + 1] === CODE_RAW) &&
    bytes[at + 2] === HASH_SHA256 &&
    bytes[at + 3] === DIGEST_LENGTH &&
    at + CID_LENGTH <= bytes.length
  )
}

/** The 36 bytes behind a text like `bafyrei…`; null unless it is the one spelling of a CID of the protocol. */
export function cidTextBytes(text: string): Uint8Array<ArrayBuffer> | null {
  const bytes = decodeBase32Cid(text)
  return bytes !== null && hasCidShape(bytes, 0) ? bytes : null
}

/** The text of a CID: base32, 59 characters for those of the protocol. */
export function formatCid(cid: CID): string {
  if (CompactCid.is(cid)) return CompactCid.text(cid, encodeBase32Cid)
  // Of multiformats' own making; of other kinds only that package knows the text.
  const { bytes } = cid
  return bytes.length === CID_LENGTH && hasCidShape(bytes, 0) ? encodeBase32Cid(bytes) : cid.toString()
}

/** A string that is equal for equal CIDs and no others: the cheapest key for a `Map`. Its content is not specified. */
export function cidKey(cid: CID): string {
  return latin1(cid.bytes, 0, cid.bytes.length)
}

/** Whether two CIDs are the same. */
export function cidEquals(a: CID, b: CID): boolean {
  if (a === b) return true
  const left = a.bytes
  const right = b.bytes
  if (left.length !== right.length) return false
  // The last bytes differ first: the head is the same in all CIDs.
  for (let i = left.length - 1; i >= 0; i--) if (left[i] !== right[i]) return false
  return true
}

/** Whether a value is a CID of the protocol, from this or from another copy of multiformats. */
export function isCid(value: unknown): value is CID {
  if (typeof value !== 'object' || value === null) return false
  if (CompactCid.is(value)) return true
  const { bytes, '/': slash } = value as { bytes?: unknown; '/'?: unknown }
  return (
    bytes instanceof Uint8Array && slash === bytes && bytes.length === CID_LENGTH && hasCidShape(bytes, 0)
  )
}
