// https://atproto.com/specs/cryptography

/** The two curves of the protocol: `k256` is secp256k1, `p256` is NIST P-256 (secp256r1). */
export type Curve = 'k256' | 'p256'

/** A public key. Make one with `parseDidKey`, `parseMultikey`, `parseVerificationMethod` or `parsePoint`, which check the point. */
export interface PublicKey {
  readonly curve: Curve
  /** The compressed point, 33 bytes. */
  readonly bytes: Uint8Array
}

/** The order n of each curve's group, and half of it, as 32 big-endian bytes. */
const ORDER: Record<Curve, Uint8Array> = {
  k256: /* @__PURE__ */ fromHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'),
  p256: /* @__PURE__ */ fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
}
const HALF_ORDER: Record<Curve, Uint8Array> = {
  k256: /* @__PURE__ */ fromHex('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0'),
  p256: /* @__PURE__ */ fromHex('7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8'),
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g)!, (pair) => Number.parseInt(pair, 16))
}

/** Bytes in a compact signature: r and s, 32 big-endian bytes each. */
export const SIGNATURE_LENGTH = 64

/** Bytes in a private key. */
export const PRIVATE_KEY_LENGTH = 32

/** Whether the 32 bytes at `at` are, as a big-endian number, in [1, max]. Takes the same time for every value. */
function inRange(bytes: Uint8Array, at: number, max: Uint8Array): boolean {
  let any = 0
  let borrow = 0
  for (let i = 31; i >= 0; i--) {
    const byte = bytes[at + i]!
    any |= byte
    borrow = (max[i]! - byte - borrow) >> 31 === 0 ? 0 : 1
  }
  return any !== 0 && borrow === 0
}

/** Whether these bytes are a private key: a number in [1, n). */
export function isPrivateKey(curve: Curve, bytes: Uint8Array): boolean {
  if (bytes.length !== PRIVATE_KEY_LENGTH) return false
  const max = Uint8Array.from(ORDER[curve])
  // Both orders are odd: no borrow.
  max[31]! -= 1
  return inRange(bytes, 0, max)
}

/**
 * Whether these bytes have the one form of a signature: 64 bytes, r in [1, n), s in [1, n/2]. The lower half only, or
 * anyone could turn a signature into a second valid one.
 */
export function isCanonicalSignature(curve: Curve, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_LENGTH) return false
  if (!inRange(signature, 32, HALF_ORDER[curve])) return false
  return inRange(signature, 0, ORDER[curve]) && !isOrder(curve, signature)
}

function isOrder(curve: Curve, signature: Uint8Array): boolean {
  const order = ORDER[curve]
  for (let i = 0; i < 32; i++) if (signature[i] !== order[i]) return false
  return true
}

/** Replaces s by n − s where it is in the upper half, in place. Any ECDSA signature becomes the canonical one. */
export function toLowS(curve: Curve, signature: Uint8Array): Uint8Array {
  if (inRange(signature, 32, HALF_ORDER[curve])) return signature
  const order = ORDER[curve]
  let borrow = 0
  for (let i = 31; i >= 0; i--) {
    const difference = order[i]! - signature[32 + i]! - borrow
    borrow = difference < 0 ? 1 : 0
    signature[32 + i] = difference & 0xff
  }
  return signature
}
