// https://atproto.com/specs/cryptography

import { openPrivateKey } from '#ecdsa'
import { isPrivateKey, PRIVATE_KEY_LENGTH, toLowS, type Curve, type PublicKey } from './curve.ts'
import { CryptoError } from './error.ts'
import { formatDidKey, type DidKey } from './key-text.ts'

/** Something that signs: a key in memory, or one kept by a device or a service. */
export interface Signer {
  readonly curve: Curve
  /** The public key that checks its signatures. */
  readonly didKey: DidKey
  /** The signature of sha256(message): r and s, 64 bytes, s in the lower half. */
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** A private key in memory. */
export interface Keypair extends Signer {
  readonly publicKey: PublicKey
  /** The private key, 32 bytes; a copy. */
  exportPrivateKey(): Uint8Array
}

/** A new random key. */
export function createKeypair(curve: Curve = 'k256'): Keypair {
  const privateKey = new Uint8Array(PRIVATE_KEY_LENGTH)
  do {
    crypto.getRandomValues(privateKey)
  } while (!isPrivateKey(curve, privateKey))
  return importKeypair(curve, privateKey)
}

/**
 * The key with this private key.
 *
 * @param privateKey - 32 bytes, big-endian; copied.
 * @throws CryptoError `invalid-private-key` unless it is a number in [1, n).
 */
export function importKeypair(curve: Curve, privateKey: Uint8Array): Keypair {
  if (!isPrivateKey(curve, privateKey)) {
    throw new CryptoError(
      'invalid-private-key',
      `not a private key; curve=${curve} length=${privateKey.length}`,
    )
  }
  const copy = Uint8Array.from(privateKey)
  const opened = openPrivateKey(curve, copy)
  const publicKey: PublicKey = { curve, bytes: opened.publicKey }
  return {
    curve,
    publicKey,
    didKey: formatDidKey(publicKey),
    sign: async (message) => toLowS(curve, opened.sign(message)),
    exportPrivateKey: () => Uint8Array.from(copy),
  }
}
