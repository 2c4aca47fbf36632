// https://atproto.com/specs/cryptography#ecdsa-signature-malleability

import { isCanonicalSignature, type PublicKey } from '../curve.ts'
import { verifyCanonical } from './ecdsa.ts'

/**
 * Whether `signature` is the key's signature of sha256(message), by the rules of `verifySignature`. Never rejects for a bad
 * signature or key; rejects where there is no WebCrypto, as in pages that came by plain HTTP.
 */
export async function verifySignature(
  key: PublicKey,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (!isCanonicalSignature(key.curve, signature)) return false
  // What the caller does with its bytes meanwhile changes nothing; and WebCrypto takes no shared memory.
  return await verifyCanonical(key, Uint8Array.from(message), Uint8Array.from(signature))
}
