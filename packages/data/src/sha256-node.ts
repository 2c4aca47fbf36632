import crypto from 'node:crypto'

/** In one call, which some runtimes with Node's modules do not have; read from the default export, so that it may be absent. */
const hash = crypto.hash as typeof crypto.hash | undefined

/** sha-256 by OpenSSL. */
export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const digest =
    hash === undefined ? crypto.createHash('sha256').update(bytes).digest() : hash('sha256', bytes, 'buffer')
  return new Uint8Array(digest.buffer, digest.byteOffset, 32)
}
