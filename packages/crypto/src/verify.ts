// https://atproto.com/specs/cryptography#ecdsa-signature-malleability

import { verifyCanonical } from '#ecdsa'
import { isCanonicalSignature, type Curve, type PublicKey } from './curve.ts'

/**
 * Whether `signature` is the key's signature of sha256(message). Only the canonical form counts: 64 bytes, r and s
 * compact, s in the lower half; DER and high-S are refused. Never throws for a bad signature or key.
 */
export type VerifySignature = (key: PublicKey, message: Uint8Array, signature: Uint8Array) => boolean

/** {@link VerifySignature} by OpenSSL on Node, by `@noble/curves` elsewhere. */
export const verifySignature: VerifySignature = (key, message, signature) =>
  isCanonicalSignature(key.curve, signature) && verifyCanonical(key, message, signature)

/** The `alg` of a JWT signed on a curve (RFC 7518, RFC 8812). */
export function jwtAlgorithm(curve: Curve): 'ES256K' | 'ES256' {
  return curve === 'k256' ? 'ES256K' : 'ES256'
}
