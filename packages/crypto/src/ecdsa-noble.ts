// The signature backend of every runtime but Node.

import { p256 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { Curve, PublicKey } from './curve.ts'

const CURVES = { k256: secp256k1, p256 } as const

/** The compressed form of a compressed or uncompressed point, or null where the bytes are no point of the curve. */
export function compressPoint(curve: Curve, bytes: Uint8Array): Uint8Array | null {
  try {
    return CURVES[curve].Point.fromBytes(bytes).toBytes(true)
  } catch {
    return null
  }
}

/** Checks a signature whose form was checked already; false for a key that is no point. */
export function verifyCanonical(key: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  // noble also takes uncompressed keys.
  if (key.bytes.length !== 33) return false
  try {
    return CURVES[key.curve].verify(signature, message, key.bytes, { lowS: true, prehash: true })
  } catch {
    return false
  }
}

/** The compressed public key of a private key, and a function that signs sha256(message) with it, r and s compact. */
export function openPrivateKey(
  curve: Curve,
  privateKey: Uint8Array,
): { publicKey: Uint8Array; sign: (message: Uint8Array) => Uint8Array } {
  const { getPublicKey, sign } = CURVES[curve]
  return {
    publicKey: getPublicKey(privateKey, true),
    sign: (message) => sign(message, privateKey, { lowS: true, prehash: true }),
  }
}
