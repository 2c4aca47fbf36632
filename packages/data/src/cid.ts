// https://atproto.com/specs/data-model#link-and-cid-formats
// Only one shape of CID exists in the protocol: version 1, codec dag-cbor or raw, sha-256. Its binary form is always
// 36 bytes and its text 59 characters, which makes the fast paths here possible.

import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { isSha256, writeSha256 } from '#sha256'
import { decodeBase32Cid, encodeBase32Cid } from './base32.ts'
import { DataError } from './error.ts'
import { latin1 } from './latin1.ts'

/** The codecs of the protocol: records, tree nodes and commits are `dag-cbor`, blobs are `raw`. */
export type CidCodec = 'dag-cbor' | 'raw'

const VERSION = 0x01
const CODE_CBOR = 0x71
const CODE_RAW = 0x55
const HASH_SHA256 = 0x12
const HEAD_LENGTH = 4
const DIGEST_LENGTH = 32

/** Bytes in a binary CID of the protocol: version, codec, hash function, hash length, 32 of digest. */
export const CID_LENGTH = 36

/**
 * A `CID` as multiformats knows it (`instanceof CID` holds, every method works), made without the five objects that
 * its constructor makes: the multihash is put together when somebody asks for it, and the text is kept.
 */
class CompactCid {
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

  get multihash(): CID['multihash'] {
    return createDigest(HASH_SHA256, this.bytes.subarray(HEAD_LENGTH))
  }

  get [Symbol.toStringTag](): string {
    return 'CID'
  }

  /** The text of a CID that is one of these, computed once. */
  static text(cid: CompactCid): string {
    return (cid.#text ??= encodeBase32Cid(cid.bytes))
  }

  static is(value: object): value is CompactCid {
    return #text in value
  }
}
Object.setPrototypeOf(CompactCid.prototype, CID.prototype)

function compact(bytes: Uint8Array<ArrayBuffer>): CID {
  return new CompactCid(bytes) as unknown as CID
}

/** Whether `bytes` holds, from `at`, the 36 bytes of a CID of the protocol. */
function hasCidShape(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === VERSION &&
    (bytes[at + 1] === CODE_CBOR || bytes[at + 1] === CODE_RAW) &&
    bytes[at + 2] === HASH_SHA256 &&
    bytes[at + 3] === DIGEST_LENGTH &&
    at + CID_LENGTH <= bytes.length
  )
}

/** A copy of 36 bytes. `slice` is the quickest way, but of a Buffer it is a view. */
function copyCid(bytes: Uint8Array, offset: number): Uint8Array<ArrayBuffer> {
  if (Object.getPrototypeOf(bytes) === Uint8Array.prototype) return bytes.slice(offset, offset + CID_LENGTH)
  const copy = new Uint8Array(CID_LENGTH)
  copy.set(bytes.subarray(offset, offset + CID_LENGTH))
  return copy
}

/** The 36 bytes of a CID whose digest is yet to be written. */
function withoutDigest(code: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CID_LENGTH)
  bytes[0] = VERSION
  bytes[1] = code
  bytes[2] = HASH_SHA256
  bytes[3] = DIGEST_LENGTH
  return bytes
}

function hashed(code: number, content: Uint8Array): CID {
  const bytes = withoutDigest(code)
  writeSha256(content, bytes, HEAD_LENGTH)
  return compact(bytes)
}

/** The CID of an encoded block (record, tree node, commit): codec dag-cbor, sha-256 of `bytes`. */
export function cidForCbor(bytes: Uint8Array): CID {
  return hashed(CODE_CBOR, bytes)
}

/** The CID of a blob: codec raw, sha-256 of `bytes`. */
export function cidForRaw(bytes: Uint8Array): CID {
  return hashed(CODE_RAW, bytes)
}

/**
 * The CID with a sha-256 digest that is known already.
 *
 * @throws DataError `invalid-cid` unless the digest has 32 bytes.
 */
export function cidFromDigest(codec: CidCodec, digest: Uint8Array): CID {
  if (digest.length !== DIGEST_LENGTH) {
    throw new DataError('invalid-cid', `a sha-256 digest has 32 bytes; length=${digest.length}`)
  }
  const bytes = withoutDigest(codec === 'raw' ? CODE_RAW : CODE_CBOR)
  bytes.set(digest, HEAD_LENGTH)
  return compact(bytes)
}

/**
 * The CID in its 36 binary bytes. They are copied.
 *
 * @throws DataError `invalid-cid` for another length, version, codec or hash.
 */
export function cidFromBytes(bytes: Uint8Array): CID {
  if (bytes.length !== CID_LENGTH || !hasCidShape(bytes, 0)) {
    throw new DataError('invalid-cid', `not the bytes of a CIDv1 with sha-256; length=${bytes.length}`)
  }
  return cidAt(bytes, 0)!
}

/**
 * The CID whose 36 binary bytes start at `offset` of a larger array, or null where there is none. They are copied, so
 * the CID does not keep the larger array alive.
 */
export function cidAt(bytes: Uint8Array, offset: number): CID | null {
  if (!hasCidShape(bytes, offset)) return null
  return compact(copyCid(bytes, offset))
}

/**
 * The CID in a text like `bafyrei…` (base32, 59 characters): the one spelling the protocol uses.
 *
 * @throws DataError `invalid-cid`.
 */
export function parseCid(text: string): CID {
  const bytes = decodeBase32Cid(text)
  if (bytes === null || !hasCidShape(bytes, 0)) {
    throw new DataError('invalid-cid', `not a base32 CIDv1 with sha-256; text=${text.slice(0, 80)}`)
  }
  return compact(bytes)
}

/** The text of a CID: base32, 59 characters for those of the protocol. */
export function formatCid(cid: CID): string {
  if (CompactCid.is(cid)) return CompactCid.text(cid)
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

/** Whether `bytes` are what a CID names: their sha-256 is its digest. */
export function verifyCid(cid: CID, bytes: Uint8Array): boolean {
  return cid.bytes.length === CID_LENGTH && isSha256(bytes, cid.bytes, HEAD_LENGTH)
}

export { CID }
