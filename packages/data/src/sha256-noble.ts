import { sha256 } from '@noble/hashes/sha2.js'

// In JavaScript, for runtimes without node:crypto (WebCrypto's digest is asynchronous).

/** Writes the 32 bytes of a digest. */
export function writeSha256(bytes: Uint8Array, target: Uint8Array, at: number): void {
  target.set(sha256(bytes), at)
}

/** Whether the 32 bytes at `at` of `expected` are the digest. */
export function isSha256(bytes: Uint8Array, expected: Uint8Array, at: number): boolean {
  const digest = sha256(bytes)
  for (let i = 0; i < 32; i++) if (digest[i] !== expected[at + i]) return false
  return true
}
