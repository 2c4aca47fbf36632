import { sha256 as platformSha256 } from '#sha256'

/**
 * The sha-256 digest of some bytes, synchronously: OpenSSL on Node (and Bun, Deno), `@noble/hashes` elsewhere.
 *
 * @returns 32 new bytes.
 */
export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return platformSha256(bytes)
}
