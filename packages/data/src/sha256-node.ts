import crypto from 'node:crypto'

/** In one call, which some runtimes with Node's modules do not have; read from the default export, so that it may be absent. */
const hash = crypto.hash as typeof crypto.hash | undefined

/**
 * The digest as a text of 32 characters, one a byte. Asking OpenSSL's binding for a Buffer instead costs another 450 ns, twice
 * what hashing a small block takes: a Buffer of its own needs memory outside of the heap.
 */
function digestText(bytes: Uint8Array): string {
  if (hash === undefined) return crypto.createHash('sha256').update(bytes).digest('binary')
  return hash('sha256', bytes, 'binary')
}

/** Writes the 32 bytes of a digest, by OpenSSL. */
export function writeSha256(bytes: Uint8Array, target: Uint8Array, at: number): void {
  const text = digestText(bytes)
  for (let i = 0; i < 32; i++) target[at + i] = text.charCodeAt(i)
}

/** Whether the 32 bytes at `at` of `expected` are the digest. */
export function isSha256(bytes: Uint8Array, expected: Uint8Array, at: number): boolean {
  const text = digestText(bytes)
  for (let i = 0; i < 32; i++) if (text.charCodeAt(i) !== expected[at + i]) return false
  return true
}
