// libsecp256k1 comes ready-built inside the `secp256k1` package, for some platforms. Its main entry falls back to a
// JavaScript library (elliptic) that is slower than OpenSSL, silently: only the entry that loads the binding is used here.

import { createRequire } from 'node:module'

/** The two calls of libsecp256k1 that are needed. */
export interface Binding {
  /** @throws for r or s not below n, and for bytes that are no point. */
  readonly ecdsaVerify: (signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array) => boolean
  /** Deterministic (RFC 6979), low-S. */
  readonly ecdsaSign: (digest: Uint8Array, privateKey: Uint8Array) => { signature: Uint8Array }
}

/** Loads libsecp256k1, or null where there is none for this platform. */
export function loadBinding(): Binding | null {
  try {
    return createRequire(import.meta.url)('secp256k1/bindings.js') as Binding
  } catch {
    return null
  }
}
