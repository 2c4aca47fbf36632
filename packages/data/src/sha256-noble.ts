import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'

/** sha-256 in JavaScript, for runtimes without node:crypto (WebCrypto's digest is asynchronous). */
export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return nobleSha256(bytes)
}
