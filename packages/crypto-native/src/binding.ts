// libsecp256k1 comes ready-built inside the `secp256k1` package, for some platforms. Its main entry falls back to a
// JavaScript library (elliptic) that is slower than OpenSSL, silently: only the entry that loads the binding is used here.

import { createRequire } from 'node:module'

import type * as secp256k1 from 'secp256k1'

/**
 * The two calls of libsecp256k1 that are needed. `ecdsaVerify` throws for r or s not below n and for bytes that are no
 * point; `ecdsaSign` is deterministic (RFC 6979) and low-S.
 */
export type Binding = Pick<typeof secp256k1, 'ecdsaVerify' | 'ecdsaSign'>

/** Loads libsecp256k1, or null where there is none for this platform. */
export function loadBinding(): Binding | null {
  try {
    return createRequire(import.meta.url)('secp256k1/bindings.js') as Binding
  } catch {
    return null
  }
}
