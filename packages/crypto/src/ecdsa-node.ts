// The signature backend on Node: OpenSSL. Bun and Deno have node:crypto too, over other libraries: they take noble.

import { createECDH, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import type { Curve, PublicKey } from './curve.ts'
import { fromDer, toDer } from './der.ts'

const OPENSSL_NAMES = { k256: 'secp256k1', p256: 'prime256v1' } as const

const OBJECT_IDS: Record<Curve, readonly number[]> = {
  k256: [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
  p256: [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
}

const EC_PUBLIC_KEY = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]

/** OpenSSL's form of a public key costs as much as a few verifications: it is kept as long as the key is. */
const parsed = new WeakMap<PublicKey, KeyObject>()

/** DER of one tag; every content here is shorter than 128 bytes. */
function der(tag: number, ...content: ReadonlyArray<number | readonly number[] | Uint8Array>): number[] {
  const flat = content.flatMap((part) => (typeof part === 'number' ? [part] : [...part]))
  return [tag, flat.length, ...flat]
}

/** SubjectPublicKeyInfo of a point (RFC 5480). OpenSSL checks that it lies on the curve. */
function importPoint(curve: Curve, bytes: Uint8Array): KeyObject | null {
  const algorithm = der(0x30, EC_PUBLIC_KEY, OBJECT_IDS[curve])
  const spki = Buffer.from(der(0x30, algorithm, der(0x03, 0x00, bytes)))
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    return null
  }
}

/** The compressed form of a compressed or uncompressed point, or null where the bytes are no point of the curve. */
export function compressPoint(curve: Curve, bytes: Uint8Array): Uint8Array | null {
  // OpenSSL would also take the hybrid form (06, 07) and one zero byte for infinity.
  const form = bytes[0]
  if (bytes.length === 33 ? form !== 2 && form !== 3 : bytes.length !== 65 || form !== 4) return null
  if (importPoint(curve, bytes) === null) return null
  // Not `slice`: that of a Buffer shares its memory, and the caller's bytes are theirs.
  const compressed = Uint8Array.from(bytes.subarray(0, 33))
  if (bytes.length === 65) compressed[0] = 2 | (bytes[64]! & 1)
  return compressed
}

/** Checks a signature whose form was checked already; false for a key that is no point. */
export function verifyCanonical(key: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  let object = parsed.get(key)
  if (object === undefined) {
    const point = key.bytes.length === 33 ? importPoint(key.curve, key.bytes) : null
    if (point === null) return false
    parsed.set(key, point)
    object = point
  }
  return verify('sha256', message, object, toDer(signature))
}

/** The compressed public key of a private key, and a function that signs sha256(message) with it, r and s compact. */
export function openPrivateKey(
  curve: Curve,
  privateKey: Uint8Array,
): { publicKey: Uint8Array; sign: (message: Uint8Array) => Uint8Array } {
  const ecdh = createECDH(OPENSSL_NAMES[curve])
  ecdh.setPrivateKey(privateKey)
  // ECPrivateKey (RFC 5915).
  const sec1 = Buffer.from(der(0x30, [0x02, 0x01, 0x01], der(0x04, privateKey), der(0xa0, OBJECT_IDS[curve])))
  const key = createPrivateKey({ key: sec1, format: 'der', type: 'sec1' })
  return {
    publicKey: new Uint8Array(ecdh.getPublicKey(null, 'compressed')),
    sign: (message) => fromDer(sign('sha256', message, key)),
  }
}
