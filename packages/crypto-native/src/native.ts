// The contract of @avocet/crypto (https://atproto.com/specs/cryptography) over libsecp256k1.

import { hash } from 'node:crypto'
import {
  importKeypair,
  isCanonicalSignature,
  verifySignature,
  type Curve,
  type Keypair,
  type VerifySignature,
} from '@avocet/crypto'
import { loadBinding } from './binding.ts'

const binding = loadBinding()

/** Whether libsecp256k1 was found. Without it everything here works all the same, at the speed of `@avocet/crypto`. */
export const isNative: boolean = binding !== null

/**
 * A verifier with the contract of `verifySignature` of `@avocet/crypto`: K-256 by libsecp256k1 (some six times faster than
 * OpenSSL), P-256 by OpenSSL. Where there is no libsecp256k1 for this platform it is that `verifySignature`.
 */
export function nativeVerifier(): VerifySignature {
  if (binding === null) return verifySignature
  const { ecdsaVerify } = binding
  return (key, message, signature) => {
    if (key.curve !== 'k256') return verifySignature(key, message, signature)
    // libsecp256k1 throws for numbers out of range, and calls high-S false.
    if (!isCanonicalSignature('k256', signature) || key.bytes.length !== 33) return false
    try {
      return ecdsaVerify(signature, hash('sha256', message, 'buffer'), key.bytes)
    } catch {
      // The key is no point.
      return false
    }
  }
}

/**
 * The key with this private key: like `importKeypair` of `@avocet/crypto`, signing K-256 by libsecp256k1. Its signatures
 * are deterministic (RFC 6979) where libsecp256k1 was found.
 *
 * @param privateKey - 32 bytes, big-endian; copied.
 * @throws CryptoError `invalid-private-key`.
 */
export function importNativeKeypair(curve: Curve, privateKey: Uint8Array): Keypair {
  const keypair = importKeypair(curve, privateKey)
  if (binding === null || curve !== 'k256') return keypair
  const { ecdsaSign } = binding
  const secret = keypair.exportPrivateKey()
  return {
    ...keypair,
    sign: async (message) => ecdsaSign(hash('sha256', message, 'buffer'), secret).signature,
  }
}
