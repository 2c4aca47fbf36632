import { hash } from 'node:crypto'

/** sha-256 by OpenSSL, in one call. */
export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const digest = hash('sha256', bytes, 'buffer')
  return new Uint8Array(digest.buffer, digest.byteOffset, 32)
}
