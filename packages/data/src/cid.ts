// https://atproto.com/specs/data-model#link-and-cid-formats
// Makes CIDs, and so needs multiformats, whose class they are of.

import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { isSha256, writeSha256 } from '#sha256'
import {
  CID_LENGTH,
  cidTextBytes,
  CODE_CBOR,
  CODE_RAW,
  CompactCid,
  DIGEST_LENGTH,
  hasCidShape,
  HASH_SHA256,
  HEAD_LENGTH,
  VERSION,
} from './compact-cid.ts'
import { DataError } from './error.ts'

/** The codecs of the protocol: records, tree nodes and commits are `dag-cbor`, blobs are `raw`. */
export type CidCodec = 'dag-cbor' | 'raw'

Object.setPrototypeOf(CompactCid.prototype, CID.prototype)
Object.defineProperty(CompactCid.prototype, 'multihash', {
  get: function (this: CompactCid): CID['multihash'] {
    return createDigest(HASH_SHA256, this.bytes.subarray(HEAD_LENGTH))
  },
  configurable: true,
})

function compact(bytes: Uint8Array<ArrayBuffer>): CID {
  return new CompactCid(bytes) as unknown as CID
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
  const bytes = cidTextBytes(text)
  if (bytes === null) {
    throw new DataError('invalid-cid', `not a base32 CIDv1 with sha-256; text=${text.slice(0, 80)}`)
  }
  return compact(bytes)
}

/** Whether `bytes` are what a CID names: their sha-256 is its digest. */
export function verifyCid(cid: CID, bytes: Uint8Array): boolean {
  return cid.bytes.length === CID_LENGTH && isSha256(bytes, cid.bytes, HEAD_LENGTH)
}

export { CID }
