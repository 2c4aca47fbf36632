import { writeSha256 } from '#sha256'

/**
 * The sha-256 digest of some bytes, synchronously: OpenSSL on Node (and Bun, Deno), `@noble/hashes` elsewhere.
 *
 * @returns 32 new bytes.
 */
export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const digest = new Uint8Array(32)
  writeSha256(bytes, digest, 0)
  return digest
}
