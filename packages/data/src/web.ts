// https://atproto.com/specs/data-model#link-and-cid-formats
// CIDs by WebCrypto: asynchronous, and so without a hash function in a bundle.

import { cidFromDigest, type CID, type CidCodec } from './cid.ts'
import { CID_LENGTH, HEAD_LENGTH } from './compact-cid.ts'

async function digestOf(bytes: Uint8Array): Promise<Uint8Array> {
  // WebCrypto takes no shared memory.
  const message = bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice()
  return new Uint8Array(await crypto.subtle.digest('SHA-256', message))
}

async function hashed(codec: CidCodec, bytes: Uint8Array): Promise<CID> {
  return cidFromDigest(codec, await digestOf(bytes))
}

/**
 * The CID of an encoded block, as `cidForCbor` of the main entry. Rejects where there is no WebCrypto, as in pages that came by
 * plain HTTP.
 */
export async function cidForCbor(bytes: Uint8Array): Promise<CID> {
  return await hashed('dag-cbor', bytes)
}

/** The CID of a blob, as `cidForRaw` of the main entry. Rejects where there is no WebCrypto. */
export async function cidForRaw(bytes: Uint8Array): Promise<CID> {
  return await hashed('raw', bytes)
}

/** Whether `bytes` are what a CID names, as `verifyCid` of the main entry. Rejects where there is no WebCrypto. */
export async function verifyCid(cid: CID, bytes: Uint8Array): Promise<boolean> {
  const expected = cid.bytes
  if (expected.length !== CID_LENGTH) return false
  const digest = await digestOf(bytes)
  return digest.every((byte, i) => byte === expected[HEAD_LENGTH + i])
}
