// https://atproto.com/specs/cryptography#public-key-encoding
// https://www.w3.org/TR/controller-document/#Multikey

import { compressPoint } from './ecdsa.ts'
import type { Curve, PublicKey } from '../curve.ts'
import { readDidKey, readMultikey, readPoint, readVerificationMethod, type KeyResult } from '../key-text.ts'

/**
 * A point as a key, compressed (33 bytes) or not (65), checked to be on the curve.
 *
 * @returns failure `invalid-public-key`.
 */
export function parsePoint(curve: Curve, bytes: Uint8Array): KeyResult<PublicKey> {
  return readPoint(compressPoint, curve, bytes)
}

/**
 * The key in a multikey: multibase `z` (base58btc) of a codec prefix and the compressed point, as in the
 * `publicKeyMultibase` of a `Multikey` verification method.
 *
 * @returns failures `invalid-multikey` (not such a text), `invalid-public-key` (not a point of the curve).
 */
export function parseMultikey(text: string): KeyResult<PublicKey> {
  return readMultikey(compressPoint, text)
}

/**
 * The key in a `did:key`.
 *
 * @returns failures `invalid-did-key`, `invalid-multikey`, `invalid-public-key`.
 */
export function parseDidKey(text: string): KeyResult<PublicKey> {
  return readDidKey(compressPoint, text)
}

/**
 * The key of a verification method in a DID document: `Multikey`, or one of the two early types.
 *
 * @param type - the method's `type`.
 * @param publicKeyMultibase - its `publicKeyMultibase`.
 * @returns failures `unsupported-type`, `invalid-multikey`, `invalid-public-key`.
 */
export function parseVerificationMethod(type: string, publicKeyMultibase: string): KeyResult<PublicKey> {
  return readVerificationMethod(compressPoint, type, publicKeyMultibase)
}
